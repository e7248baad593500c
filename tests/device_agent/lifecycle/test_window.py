"""When a request without an answer may still be served, and what leaving makes of it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from device_agent.config import Settings
from device_agent.errors import AgentError, NetworkError
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle import window
from device_agent.lifecycle.journal import load, opened
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.record import Record, Tombstone
from device_agent.lifecycle.ticket import OrphanTicket

from .conftest import CODE, Kiosk


class Later:
    """A clock that the test moves."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def settings(endpoint: str = "https://platform.example", blank_window_s: float | None = None) -> Settings:
    return Settings(endpoint=endpoint, state_dir=Path(), cache_dir=Path(), blank_window_s=blank_window_s)


@pytest.mark.parametrize(
    ("given", "source", "expected"),
    [
        (settings(), "board", 1960.0),
        (settings(), "assigned", 1960.0),
        (settings(), "random", 0.0),
        (settings("http://127.0.0.1:8080"), "board", 0.0),
        (settings("http://127.0.0.1:8080", 100.0), "random", 1100.0),
        (settings(blank_window_s=0.0), "board", 0.0),
    ],
)
def test_a_blank_disk(given: Settings, source: str, expected: float) -> None:
    assert window.of_a_blank_disk(now=1000.0, settings=given, id_source=source) == expected


def test_the_window_decides_what_an_unbind_means() -> None:
    assert window.unbound(now=10.0, unsure_until=11.0) is Event.UNBIND_OK_BUT_UNSURE
    assert window.unbound(now=11.0, unsure_until=11.0) is Event.UNBIND_OK


def test_a_device_from_a_blank_disk_unbinds_twice(kiosk: Kiosk, harness: RunningHarness) -> None:
    kiosk.overrides["blank_window_s"] = "960"
    with kiosk.engine() as engine:
        engine.bind()
        engine.unbind()
        assert engine.record.phase is Phase.SEALING
        until, order = engine.record.bind.unsure_until, engine.record.unbind
    assert order is not None
    assert order.intent_id
    harness.move_time(1000)
    with kiosk.engine(clock=Later(until + 1)) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
        tombstone = engine.record.tombstone
    assert tombstone is not None
    first, second = tombstone.request_ids
    assert order.request_ids == (first,), "what is left of the device names both requests that gave its seat back"
    assert first != second
    assert [call.operation for call in harness.calls()].count("ClientUnbindDevice") == 2


def test_an_answered_request_leaves_the_window_of_those_before_it(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("drop_after", on="ClientAuth")
    with kiosk.engine() as engine:
        with pytest.raises(NetworkError):
            engine.bind()
        unsure = engine.record.bind.unsure_until
        assert unsure > 0
        engine.bind()
        assert engine.record.bind.unsure_until == unsure
    harness.fault("seat_taken", on="ClientAuth")
    fresh = Kiosk(folder=kiosk.folder.with_name("fresh"), harness=harness, serial="other")
    with fresh.engine() as engine:
        with pytest.raises(Exception, match="seat"):
            engine.bind()
        assert engine.record.bind.unsure_until == 0, "a refusal is an answer"


@pytest.mark.parametrize(
    ("fault", "unsure"),
    [
        ("drop_before", True), ("drop_after", True), ("late", True), ("duplicate", True), ("http_500", True),
        ("captive", True), ("redirect", True),
        ("throttle", False), ("token_expired", False), ("license_expired", False), ("seat_taken", False),
    ],
)  # fmt: skip
def test_which_failures_may_have_been_served(kiosk: Kiosk, harness: RunningHarness, fault: str, unsure: bool) -> None:
    """Whoever answers in the platform's place, and a platform that failed itself, may have served it all the same."""
    harness.fault(fault, on="ClientAuth", seconds=60.0)
    with kiosk.engine() as engine:
        with pytest.raises(AgentError):
            engine.bind()
        assert (engine.record.bind.outcome == "unsure") is unsure
        assert (engine.record.bind.unsure_until > engine.now + 900) is unsure


def test_the_intent_on_disk_counts_as_a_request_under_way(kiosk: Kiosk) -> None:
    """Power fails after the request left: what is on disk must say that it may be served."""
    seen = []

    def look(point: object) -> None:
        if point == "ClientAuth.send":
            seen.append(load(kiosk.folder / "state").record)

    with kiosk.engine(reach=look) as engine:
        engine.bind()
        assert engine.record.bind.unsure_until == 0
    (record,) = seen
    assert record.phase is Phase.BINDING
    assert record.bind.unsure_until > 0


def test_a_window_written_under_another_clock_ends_all_the_same(kiosk: Kiosk, harness: RunningHarness) -> None:
    kiosk.overrides["blank_window_s"] = "960"
    with kiosk.engine() as engine:
        engine.bind()
        engine.unbind()
    with opened(kiosk.folder / "state") as journal:
        far = msgspec.structs.replace(journal.record.bind, unsure_until=9e9)
        journal.write(journal.record.changed(bind=far))
    with kiosk.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.SEALING
        until = engine.record.bind.unsure_until
        assert until < 9e9
    harness.move_time(1000)
    with kiosk.engine(clock=Later(until + 1)) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_a_blank_disk_whose_clock_stands_in_1970_waits_all_the_same(kiosk: Kiosk, harness: RunningHarness) -> None:
    """A board without a battery: the identity is made before anybody tells the time, and then the clock jumps."""
    kiosk.overrides["blank_window_s"] = "960"
    clock = Later(1000.0)
    with kiosk.engine(clock=clock) as engine:
        engine.bind()
        clock.now = time.time()
        engine.unbind()
        assert engine.record.phase is Phase.SEALING
        left = engine.record.bind.unsure_until - time.time()
        assert 900 < left <= 961
    harness.move_time(1000)
    with kiosk.engine(clock=Later(time.time() + 1000)) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_an_order_on_a_blank_disk_before_anything_was_heard(kiosk: Kiosk, harness: RunningHarness) -> None:
    kiosk.overrides["blank_window_s"] = "960"
    harness.fault("drop_before", on="LicenseAuth")
    clock = Later(1000.0)
    with kiosk.engine(clock=clock) as engine:
        with pytest.raises(NetworkError):
            engine.bind()
        assert engine.record.phase is Phase.IDENTIFIED
    with kiosk.engine(clock=Later(time.time())) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.SEALING


def test_a_sealing_device_that_wakes_up_in_1970_does_not_cut_its_window_short(
    kiosk: Kiosk, harness: RunningHarness
) -> None:
    kiosk.overrides["blank_window_s"] = "960"
    with kiosk.engine() as engine:
        engine.bind()
        engine.unbind()
        until = engine.record.bind.unsure_until
    harness.fault("drop_before", on="ClientUnbindDevice")
    with kiosk.engine(clock=Later(1000.0)) as engine, pytest.raises(NetworkError):
        engine.unbind()
    with kiosk.engine(clock=Later(time.time() + 5)) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.SEALING
        assert engine.record.bind.unsure_until >= until - 1.0  # an HTTP date has no fractions of a second


def test_force_leaves_a_ticket_and_nothing_else(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
        device_id = engine.record.device_id
    kept: list[OrphanTicket] = []
    calls = len(harness.calls())
    with kiosk.engine() as engine:
        ticket = engine.abandon(keep=kept.append, reason="the kiosk was stolen")
        assert engine.record.phase is Phase.DECOMMISSIONED
        assert engine.abandon(keep=kept.append) is None
    assert kept == [ticket]
    assert ticket is not None
    assert (ticket.device_id, ticket.tenant_id) == (device_id, harness.ready.tenant_id)
    assert len(harness.calls()) == calls
    assert [seat["device_id"] for seat in harness.seats()] == [device_id], "leaked, and named by the ticket"
    assert not any("secrets" in name or name.startswith("cache") for name in kiosk.files())


def test_force_erases_nothing_that_no_ticket_names(kiosk: Kiosk) -> None:
    with kiosk.engine() as engine:
        engine.bind()

        def refuse(_ticket: OrphanTicket) -> None:
            raise OSError("no paper")

        with pytest.raises(OSError, match="no paper"):
            engine.abandon(keep=refuse)
        assert engine.record.phase is Phase.UNBINDING
    assert any("secrets" in name for name in kiosk.files())


def test_by_force_what_is_all_but_erased_gives_no_second_ticket(kiosk: Kiosk) -> None:
    """Power failed between the last two writes: nothing names the seat any more."""
    tombstone = Tombstone(id_hash="x", at=1.0)
    with kiosk.engine() as engine:
        engine._device.journal.write(Record(phase=Phase.ERASING, tombstone=tombstone))
        assert engine.abandon(keep=lambda _ticket: pytest.fail("a ticket")) is None
        assert (engine.record.phase, engine.record.tombstone) == (Phase.DECOMMISSIONED, tombstone)

"""Settings that name another platform than the one that holds this device's seat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.errors import NetworkError, SeatsFull, StateError
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.ticket import OrphanTicket

from .conftest import Kiosk


@pytest.fixture
def another(licence_key: rsa.RSAPrivateKey) -> Iterator[RunningHarness]:
    with RunningHarness.start(seats=2, keys=lambda: licence_key) as running:
        yield running


def seats(harness: RunningHarness) -> list[Any]:
    return [seat["device_id"] for seat in harness.seats()]


@pytest.mark.parametrize("answer", ["ok", "error"])
def test_a_seat_is_not_given_back_there(
    kiosk: Kiosk, harness: RunningHarness, another: RunningHarness, answer: str
) -> None:
    """It would say that all is well, or that there is no such device; either passes for a seat that is free."""
    another.rules(unknown_unbind=answer)
    with kiosk.engine() as engine:
        engine.bind()
    with kiosk.engine(overrides={"endpoint": another.ready.endpoint}) as engine:
        with pytest.raises(StateError) as caught:
            engine.unbind()
        assert (caught.value.code, engine.record.phase) == ("state.other_platform", Phase.UNBINDING)
        assert harness.ready.endpoint in caught.value.hint
    assert another.calls() == []
    with kiosk.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert seats(harness) == []


def test_it_takes_no_second_seat_there(kiosk: Kiosk, harness: RunningHarness, another: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    with kiosk.engine(overrides={"endpoint": another.ready.endpoint}) as engine:
        with pytest.raises(StateError, match="another endpoint"):
            engine.bind(lost=True)
        assert engine.record.endpoint == harness.ready.endpoint
    assert another.seats() == []


def test_a_wrong_address_is_put_right_as_long_as_no_seat_was_given_there(
    kiosk: Kiosk, harness: RunningHarness, another: RunningHarness
) -> None:
    with (
        kiosk.engine(overrides={"endpoint": "http://127.0.0.1:9"}) as engine,
        pytest.raises(NetworkError, match="nothing answers"),
    ):
        engine.bind()
    another.fault("seat_taken", on="ClientAuth")
    there = another.ready
    with (
        kiosk.engine(overrides={"endpoint": there.endpoint, "license_file": there.license_file}) as engine,
        pytest.raises(SeatsFull),
    ):
        engine.bind()
    with kiosk.engine() as engine:
        engine.bind()
        assert engine.record.phase is Phase.BOUND
    assert len(harness.seats()) == 1


def test_a_platform_that_is_gone_for_good_gets_a_ticket(
    kiosk: Kiosk, harness: RunningHarness, another: RunningHarness
) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    tickets: list[OrphanTicket] = []
    with kiosk.engine(overrides={"endpoint": another.ready.endpoint}) as engine:
        engine.abandon(keep=tickets.append)
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert [ticket.endpoint for ticket in tickets] == [harness.ready.endpoint]


def test_another_way_to_write_the_same_address_is_the_same_platform(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    with kiosk.engine(overrides={"endpoint": harness.ready.endpoint.upper().replace("HTTP", "http") + "/"}) as engine:
        engine.bind(lost=True)
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED

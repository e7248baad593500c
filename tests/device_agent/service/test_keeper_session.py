"""A device that has just taken its seat begins its session within seconds; after an outage, not all at once."""

from __future__ import annotations

import itertools

import pytest

from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Record

from .conftest import Site

HOUR = 3600.0


def times(site: Site, operation: str) -> list[float]:
    return [call.at for call in site.harness.calls(operation=operation)]


def session(site: Site) -> str:
    return str(site.report.snapshot.session)


def test_the_first_session_begins_seconds_after_the_seat_and_after_the_picture(site: Site) -> None:
    site.live(10)
    ((seat,), (picture,), (start,)) = (times(site, name) for name in ("ClientAuth", "Render3dAvatar", "ClientStart"))
    assert seat < picture < start <= seat + 3
    assert session(site) == "started"


def test_a_session_that_does_not_begin_keeps_no_picture_away(site: Site) -> None:
    site.harness.fault("drop_before", on="ClientStart", times=None)
    site.live(60)
    assert site.report.snapshot.may_show
    assert session(site) == "stopped"


@pytest.mark.parametrize("seed", range(3))
def test_after_an_outage_it_begins_within_ten_minutes(site: Site, seed: int) -> None:
    site.chance.seed(seed)
    site.harness.fault("drop_before", times=None)
    site.live(HOUR)
    site.harness.lift_faults()
    site.live(HOUR, until=lambda: site.record.phase is Phase.READY)
    assert session(site) == "stopped", "it is no time to ask for more than the picture"
    taken = times(site, "ClientAuth")[-1]
    site.live(600)
    assert session(site) == "started"
    assert 3 < times(site, "ClientStart")[-1] - taken <= 601


def test_a_seat_that_comes_free_has_its_session_at_once(site: Site) -> None:
    """A refusal is this device's own affair: no fleet waits with it."""
    site.harness.fault("seat_taken", on="ClientAuth", times=2)
    site.live(4 * HOUR, until=lambda: site.record.phase is Phase.READY)
    site.live(5)
    assert session(site) == "started"


def test_a_seat_that_is_taken_again_has_its_session_at_once(site: Site) -> None:
    site.harness.rules(after_unbind="refused")
    site.live(60)
    ready = site.harness.ready
    site.harness.with_world(
        lambda world: world.seats.give_back(
            tenant_id=ready.tenant_id, device_id=site.record.device_id, rules=world.rules
        )
    )
    site.live(8 * HOUR, until=lambda: len(times(site, "ClientAuth")) == 2)
    assert session(site) == "stopped"
    site.live(5)
    assert session(site) == "started"


def test_a_platform_that_denies_every_seat_it_gives_is_not_asked_in_a_loop(site: Site) -> None:
    """With a code of the quick kind it would be 3 calls every few seconds."""
    site.overrides["seat_lost_codes"] = "InternalError"
    site.start_again()
    site.live(60)
    site.harness.fault("http_500", on="ClientStart", times=None)
    site.live(24 * HOUR)
    assert len(times(site, "ClientStart")) <= 40 * 24
    seats = [after - before for before, after in itertools.pairwise(times(site, "ClientAuth")[2:])]
    assert seats
    assert min(seats) >= 0.9 * 1800


def test_a_service_that_starts_again_begins_a_session_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.live(60)
    started: list[Record] = []
    real = Engine.start
    monkeypatch.setattr(Engine, "start", lambda engine: (started.append(engine.record), real(engine))[1])
    site.start_again()
    site.live(1000)
    assert len(started) == 1

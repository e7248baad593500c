"""A device left to itself for days: it gets what it needs, asks no more than it should, and survives what comes."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from typing import Any

import msgspec
import pytest

from bench.simulation import site as sites
from device_agent.api.causes import Cause
from device_agent.api.retry import RetryPolicy
from device_agent.lifecycle.journal import opened
from device_agent.lifecycle.machine import Event, Phase
from device_agent.service.keeper import BREAKS_AFTER
from device_agent.service.pace import PACES
from device_agent.service.report import Snapshot

from .conftest import CODE, START, Site

DAY = 86400.0


def gaps(site: Site, operation: str) -> list[float]:
    times = [call.at for call in site.harness.calls(operation=operation)]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_from_nothing_to_an_avatar_on_the_screen(site: Site) -> None:
    site.live(60)
    assert site.record.phase is Phase.READY
    assert site.record.content.active == CODE
    snapshot = site.report.snapshot
    assert (snapshot.phase, snapshot.link, snapshot.may_show, snapshot.problem) == (Phase.READY, "online", True, "")


def test_thirty_quiet_days(site: Site) -> None:
    site.live(60)
    writes = site.record.gen
    site.live(30 * DAY)
    assert site.record.phase is Phase.READY
    assert len(site.harness.calls(operation="ClientAuth")) == 1, "a bound device does not ask for its seat again"
    assert min(gaps(site, "ClientStart")[1:]) >= 0.8 * 1800
    assert len(site.harness.calls(operation="ClientStart")) < 30 * 55
    assert (site.record.gen - writes) / (30 * 24) <= 6, "V14: bytes written per idle hour"


def test_seats_full_is_asked_about_every_quarter_of_an_hour_at_most(site: Site) -> None:
    site.harness.fault("seat_taken", on="ClientAuth", times=20)
    site.live(DAY)
    assert site.record.phase is Phase.READY
    assert min(gaps(site, "ClientAuth")) >= 900


@pytest.mark.parametrize("state", ["expired", "released", "cancelled"])
def test_an_order_that_ends_costs_no_picture_and_no_identity(site: Site, state: str) -> None:
    site.live(60)
    before = site.record
    (license_,) = site.harness._on_loop(site.harness._console.licenses)
    site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], state))
    site.live(2 * DAY)
    record = site.record
    assert (record.phase, record.device_id) == (Phase.LICENSE_BLOCKED, before.device_id)
    assert site.report.snapshot.may_show, "inside the budget the avatar stays"
    least = 3600 if state == "expired" else 86400
    assert all(gap >= least for gap in gaps(site, "LicenseAuth")[1:])
    site.live(8 * DAY)
    assert not site.report.snapshot.may_show
    site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], "active"))
    site.live(2 * DAY, until=lambda: site.record.phase is Phase.READY)
    assert site.record.phase is Phase.READY
    assert site.record.contact.offline_s == 0


def test_a_day_of_black_hole_costs_nothing(site: Site) -> None:
    site.live(60)
    site.harness.fault("drop_before", times=None)
    shown = []
    for _ in range(24):
        site.live(3600)
        shown.append(site.report.snapshot.may_show)
    assert all(shown), "V12"
    assert site.record.phase is Phase.READY
    assert site.record.contact.offline_s == pytest.approx(DAY, abs=3700)
    site.harness.lift_faults()
    site.live(1800)
    assert (site.record.contact.offline_s, site.report.snapshot.link) == (0, "online")


def test_the_budget_ends_also_with_restarts_and_a_clock_set_back(site: Site) -> None:
    site.live(60)
    site.harness.fault("drop_before", times=None)
    for day in range(9):
        site.time.wall_off = -day * 365 * DAY
        site.start_again()
        site.live(DAY)
    assert site.record.phase is Phase.LOCKED
    assert not site.report.snapshot.may_show
    site.time.wall_off = 0
    site.harness.lift_faults()
    site.live(3600)
    assert site.record.phase is Phase.READY


@pytest.mark.parametrize("minutes", [1, 9])
def test_a_switch_that_is_thrown_every_few_minutes_buys_no_picture_for_ever(site: Site, minutes: int) -> None:
    """Each power failure may cost a whole stretch of the budget; none is free."""
    site.overrides["offline_budget_s"] = "7200"
    site.start_again()
    site.live(60)
    site.harness.fault("drop_before", times=None)
    off = 0
    while site.record.phase is Phase.READY:
        off += 1
        assert off < 7200 / 600 + 3
        site.boot = f"boot {off}"
        site.start_again()
        site.live(minutes * 60)
    assert not site.report.snapshot.may_show
    site.harness.lift_faults()
    site.live(3600)
    assert (site.record.phase, site.record.contact.offline_s) == (Phase.READY, 0)


def test_a_service_that_starts_again_and_again_counts_no_second_twice_and_forgets_none(site: Site) -> None:
    site.live(60)
    site.start_again()
    site.live(60)
    assert site.record.contact.offline_s == 0, "an online device pays nothing for a start"
    site.harness.fault("drop_before", times=None)
    site.time.now += 2000  # switched off, and then without a network
    begun = site.time.now
    for _ in range(40):
        site.start_again()
        site.live(90)
    assert site.record.contact.offline_s == pytest.approx(site.time.now - begun, abs=700)
    assert site.record.phase is Phase.READY


def test_a_budget_of_nothing_is_legal(site: Site) -> None:
    site.overrides["offline_budget_s"] = "0"
    site.start_again()
    site.live(3600)
    assert site.report.snapshot.may_show
    site.harness.fault("drop_before", times=None)
    site.live(3600)
    assert site.record.phase is Phase.LOCKED
    assert not site.report.snapshot.may_show


def test_an_unbind_in_between_is_seen_and_never_undone(site: Site) -> None:
    site.live(60)
    with site.engine(site.settings()) as engine:
        engine.unbind()
    site.live(2 * DAY)
    assert site.record.phase is Phase.DECOMMISSIONED
    assert site.seats() == []


def refusals(site: Site) -> int:
    return [call.outcome for call in site.harness.calls(operation="ClientStart")].count("10010003")


@pytest.mark.parametrize("locked", [False, True])
def test_a_seat_that_was_given_back_elsewhere_is_taken_again(site: Site, locked: bool) -> None:
    """V11 with the platform's other answer: calls after an unbind are refused, and nobody comes to the kiosk."""
    site.harness.rules(after_unbind="refused")
    site.live(60)
    ready = site.harness.ready
    if locked:
        site.harness.fault("drop_before", on="*", times=None)
        site.live(8 * DAY)
        assert site.record.phase is Phase.LOCKED
        site.harness.lift_faults()
    site.harness.with_world(
        lambda world: world.seats.give_back(
            tenant_id=ready.tenant_id, device_id=site.record.device_id, rules=world.rules
        )
    )
    assert site.seats() == []
    site.live(4 * 3600, until=lambda: refusals(site) > 0)
    site.live(3000)
    assert len(site.harness.calls(operation="ClientAuth")) == 1, "said once, it may be a mistake"
    site.live(4 * 3600)
    assert site.record.phase is Phase.READY
    assert site.seats() == [site.record.device_id]
    assert site.report.snapshot.may_show
    assert len(site.harness.calls(operation="ClientAuth")) == 2


def test_a_sealing_device_ends_by_itself(site: Site) -> None:
    site.overrides["blank_window_s"] = "960"
    site.start_again()
    site.live(60)
    with site.engine(site.settings()) as engine:
        engine.unbind()
        assert engine.is_sealing
    site.live(2000)
    assert site.record.phase is Phase.DECOMMISSIONED
    assert len(site.harness.calls(operation="ClientUnbindDevice")) == 2


def test_a_copied_disk_waits_for_a_person(site: Site) -> None:
    site.live(60)
    calls = len(site.harness.calls())
    site.serial = "board-2"
    site.start_again()
    site.live(DAY)
    assert site.report.snapshot.phase is Phase.CLONE_SUSPECT
    assert len(site.harness.calls()) == calls


def test_a_command_at_work_is_waited_for(site: Site) -> None:
    with site.engine(site.settings()):
        assert site.keeper.step() == 5.0
    site.live(60)
    assert site.record.phase is Phase.READY


def test_storage_that_others_can_read_is_a_fault_that_heals(site: Site) -> None:
    site.live(60)
    (site.folder / "state").chmod(0o755)
    assert site.keeper.step() == 60.0
    assert site.report.snapshot.phase is Phase.FAULT
    (site.folder / "state").chmod(0o700)
    site.live(3600)
    assert site.report.snapshot.phase is Phase.READY


def test_calls_are_a_second_apart_within_a_step_too(site: Site) -> None:
    """V9 as the service has it, with the tries within a step."""
    site.once = False
    site.harness.fault("drop_before", on="LicenseAuth", times=7)
    site.live(1800)
    site.harness.fault("http_500", on="ClientStart", times=7)
    site.live(7200)
    assert site.record.phase is Phase.READY
    for operation in ("LicenseAuth", "ClientStart"):
        assert len(gaps(site, operation)) >= 7
        assert min(gaps(site, operation)) >= 1.0


def test_a_platform_that_says_how_long_to_wait_is_waited_for(site: Site) -> None:
    site.live(60)
    site.harness.fault("throttle", on="ClientStart", retry_after_ms=2_400_000)
    known = len(site.harness.calls(operation="ClientStart"))
    site.live(4 * 3600)
    assert gaps(site, "ClientStart")[known] >= 2400
    site.harness.fault("throttle", on="ClientStart", retry_after_ms=10**12)
    known = len(site.harness.calls(operation="ClientStart"))
    site.live(4 * 3600)
    assert gaps(site, "ClientStart")[known] <= 4000, "an answer that says for ever does not end a device"


def test_who_was_told_to_ask_less_asks_half_as_often_for_a_while(site: Site) -> None:
    site.live(60)
    site.harness.fault("throttle", on="ClientStart", times=2)
    site.live(6 * 3600)
    known = [call.outcome for call in site.harness.calls(operation="ClientStart")].index("Throttling.User") + 2
    after = gaps(site, "ClientStart")[known:]
    assert after[0] >= 2 * 1800
    assert after[1] >= 0.9 * 2 * 1800
    assert after[2] <= 1.1 * 1800, "and as usual again"
    assert site.report.snapshot.link == "online"


class Disk:
    """Refuses to be written, by a number of errno, while it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses = 0
        for name in ("fsync", "rename", "mkdir"):
            monkeypatch.setattr(os, name, self._guarded(getattr(os, name)))
        self._open = os.open
        monkeypatch.setattr(os, "open", self._opened)

    def _guarded(self, real: Any) -> Any:
        def guarded(*given: Any, **more: Any) -> Any:
            if self.refuses:
                raise OSError(self.refuses, os.strerror(self.refuses))
            return real(*given, **more)

        return guarded

    def _opened(self, path: Any, flags: int, *given: Any, **more: Any) -> int:
        if self.refuses == errno.EROFS and flags & (os.O_WRONLY | os.O_RDWR) and "site" in str(path):
            raise OSError(errno.EROFS, "Read-only file system")
        return self._open(path, flags, *given, **more)


def test_a_kiosk_that_starts_on_a_read_only_disk_shows_what_it_has(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a worn SD card: the picture stays inside its budget, which goes on being counted."""
    site.live(60)
    calls, disk = len(site.harness.calls()), Disk(monkeypatch)
    disk.refuses = errno.EROFS
    site.start_again()
    site.report.put(Snapshot())
    site.live(DAY)
    assert (site.report.snapshot.phase, site.report.snapshot.may_show) == (Phase.FAULT, True)
    assert site.report.snapshot.offline_s == pytest.approx(DAY, abs=200)
    site.live(7 * DAY)
    assert not site.report.snapshot.may_show
    assert len(site.harness.calls()) == calls, "nothing is asked whose answer could not be kept"
    disk.refuses = 0
    site.live(300)
    assert (site.report.snapshot.phase, site.report.snapshot.may_show) == (Phase.READY, True)


@pytest.mark.parametrize("event", [Event.UNBIND_ORDERED, Event.HARDWARE_CHANGED, Event.BUDGET_SPENT])
def test_a_disk_that_cannot_be_written_shows_nothing_that_was_over_before(
    site: Site, monkeypatch: pytest.MonkeyPatch, event: Event
) -> None:
    site.live(60)
    with opened(site.folder / "state") as journal:
        journal.write(journal.record.moved(event))
    Disk(monkeypatch).refuses = errno.EROFS
    site.start_again()
    site.report.put(Snapshot())
    site.live(60)
    snapshot = site.report.snapshot
    assert (snapshot.phase, snapshot.may_show) == (Phase.FAULT, False)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_full_disk_is_a_fault_that_heals_and_asks_nothing_of_the_platform(
    site: Site, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    disk = Disk(monkeypatch)
    site.live(60, until=lambda: site.record.phase is Phase.BINDING)
    site.harness.fault("drop_before", on="ClientAuth")
    disk.refuses = code
    site.live(6 * 3600)
    assert site.report.snapshot.phase is Phase.FAULT
    assert len(site.harness.calls(operation="LicenseAuth")) <= 2
    disk.refuses = 0
    site.live(120, until=lambda: site.record.phase is Phase.READY)
    assert site.record.phase is Phase.READY
    assert len(site.seats()) == 1


def test_a_licence_that_was_renewed_does_not_turn_the_screen_black(site: Site) -> None:
    """Bound again, and the network goes before the avatar was looked for: the one that is here is shown."""
    site.live(60)
    (license_,) = site.harness._on_loop(site.harness._console.licenses)
    site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], "expired"))
    site.live(7200)
    assert site.record.phase is Phase.LICENSE_BLOCKED
    site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], "active"))
    site.harness.fault("drop_before", on="Render3dAvatar", times=None)
    site.harness.fault("drop_before", on="ClientStart", times=None)
    site.live(3 * 3600, until=lambda: site.record.phase is Phase.BOUND)
    assert site.record.phase is Phase.BOUND
    site.live(3600)
    assert site.record.phase is Phase.BOUND
    assert site.report.snapshot.may_show
    site.start_again()
    site.keeper.step()
    assert site.report.snapshot.may_show, "and at once after a start"
    site.live(8 * DAY)
    assert not site.report.snapshot.may_show, "inside the budget"


def test_a_locked_device_may_fetch_and_is_locked_still(site: Site) -> None:
    site.live(60)
    site.harness.fault("drop_before", on="ClientStart", times=None)
    site.live(8 * DAY)
    assert site.record.phase is Phase.LOCKED
    with site.engine(site.settings()) as engine:
        engine.fetch(CODE)
        assert engine.record.phase is Phase.LOCKED, "an avatar is no licensed call"
        assert engine.record.contact.offline_s > 7 * DAY - 1000


def test_bad_settings_are_a_fault_that_heals(site: Site) -> None:
    site.overrides["license_file"] = str(site.folder / "missing.json")
    site.start_again()
    site.live(120)
    assert site.record.phase is Phase.BLANK
    assert site.harness.calls() == []
    assert site.report.snapshot.problem
    del site.overrides["license_file"]
    site.start_again()
    site.live(60)
    assert site.record.phase is Phase.READY


@pytest.mark.parametrize("off", [-3 * 365 * DAY, 1200.0, -1200.0, 400 * DAY, -START])
def test_a_clock_that_is_wrong(site: Site, off: float) -> None:
    site.time.wall_off = off
    site.live(300)
    assert site.record.phase is Phase.READY
    refused = [call for call in site.harness.calls() if "TimeStamp" in call.outcome]
    assert len(refused) <= 2, "V10: right within two requests"


def test_every_cause_has_a_pace_that_is_kept() -> None:
    assert set(PACES) == set(Cause)
    for cause, pace in PACES.items():
        waits = [pace.wait(failures, dice) for failures in range(1, 60) for dice in (0.0, 0.5, 0.999)]
        assert min(waits) >= pace.least_s >= 1, cause
        assert max(waits) <= pace.cap_s
        # Also the first wait: those who were refused together must not come back together.
        assert pace.wait(1, 0.999) >= 1.08 * pace.wait(1, 0.0), cause


def test_what_is_reported_has_no_secret_and_no_id(site: Site) -> None:
    site.live(60)
    text = str(site.report.facts()) + site.report.metrics() + site.report.line()
    for canary in (site.record.device_id, site.harness.ready.access_key_id, site.harness.ready.access_key_secret):
        assert canary not in text
    assert 'avatar_agent_phase{phase="ready"} 1' in text
    assert 'avatar_agent_steps_total{step="ClientAuth",result="ok"} 1' in text
    assert isinstance(site.report.snapshot, Snapshot)


def test_an_avatar_that_was_deleted_by_hand_is_not_reported_as_here_and_comes_back(site: Site) -> None:
    site.live(60)
    assert site.report.snapshot.may_show
    shutil.rmtree(site.folder / "cache")
    site.start_again()
    site.harness.fault("cut", on="assets", bytes=0)
    site.keeper.step()
    assert not site.report.snapshot.may_show
    site.live(600, until=lambda: site.report.snapshot.may_show)
    assert site.report.snapshot.may_show
    shutil.rmtree(site.folder / "cache")
    site.live(3600)
    assert site.report.snapshot.may_show


def test_a_platform_that_stays_away_is_asked_once_a_step(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The breaker: an outage is not answered with three requests for every one of quiet days."""
    monkeypatch.setattr(sites, "NEVER", RetryPolicy(attempts=3, first_s=0.1, cap_s=0.2))  # the site's own is 1
    site.harness.fault("http_500", on="LicenseAuth", times=None)
    asked = []
    while len(asked) < 8:
        before = len(site.harness.calls())
        site.time.now += site.keeper.step()
        if number := len(site.harness.calls()) - before:  # a step may find that it is not time yet
            asked.append(number)
    assert asked == [3] * BREAKS_AFTER + [1] * (8 - BREAKS_AFTER)
    site.harness.lift_faults()
    site.live(1800)
    assert site.record.phase is Phase.READY
    site.harness.fault("http_500", on="Render3dAvatar", times=2)
    site.keeper.settings = msgspec.structs.replace(site.settings(), avatar="CH_3d_none")
    before = len(site.harness.calls(operation="Render3dAvatar"))
    site.keeper.step()
    assert len(site.harness.calls(operation="Render3dAvatar")) - before == 3, "closed again"

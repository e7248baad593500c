"""The token of LicenseAuth is renewed in time, also over restarts; that costs few calls and writes, and no picture."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certs import files
from certs.errors import PrivateFileError
from device_agent.errors import PermissionRefused, SeatsFull
from device_agent.lifecycle import journal, vault
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.lifecycle.token import Token, keep, kept_token
from device_agent.lifecycle.vault import Vault

from .conftest import Site

HOUR = 3600.0
DAY = 24 * HOUR


def times(site: Site, operation: str = "LicenseAuth") -> list[float]:
    return [call.at for call in site.harness.calls(operation=operation)]


def gaps(site: Site, operation: str = "LicenseAuth") -> list[float]:
    return [after - before for before, after in itertools.pairwise(times(site, operation))]


def token(site: Site) -> Token:
    kept = kept_token(Vault(site.folder / "state"))
    assert kept is not None
    return kept


def reject(site: Site) -> float:
    """Somebody who uses the token was refused; when."""
    with site.engine(site.settings()) as engine:
        engine.token_rejected(token(site).token)
    return site.time.now


def test_thirty_days_of_tokens_at_half_of_an_assumed_hour(site: Site) -> None:
    """In the regular call's own steps: the service wakes up no more often than without them."""
    site.live(60)
    steps = site.live(30 * DAY)
    assert 1300 <= len(times(site)) <= 1601, "every 27 to 33 minutes"
    assert all(1619 <= gap <= 1985 for gap in gaps(site))
    assert len({round(gap) for gap in gaps(site)}) > 50, "devices that start together do not stay together"
    starts = times(site, "ClientStart")
    assert all(min(abs(at - start) for start in starts[number : number + 3]) < 1e-3
               for number, at in enumerate(times(site)[1:])), "each with a ClientStart"  # fmt: skip
    assert steps <= len(starts) + 20, "rounding may wake it a second too early"
    assert len(token(site).to_try) == 2


def test_a_learned_life_is_kept_to_with_steps_of_its_own(site: Site) -> None:
    site.live(60)
    first = token(site)
    site.live(940)
    said_at = reject(site)
    learned = token(site).life_s
    assert learned == pytest.approx(0.8 * 1000, abs=2)
    site.live(2)
    assert times(site)[-1] - said_at <= 1, "at once"
    assert token(site).token != first.token
    count = len(times(site))
    site.live(DAY)
    assert all(0.44 * learned <= gap <= 0.56 * learned for gap in gaps(site)[count - 1 :])
    assert all(1619 <= gap <= 1985 for gap in gaps(site, "ClientStart")[1:]), "the regular call keeps its own time"


def test_a_long_life_is_kept_to_as_well(site: Site) -> None:
    site.live(60)
    keep(Vault(site.folder / "state"), Token(token=token(site).token, at=site.time.now, life_s=7 * DAY))
    site.live(30 * DAY)
    assert 7 <= len(times(site)) <= 11
    assert all(0.44 * 7 * DAY <= gap <= 0.56 * 7 * DAY for gap in gaps(site)[2:])


def test_restarts_do_not_ask_for_a_token_each_time(site: Site) -> None:
    site.live(60)
    for _ in range(40):
        site.start_again()
        site.live(10)
    assert len(times(site)) == 1
    site.live(2 * HOUR)
    assert 3 <= len(times(site)) <= 5, "and one that is due is not put off by them"


def test_a_platform_that_rejects_every_token_is_asked_once_a_minute_at_most(site: Site) -> None:
    site.live(60)
    for _ in range(60):
        reject(site)
        site.live(5)
    assert min(gaps(site)) >= 59
    assert 4 <= len(times(site)) <= 8
    assert site.record.phase is Phase.READY


@pytest.mark.parametrize("kind", ["http_500", "throttle", "captive", "token_expired", "drop_after"])
def test_a_refresh_that_fails_all_day_costs_the_token_and_nothing_else(site: Site, kind: str) -> None:
    site.once = False
    site.live(60)
    before = token(site)
    site.harness.fault(kind, on="LicenseAuth", times=None)
    links = []
    for _ in range(24):
        site.live(HOUR)
        links.append(site.report.snapshot.link)
    assert token(site) == before
    assert set(links) == {"online"}, "the device is not offline because of a token"
    assert site.record.phase is Phase.READY
    assert site.record.contact.offline_s == 0
    assert site.report.snapshot.may_show
    assert str(site.report.snapshot.session) == "started"
    assert site.report.snapshot.problem == ""
    assert min(gaps(site)[1:]) >= 60
    assert 24 < len(times(site)) <= 40 * 24
    site.harness.lift_faults()
    site.live(2 * HOUR)
    assert token(site).token != before.token


def test_no_token_is_asked_for_while_the_platform_is_away(site: Site) -> None:
    site.live(60)
    site.harness.fault("drop_before", on="ClientStart", times=None)
    asked = len(times(site))
    site.live(DAY)
    assert len(times(site)) - asked <= 1
    site.harness.lift_faults()
    site.live(20 * 60, until=lambda: site.report.snapshot.link == "online")
    assert len(times(site)) - asked <= 1, "not in the moment in which everybody comes back"
    site.live(2000)
    assert token(site).until > site.time.now


def test_neither_an_outage_nor_a_rejection_cuts_the_wait_after_a_refusal_short(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def refused(engine: Engine) -> bool:
        asked.append(site.time.now)
        raise SeatsFull("x", code="ClientAuth.SeatLimit", operation="LicenseAuth")

    site.live(60)
    monkeypatch.setattr(Engine, "refresh_token", refused)
    while len(asked) < 12:
        site.live(300)
        site.harness.fault("drop_before", on="ClientStart", times=1)
        site.keeper.settings = site.settings()  # tried at once, and in vain
        keep(Vault(site.folder / "state"), msgspec.structs.replace(token(site), at=site.time.now, rejected=False))
        reject(site)
    assert min(after - before for before, after in itertools.pairwise(asked)) >= 900


@pytest.mark.parametrize("state", ["expired", "released"])
def test_an_order_that_ended_is_heard_from_the_token_s_refusal_too(site: Site, state: str) -> None:
    site.live(60)
    if state == "expired":
        site.harness.fault("license_expired", on="LicenseAuth", times=None)
    else:
        (license_,) = site.harness._on_loop(site.harness._console.licenses)
        reject(site)
        site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], state))
    site.live(HOUR, until=lambda: site.record.phase is Phase.LICENSE_BLOCKED)
    assert site.record.blocked == ("expired" if state == "expired" else "gone")
    assert (kept_token(Vault(site.folder / "state")) is None) == (state == "released")
    assert (site.report.snapshot.link, site.report.snapshot.may_show) == ("blocked", True)
    site.live(DAY)
    assert site.record.contact.offline_s == pytest.approx(DAY, abs=HOUR), "the budget runs from the refusal on"
    site.live(DAY)
    assert min(gaps(site)[1:]) >= (HOUR if state == "expired" else DAY)


def test_a_removal_is_heard_from_the_token_s_refusal_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def removed(_engine: Engine) -> bool:
        raise PermissionRefused("x", code=REMOVED)

    site.live(60)
    monkeypatch.setattr(Engine, "refresh_token", removed)
    site.live(HOUR)
    assert site.record.phase is Phase.DECOMMISSIONED
    assert site.seats() == []


@pytest.mark.parametrize("code", ["file.full", "file.not_file"])
def test_a_token_that_cannot_be_kept(site: Site, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A full disk is the whole device's trouble; a folder where the token belongs is the token's own."""
    site.live(60)
    before = token(site)

    def refused(_vault: Vault, _text: str) -> None:
        raise PrivateFileError("x", code=code)

    with monkeypatch.context() as patched:
        patched.setattr(Vault, "put_token", refused)
        site.live(2000)
        assert site.report.snapshot.phase is (Phase.FAULT if code == "file.full" else Phase.READY)
        assert token(site) == before
    site.live(2 * HOUR)
    assert site.report.snapshot.phase is Phase.READY
    assert token(site).token != before.token


def test_a_device_of_an_older_layout_gets_a_token_of_known_age_soon(site: Site) -> None:
    site.live(60)
    folder, old = site.folder / "state" / "secrets", token(site).token
    (folder / "token.json").unlink()
    files.write_private(folder / "token", old.reveal().encode())
    site.start_again()
    site.live(2000)
    kept = token(site)
    assert kept.to_try == (kept.token, old)
    assert not (folder / "token").exists()
    assert len(times(site)) == 2


def test_a_device_without_a_token_asks_for_one_and_does_not_spin(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.live(60)
    with monkeypatch.context() as patched:
        patched.setattr(Vault, "put_token", lambda *_given: None)  # as of a platform that gives none
        (site.folder / "state" / "secrets" / "token.json").unlink()
        site.live(DAY)
        assert 40 <= len(times(site)) <= 60
        assert min(gaps(site)) >= 60
    site.live(HOUR)
    assert token(site).life_s == HOUR


def test_throttling_of_tokens_slows_the_whole_device(site: Site) -> None:
    site.live(60)
    site.harness.fault("throttle", on="LicenseAuth", times=3)
    site.live(6 * HOUR)
    assert max(gaps(site, "ClientStart")) >= 2 * 0.9 * 1800
    assert gaps(site, "ClientStart")[-1] <= 1985, "and not for ever"


def test_the_end_of_the_token_is_told_without_the_token(site: Site) -> None:
    site.live(60)
    kept = token(site)
    assert f"avatar_agent_token_end_timestamp_seconds {kept.until:.15g}\n" in site.report.metrics()
    assert kept.token.reveal() not in site.report.metrics() + str(site.report.facts())
    with site.engine(site.settings()) as engine:
        engine.unbind()
    site.live(60)
    assert "avatar_agent_token_end_timestamp_seconds 0\n" in site.report.metrics()


def test_an_idle_hour_writes_six_blocks_at_most(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.live(2 * HOUR)
    written: list[int] = []
    real = files.write_private

    def counted(path: Path, data: Any) -> None:
        written.append(-(-len(data) // 4096))
        real(path, data)

    monkeypatch.setattr(journal, "write_private", counted)
    monkeypatch.setattr(vault, "write_private", counted)
    site.live(24 * HOUR)
    assert 80 < sum(written) <= 6 * 24

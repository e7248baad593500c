"""The device's certificate under the keeper's eyes, and settings that come while it waits."""

from __future__ import annotations

import shutil
from datetime import timedelta

import msgspec
import pytest

from bench.simulation.site import ManagedSite
from certs.lineage import Lineage
from device_agent.harness.enrolment.office import Refused
from device_agent.lifecycle.machine import Phase

from .conftest import Site

DAY = 86400.0


def certificate_end(site: ManagedSite) -> float:
    identity = Lineage(root=site.folder / "state" / "secrets" / "identity").current()
    assert identity is not None
    return identity.certificate.not_valid_after_utc.timestamp()


def test_its_end_is_told_to_the_second(managed: ManagedSite) -> None:
    assert "avatar_agent_certificate_end_timestamp_seconds 0\n" in managed.report.metrics()
    managed.live(60)
    assert managed.record.phase is Phase.READY
    first = certificate_end(managed)
    assert f"avatar_agent_certificate_end_timestamp_seconds {first:.0f}\n" in managed.report.metrics()
    managed.live(20 * DAY)
    assert certificate_end(managed) > first + 9 * DAY, "renewed at half of its life"
    assert (
        f"avatar_agent_certificate_end_timestamp_seconds {certificate_end(managed):.0f}\n" in managed.report.metrics()
    )


def test_a_renewal_that_fails_is_tried_ever_slower_and_costs_nothing(
    managed: ManagedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed.live(60)
    tried: list[float] = []

    def refuse(*_: object, **_more: object) -> None:
        tried.append(managed.time.now)
        raise Refused(500, "Ill")

    monkeypatch.setattr(type(managed.office.office), "reenroll", refuse)
    managed.live(29 * DAY)
    assert managed.report.snapshot.link == "online"
    assert 10 < len(tried) < 29 * DAY / 1800 / 4, "not with every licensed call"
    monkeypatch.undo()
    managed.live(0.9 * DAY)
    assert certificate_end(managed) > managed.time.now + 28 * DAY


def test_one_that_ended_is_replaced_by_a_new_secret_without_anybody_at_the_device(managed: ManagedSite) -> None:
    managed.office.office.lifetime = timedelta(days=2)
    managed.live(60)
    managed.office.office.removed.add("kiosk-2")  # somebody else's affair
    managed.time.now += 3 * DAY  # switched off meanwhile
    managed.live(3600)
    snapshot = managed.report.snapshot
    assert (snapshot.phase, snapshot.link) == (Phase.READY, "blocked")
    assert snapshot.may_show
    managed.secret = managed.office.office.invite("kiosk-1")
    managed.reload()
    managed.live(5)
    assert managed.report.snapshot.link == "online"
    assert certificate_end(managed) > managed.time.now


def test_settings_that_were_put_right_are_tried_at_once(site: Site) -> None:
    right = site.overrides
    site.overrides = {**right, "license_file": str(site.folder / "none.json")}
    site.start_again()
    site.live(60)
    assert site.record.phase is not Phase.READY
    assert site.report.snapshot.next_s >= 600, "what only a person can put right is asked about rarely"
    site.overrides = right
    site.keeper.settings = site.settings()
    site.live(5)
    assert site.record.phase is Phase.READY


def test_another_avatar_is_fetched_at_once(site: Site) -> None:
    site.live(60)
    before = len(site.harness.calls(operation="Render3dAvatar"))
    site.overrides["avatar"] = "CH_3d_other"
    site.keeper.settings = site.settings()
    site.live(5)
    assert len(site.harness.calls(operation="Render3dAvatar")) > before


def test_a_device_that_headquarters_took_out_erases_itself(managed: ManagedSite) -> None:
    managed.live(60)
    assert managed.record.phase is Phase.READY
    managed.office.office.removed.add("kiosk-1")
    managed.live(3 * 3600)
    assert managed.record.phase is Phase.DECOMMISSIONED
    assert not list((managed.folder / "cache").rglob("*.sealed"))
    assert not list((managed.folder / "state").rglob("*.pem"))


@pytest.mark.parametrize("state", ["expired", "released"])
def test_it_is_renewed_while_the_device_waits_for_its_order(managed: ManagedSite, state: str) -> None:
    """Or the day on which somebody renews the order would find a device that nothing lets in any more."""
    managed.office.office.lifetime = timedelta(days=1)
    managed.live(60)
    managed.secret = ""  # it was good once
    managed.reload()
    world = managed.harness
    (license_,) = world._on_loop(world._console.licenses)
    world._on_loop(lambda: world._world.seats.set_state(license_["license_id"], state))
    managed.live(1.6 * DAY)
    assert managed.record.phase is Phase.LICENSE_BLOCKED
    asked = len(world.calls(operation="LicenseAuth"))
    assert asked <= (40 if state == "expired" else 4), "looking after it asks the platform for nothing"
    world._on_loop(lambda: world._world.seats.set_state(license_["license_id"], "active"))
    managed.live(1.1 * DAY, until=lambda: managed.record.phase is Phase.READY)
    assert (managed.record.phase, managed.report.snapshot.link) == (Phase.READY, "online")


def test_it_is_renewed_while_the_device_waits_for_a_seat(managed: ManagedSite) -> None:
    managed.office.office.lifetime = timedelta(days=1)
    managed.harness.fault("seat_taken", on="ClientAuth", times=None)
    managed.live(60)
    managed.secret = ""
    managed.reload()
    managed.live(1.6 * DAY)
    assert managed.record.phase is Phase.SEAT_FULL
    managed.harness.lift_faults()
    managed.live(3700)
    assert managed.record.phase is Phase.READY


def test_a_device_that_waits_for_its_order_is_taken_out_when_its_certificate_is_due(managed: ManagedSite) -> None:
    managed.office.office.lifetime = timedelta(days=1)
    managed.live(60)
    world = managed.harness
    (license_,) = world._on_loop(world._console.licenses)
    world._on_loop(lambda: world._world.seats.set_state(license_["license_id"], "released"))
    managed.live(0.4 * DAY)
    managed.office.office.removed.add("kiosk-1")
    managed.live(0.3 * DAY)
    assert managed.record.phase is Phase.DECOMMISSIONED


@pytest.mark.parametrize("name", ["enroll_url", "broker_url"])
@pytest.mark.parametrize(
    "address",
    ["https://office:99999/est", "https://office:x/est", "https://[::1/est", "https://\u2100.com/", "https:///"],
)
def test_an_address_that_is_none_is_told_and_ends_no_service(managed: ManagedSite, name: str, address: str) -> None:
    managed.live(60)
    managed.keeper.settings = msgspec.structs.replace(managed.settings(), **{name: address})
    managed.live(3600)
    snapshot = managed.report.snapshot
    assert (snapshot.problem, snapshot.may_show) == ("config.office", True)
    managed.reload()
    managed.live(5)
    assert (managed.record.phase, managed.report.snapshot.link) == (Phase.READY, "online")


@pytest.mark.parametrize("how", ["zeros", "gone"])
def test_one_that_the_disk_has_lost_is_replaced_by_a_new_secret(managed: ManagedSite, how: str) -> None:
    managed.live(60)
    identity = managed.folder / "state" / "secrets" / "identity"
    if how == "gone":
        shutil.rmtree(identity)
    else:
        for key in identity.rglob("key.pem"):
            key.write_bytes(bytes(key.stat().st_size))
    managed.live(3 * 3600)
    assert managed.report.snapshot.problem == "office.no_certificate"
    managed.secret = managed.office.office.invite("kiosk-1")
    managed.reload()
    managed.live(5)
    assert (managed.record.phase, managed.report.snapshot.link) == (Phase.READY, "online")

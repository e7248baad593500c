"""A licence file that is replaced under a running service."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from certs.license import License
from device_agent.lifecycle.machine import Phase
from device_agent.spec.client_render import ClientUnbindDevice

from .conftest import Site

DAY = 86400.0


def with_a_file_of_its_own(site: Site) -> Path:
    file = site.folder / "licence.json"
    site.overrides["license_file"] = str(file)
    return file


def ready_by_a_file_of_its_own(site: Site) -> Path:
    file = with_a_file_of_its_own(site)
    shutil.copy(site.harness.ready.license_file, file)
    site.start_again()
    site.live(60)
    return file


def test_a_device_whose_order_is_gone_takes_a_new_licence_without_being_told(site: Site) -> None:
    file = ready_by_a_file_of_its_own(site)
    assert site.record.phase is Phase.READY
    (license_,) = site.harness._on_loop(site.harness._console.licenses)
    site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], "released"))
    site.live(3 * 3600)
    assert site.record.phase is Phase.LICENSE_BLOCKED
    calls = len(site.harness.calls(operation="LicenseAuth"))
    file.write_text("{", encoding="ascii")
    site.live(1800)
    shutil.copy(site.harness.ready.license_file, file)
    site.live(1800)
    assert len(site.harness.calls(operation="LicenseAuth")) == calls, "damaged, or the one that was refused"
    new = site.harness.issue_license(app_id=site.harness.ready.app_id)
    shutil.copy(new["license_file"], file)
    site.live(700)
    assert site.record.phase is Phase.READY


def test_a_new_one_that_is_refused_too_is_asked_with_once(site: Site) -> None:
    file = ready_by_a_file_of_its_own(site)
    new = site.harness.issue_license(app_id=site.harness.ready.app_id)
    for license_ in site.harness._on_loop(site.harness._console.licenses):
        site.harness._on_loop(
            lambda which=license_["license_id"]: site.harness._world.seats.set_state(which, "released")
        )
    site.live(3 * 3600)
    calls = len(site.harness.calls(operation="LicenseAuth"))
    shutil.copy(new["license_file"], file)
    site.live(12 * 3600)
    assert len(site.harness.calls(operation="LicenseAuth")) == calls + 1


def test_a_licence_that_comes_later_than_the_settings_is_found(site: Site) -> None:
    file = with_a_file_of_its_own(site)
    site.start_again()
    site.live(3600)
    assert site.record.phase is Phase.BLANK
    shutil.copy(site.harness.ready.license_file, file)
    site.live(700)
    assert site.record.phase is Phase.READY


def test_a_device_that_holds_its_seat_looks_at_no_file(site: Site) -> None:
    file = ready_by_a_file_of_its_own(site)
    file.write_text(json.dumps({}), encoding="ascii")
    site.live(DAY)
    assert (site.record.phase, site.report.snapshot.link) == (Phase.READY, "online")


def test_a_seat_that_is_lost_is_asked_for_with_the_licence_that_is_there_now(site: Site) -> None:
    """The order was renewed early, and the file replaced while the device still held its seat by the old one."""
    file = ready_by_a_file_of_its_own(site)
    new = site.harness.issue_license(app_id=site.harness.ready.app_id)
    shutil.copy(new["license_file"], file)
    site.harness.rules(after_unbind="refused")
    with site.engine(site.settings()) as engine:  # headquarters gives the seat back, and does not take the device out
        record = engine.record
        engine._device.call(ClientUnbindDevice(tenant_id=record.tenant_id, device_id=record.device_id))
    assert site.seats() == []
    site.live(4 * 3600)
    assert (site.record.phase, site.report.snapshot.link) == (Phase.READY, "online")
    assert site.record.bound is not None
    assert site.record.bound.license_fp == License.load(file).fingerprint


def test_a_service_that_has_not_asked_since_its_start_takes_the_refused_one_for_no_new_one(site: Site) -> None:
    """An hour at least after an order that ended (V9), also when the device was ready when the service began."""
    site.live(60)
    site.start_again()
    site.harness.fault("license_expired", on="ClientStart", times=None)
    site.live(60)
    assert site.record.phase is Phase.LICENSE_BLOCKED
    calls = len(site.harness.calls())
    site.live(3400)
    assert len(site.harness.calls()) == calls

"""A device's life by certificate alone: bound, revoked, taken out, and leaving with a certificate that is no good."""

from __future__ import annotations

import shutil
import stat
from datetime import timedelta

import msgspec
import pytest

from certs.errors import CertError
from certs.rotation import Standing
from device_agent.config import Secret
from device_agent.errors import AgentError, PermissionRefused
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office_refusals import REMOVED

from .conftest import CODE, Kiosk, Off, now


def test_a_whole_life_with_no_access_key_on_the_device(
    managed: Kiosk, harness: RunningHarness, office: Enrolment
) -> None:
    with managed.engine() as engine:
        engine.bind()
        engine.start()
        engine.fetch(CODE)
        assert engine.record.phase is Phase.READY
        assert "certificate" in [step.name for step in engine.steps]
        device_id = engine.record.device_id
    assert [seat["device_id"] for seat in harness.seats()] == [device_id]
    key = next(path for path in managed.folder.rglob("key.pem") if "archive" in str(path))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    on_disk = b"".join(managed.files().values())
    for call in harness.calls():
        if call.operation == "assets":
            continue
        assert call.access_key_id.startswith("STS.")
        assert call.access_key_id.encode() not in on_disk, "temporary credentials are memory only"
    (_, serial) = office.office.issued[0]
    with managed.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert harness.seats() == []
    assert serial in office.office.authority.revoked
    assert harness.calls(operation="ClientUnbindDevice") == [], "the office unbinds; the device has no right to"
    assert b"PRIVATE KEY" not in b"".join(managed.files().values())


def test_a_device_that_unbinds_twice_is_revoked_the_second_time(
    managed: Kiosk, harness: RunningHarness, office: Enrolment
) -> None:
    managed.overrides["blank_window_s"] = "960"
    with managed.engine() as engine:
        engine.bind()
        engine.unbind()
        assert engine.is_sealing
    assert office.office.authority.revoked == {}
    managed.overrides["late_window_s"] = "1"
    managed.overrides["blank_window_s"] = "0"
    with managed.engine() as engine:
        engine.unbind()
        assert engine.is_sealing, "the window that was written elsewhere starts anew, and is a second long"
        while engine.is_sealing:
            engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert len(office.office.authority.revoked) == 1
    assert harness.seats() == []


@pytest.mark.parametrize("by_s", [2000.0, 3.2e7, -2000.0, -3.2e7])
def test_a_wrong_clock_does_not_decide_which_unbind_is_the_last(
    managed: Kiosk, harness: RunningHarness, office: Enrolment, by_s: float
) -> None:
    """The window is by the platform's clock: neither is it over when a device says so, nor does it last for ever."""
    managed.overrides["blank_window_s"] = "960"
    with managed.engine() as engine:
        engine.bind()
        assert 0 < engine.record.bind.unsure_until - engine.now <= 960
    with managed.engine(clock=Off(by_s)) as engine:
        engine.unbind()
        assert engine.is_sealing
        assert abs(engine.record.contact.offset_s + by_s) < 5
    assert office.office.authority.revoked == {}
    harness.move_time(1000)
    with managed.engine(clock=Off(by_s + 1000)) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert len(office.office.authority.revoked) == 1


def test_a_crash_after_the_revocation_is_lived_through(managed: Kiosk, office: Enrolment) -> None:
    with managed.engine() as engine:
        engine.bind()

    class Crash(BaseException):
        pass

    def die(point: object) -> None:
        if point == "ClientUnbindDevice.answered":
            raise Crash

    with pytest.raises(Crash), managed.engine(reach=die) as engine:
        engine.unbind()
    assert len(office.office.authority.revoked) == 1
    with managed.engine() as engine:
        assert engine.record.phase is Phase.UNBINDING
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_a_device_that_headquarters_took_out_gets_nothing(managed: Kiosk, office: Enrolment) -> None:
    with managed.engine() as engine:
        engine.bind()
        office.office.removed.add(engine.record.device_id)
    with managed.engine() as engine:
        with pytest.raises(PermissionRefused) as caught:
            engine.start()
        assert caught.value.code == REMOVED
        assert engine.record.phase is Phase.BOUND, "the refusal itself moves nothing"
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_damaged_certificates_are_replaced_by_another_enrolment(managed: Kiosk, office: Enrolment) -> None:
    with managed.engine() as engine:
        engine.bind()
    for name in ("key.pem", "chain.pem"):
        for path in managed.folder.rglob(name):
            path.write_bytes(bytes(path.stat().st_size))
    with managed.engine() as engine:
        with pytest.raises((AgentError, CertError)):
            engine.start()
        engine.enroll()
        engine.start()
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_a_device_that_lost_its_certificate_gets_another_to_leave_with(managed: Kiosk, harness: RunningHarness) -> None:
    with managed.engine() as engine:
        engine.bind()
    shutil.rmtree(managed.folder / "state" / "secrets" / "identity")
    with managed.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert harness.seats() == []


def test_one_that_is_over_by_the_device_s_clock_alone_still_gives_the_seat_back(
    managed: Kiosk, harness: RunningHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is spent and the clocks differ: what the office thinks of the certificate decides."""
    with managed.engine() as engine:
        engine.bind()
    settings, spent = managed.settings(), Secret("spent")
    monkeypatch.setattr(managed, "settings", lambda **_: msgspec.structs.replace(settings, enroll_secret=spent))
    monkeypatch.setattr(CertificateKeeper, "standing", lambda *_a, **_more: Standing.EXPIRED)
    with managed.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert harness.seats() == []


def test_one_that_is_over_gives_way_to_a_new_secret_when_leaving(
    managed: Kiosk, office: Enrolment, harness: RunningHarness
) -> None:
    office.office.lifetime = timedelta(hours=1)
    with managed.engine() as engine:
        engine.bind()
    office.office.clock = lambda: now() + timedelta(hours=2)
    office.office.lifetime = timedelta(days=9)
    harness.move_time(2 * 3600)  # the device learns the platform's time, as it does of a wrong clock of its own
    with managed.engine() as engine:
        engine._device.journal.write(
            engine.record.changed(contact=msgspec.structs.replace(engine.record.contact, offset_s=7200.0))
        )
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert harness.seats() == []

"""The stand-in's office keeps whom it certified and whom it locked out."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509

from device_agent.config import Secret
from device_agent.errors import (
    ConfigurationError,
    PermissionRefused,
    TakenOut,
)
from device_agent.harness.enrolment.ledger import LEDGER
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.lifecycle.ticket import OrphanTicket

from .conftest import Kiosk, certificate_keeper, now


def test_an_office_that_opens_again_knows_whom_it_locked_out(harness: RunningHarness, tmp_path: Path) -> None:
    with open_office(harness, tmp_path / "office") as opened:
        for name in ("revoked", "removed", "good"):
            certificate_keeper(opened, tmp_path / name, f"kiosk-{name}").enroll(
                secret=Secret(opened.office.invite()), now=now()
            )
        (serial,) = [serial for owner, serial in opened.office.issued if owner == "kiosk-revoked"]
        opened.office.revoke(serial)
        opened.office.remove("kiosk-removed", removed=True)
        before, since = opened.office.devices(), opened.office.authority.revoked
    assert stat.S_IMODE((tmp_path / "office" / LEDGER).stat().st_mode) == 0o600
    with open_office(harness, tmp_path / "office") as again:
        assert again.office.devices() == before
        assert again.office.authority.revoked == since
        listed = x509.load_der_x509_crl(again.office.revocations())
        assert [entry.serial_number for entry in listed] == [serial]
        certificate_keeper(again, tmp_path / "good", "kiosk-good").office.prove()
        for name, code in (("revoked", "office.refused"), ("removed", REMOVED)):
            with pytest.raises(PermissionRefused) as caught:
                certificate_keeper(again, tmp_path / name, f"kiosk-{name}").office.prove()
            assert caught.value.code == code
        again.office.remove("kiosk-removed", removed=False)
    with open_office(harness, tmp_path / "office") as third:
        certificate_keeper(third, tmp_path / "removed", "kiosk-removed").office.prove()


def test_an_office_does_not_open_without_its_list(harness: RunningHarness, tmp_path: Path) -> None:
    with open_office(harness, tmp_path / "office") as opened:
        opened.office.remove("kiosk-1", removed=True)
    kept = tmp_path / "office" / LEDGER
    kept.write_bytes(kept.read_bytes()[:-3])
    with pytest.raises(ConfigurationError) as caught, open_office(harness, tmp_path / "office"):
        pass
    assert caught.value.code == "harness.office_ledger"


def test_a_certificate_that_somebody_else_revoked_is_no_seat_given_back(
    managed: Kiosk, harness: RunningHarness, office: Enrolment
) -> None:
    """Headquarters suspects the key, and has not thought of the seat: an erased device could not name it any more."""
    with managed.engine() as engine:
        engine.bind()
    ((_, serial),) = office.office.issued
    office.office.revoke(serial)
    with managed.engine() as engine:
        with pytest.raises(PermissionRefused):
            engine.unbind()
        assert engine.record.phase is Phase.UNBINDING
        assert len(harness.seats()) == 1
        tickets: list[OrphanTicket] = []
        engine.abandon(keep=tickets.append, reason="revoked")
        assert [ticket.device_id for ticket in tickets] == [seat["device_id"] for seat in harness.seats()]


def test_a_device_whose_certificate_was_revoked_gets_another_by_another_secret(
    managed: Kiosk, harness: RunningHarness, office: Enrolment
) -> None:
    with managed.engine() as engine:
        engine.bind()
    ((_, serial),) = office.office.issued
    office.office.revoke(serial)
    with managed.engine() as engine:
        engine.enroll()  # all looks well
        with pytest.raises(PermissionRefused) as caught:
            engine.start()
        assert "certs enroll --anew" in caught.value.hint
        engine.enroll(anew=True)
        engine.start()
        second = engine.certificate
        with pytest.raises(PermissionRefused):
            engine.enroll(anew=True)  # the secret is spent
        assert engine.certificate == second
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert harness.seats() == []


def test_a_device_that_was_taken_out_hears_so_with_a_revoked_certificate_too(
    managed: Kiosk, harness: RunningHarness, office: Enrolment
) -> None:
    with managed.engine() as engine:
        engine.bind()
    ((device_id, serial),) = office.office.issued
    office.office.revoke(serial)
    office.office.remove(device_id, removed=True)
    with managed.engine() as engine, pytest.raises(TakenOut):
        engine.start()

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
)
from device_agent.harness.enrolment.ledger import LEDGER
from device_agent.harness.enrolment.server import open_office
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.office_refusals import REMOVED

from .conftest import certificate_keeper, now


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

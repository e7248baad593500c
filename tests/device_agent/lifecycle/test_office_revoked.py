"""A device whose certificate somebody has revoked: it looks good to the device, and opens nothing."""

from __future__ import annotations

import pytest

from device_agent.errors import PermissionRefused, TakenOut
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.ticket import OrphanTicket

from .conftest import Kiosk


@pytest.fixture
def revoked(managed: Kiosk, office: Enrolment) -> Kiosk:
    """It holds its seat."""
    with managed.engine() as engine:
        engine.bind()
    ((_, serial),) = office.office.issued
    office.office.revoke(serial)
    return managed


def test_it_is_no_seat_given_back(revoked: Kiosk, harness: RunningHarness) -> None:
    """Headquarters suspects the key, and has not thought of the seat: an erased device could not name it any more."""
    with revoked.engine() as engine:
        with pytest.raises(PermissionRefused):
            engine.unbind()
        assert engine.record.phase is Phase.UNBINDING
        assert len(harness.seats()) == 1
        tickets: list[OrphanTicket] = []
        engine.abandon(keep=tickets.append, reason="revoked")
        assert [ticket.device_id for ticket in tickets] == [seat["device_id"] for seat in harness.seats()]


def test_another_secret_gets_another(revoked: Kiosk, harness: RunningHarness) -> None:
    with revoked.engine() as engine:
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


def test_a_device_that_was_taken_out_hears_so_with_it_too(revoked: Kiosk, office: Enrolment) -> None:
    ((device_id, _),) = office.office.issued
    office.office.remove(device_id, removed=True)
    with revoked.engine() as engine, pytest.raises(TakenOut):
        engine.start()

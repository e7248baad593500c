"""Renewed certificates that came and could not show themselves: none is thrown away, none piles up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from device_agent.config import Secret
from device_agent.errors import PermissionRefused, ServerFault
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.office import Office

from .conftest import certificate_keeper, now

LATER = timedelta(days=20)
"""When half of a life is over."""


@pytest.fixture
def keeper(office: Enrolment, tmp_path: Path) -> CertificateKeeper:
    ours = certificate_keeper(office, tmp_path / "identity")
    ours.enroll(secret=Secret(office.office.invite()), now=now())
    office.office.clock = lambda: now() + LATER - timedelta(hours=1)  # so that the new ones have begun by then
    return ours


def fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def ill(_office: Office) -> None:
        raise error

    monkeypatch.setattr(Office, "prove", ill)


def test_one_that_could_not_be_shown_is_shown_next_time(
    keeper: CertificateKeeper, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The authority is well and the broker ill for a month: one certificate is asked for, not one with each try."""
    fails(monkeypatch, ServerFault("ill", code="office.fault"))
    for _ in range(5):
        with pytest.raises(ServerFault):
            keeper.renew(now=now() + LATER)
        assert (keeper.lineage.live, keeper.lineage.versions()) == (1, (1, 2))
    monkeypatch.undo()
    renewed = keeper.renew(now=now() + LATER)
    assert renewed is not None
    assert (keeper.lineage.live, keeper.lineage.proven) == (2, 2)
    assert len(office.office.issued) == 2


def test_by_force_there_is_another_key_each_time_and_no_heap_of_them(
    keeper: CertificateKeeper, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, ServerFault("ill", code="office.fault"))
    for _ in range(3):
        with pytest.raises(ServerFault):
            keeper.renew(now=now() + LATER, force=True)
    assert (keeper.lineage.live, keeper.lineage.versions()) == (1, (1, 4))
    assert len(office.office.issued) == 4


def test_one_that_was_refused_is_not_shown_again(
    keeper: CertificateKeeper, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, PermissionRefused("no", code="office.refused"))
    with pytest.raises(PermissionRefused):
        keeper.renew(now=now() + LATER)
    assert (keeper.lineage.live, keeper.lineage.versions()) == (1, (1,))
    monkeypatch.undo()
    assert keeper.renew(now=now() + LATER)
    assert len(office.office.issued) == 3


def test_one_that_is_over_by_now_is_not_shown_either(
    keeper: CertificateKeeper, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.office.lifetime = timedelta(hours=3)  # until two hours after LATER
    fails(monkeypatch, ServerFault("ill", code="office.fault"))
    with pytest.raises(ServerFault):
        keeper.renew(now=now() + LATER)
    monkeypatch.undo()
    office.office.lifetime = timedelta(days=30)
    assert keeper.renew(now=now() + LATER + timedelta(hours=3))
    assert len(office.office.issued) == 3

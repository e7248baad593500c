"""A certificate counts when it has worked: where it is shown, and what a failure to show it leaves in use."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from certs.authority import Authority
from certs.identity import Identity, new_key, request
from device_agent.config import Secret
from device_agent.errors import NetworkError
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.office import Office

from .conftest import Kiosk, certificate_keeper, now


@pytest.fixture
def ours(office: Enrolment, tmp_path: Path) -> CertificateKeeper:
    keeper = certificate_keeper(office, tmp_path / "a")
    keeper.enroll(secret=Secret(office.office.invite()), now=now())
    return keeper


def made_elsewhere(device_id: str = "kiosk-1") -> Identity:
    authority = Authority.create(name="Elsewhere", now=now(), lifetime=timedelta(days=9))
    key = new_key()
    chain = authority.issue_from(request(key, device_id=device_id), now=now(), lifetime=timedelta(days=8))
    return Identity(key=key, chain=chain)


def silent(monkeypatch: pytest.MonkeyPatch, code: str = "network.timeout") -> None:
    def fail(_self: Office) -> None:
        raise NetworkError("no answer", code=code)

    monkeypatch.setattr(Office, "prove", fail)


def test_one_that_nobody_could_be_shown_is_not_told_as_good(
    ours: CertificateKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(monkeypatch)
    with pytest.raises(NetworkError):
        ours.renew(now=now(), force=True)
    assert (ours.lineage.live, ours.lineage.proven) == (1, 1)


@pytest.mark.parametrize(
    ("est", "broker", "asked"), [(True, True, 1), (False, True, 1), (True, False, 1), (False, False, 0)]
)
def test_what_was_made_elsewhere_is_shown_to_whatever_office_there_is(
    ours: CertificateKeeper, monkeypatch: pytest.MonkeyPatch, est: bool, broker: bool, asked: int
) -> None:
    seen: list[Office] = []
    monkeypatch.setattr(Office, "prove", lambda office: seen.append(office))
    office = replace(
        ours.office, est_url=ours.office.est_url if est else "", broker_url=ours.office.broker_url if broker else ""
    )
    assert replace(ours, office=office).take_over(made_elsewhere(), now=now()) is bool(asked)
    assert len(seen) == asked
    assert (ours.lineage.live, ours.lineage.proven) == (2, 2 if asked else 1)


def test_a_device_with_a_key_of_its_own_has_nothing_to_settle(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CertificateKeeper, "settle", lambda _keeper: pytest.fail("asked"))
    with kiosk.engine() as engine:
        engine.bind()

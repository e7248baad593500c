"""Renewed certificates that came and could not show themselves: none is thrown away, none piles up."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from certs.authority import Authority
from certs.identity import Identity, new_key
from certs.identity import request as csr
from certs.purpose import Purpose
from device_agent.config import Secret
from device_agent.errors import AgentError, PermissionRefused, ServerFault, StateError
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office import Office
from device_agent.lifecycle.vault import Vault

from .conftest import Kiosk, certificate_keeper, now

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


def test_a_renewal_asks_for_the_names_that_the_authority_has_given(
    keeper: CertificateKeeper, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 7030, 4.2.2: subject and alternative names of the request are those of the certificate, or it is refused."""
    authority, key = office.office.authority, new_key()
    (plain, *above) = authority.issue(
        key.public_key(), subject="kiosk-1", purpose=Purpose.CLIENT, now=now(), lifetime=timedelta(days=1)
    )
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Kiosks"), x509.NameAttribute(NameOID.COMMON_NAME, "kiosk-1")]
    )
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:kiosk:1")])
    builder = (
        x509.CertificateBuilder(issuer_name=plain.issuer, subject_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(plain.not_valid_before_utc)
        .not_valid_after(plain.not_valid_after_utc)
        .add_extension(x509.ExtendedKeyUsage([Purpose.CLIENT.oid]), critical=False)
        .add_extension(names, critical=False)
    )
    leaf = builder.sign(authority.identity.key, hashes.SHA256())
    offline = replace(keeper, office=replace(keeper.office, est_url="", broker_url=""))
    offline.take_over(Identity(key=key, chain=[leaf, *above]), now=now())
    asked: list[x509.CertificateSigningRequest] = []

    def strict(_office: Office, request: x509.CertificateSigningRequest) -> tuple[x509.Certificate, ...]:
        asked.append(request)
        raise PermissionRefused("enough", code="office.refused")

    monkeypatch.setattr(Office, "reenroll", strict)
    with pytest.raises(PermissionRefused):
        keeper.renew(now=now(), force=True)
    (request,) = asked
    assert request.subject == subject
    assert request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names
    assert request.public_key() != key.public_key()


def test_a_certificate_that_was_not_proven_when_power_failed_is_before_anything_is_asked_with_it(
    managed: Kiosk, office: Enrolment
) -> None:
    with managed.engine() as engine:
        engine.bind()
        device_id = engine.record.device_id
    lineage, key = Vault(managed.settings().state_dir).lineage, new_key()
    stranger = Authority.create(name="stranger", now=now(), lifetime=timedelta(days=9))
    chain = stranger.issue_from(csr(key, device_id=device_id), now=now(), lifetime=timedelta(days=5))
    lineage.deploy(lineage.add(Identity(key=key, chain=chain)))
    with managed.engine() as engine:
        with suppress(AgentError):
            engine.start()
        assert (lineage.live, lineage.proven) == (1, 1)
        engine.start()


def test_a_disk_in_another_machine_renews_nothing(managed: Kiosk, office: Enrolment) -> None:
    with managed.engine() as engine:
        engine.bind()
    managed.serial = "board-2"
    with managed.engine() as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        with pytest.raises(StateError) as caught:
            engine.renew_certificate(force=True)
        assert caught.value.code == "state.clone"
    assert len(office.office.issued) == 1

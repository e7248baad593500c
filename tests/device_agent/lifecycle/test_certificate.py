"""The device's certificate: asked for by EST, put into use, renewed, and put back when it is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certs.authority import Authority
from certs.errors import CertError, IdentityError
from certs.identity import Identity, new_key, request
from certs.purpose import Purpose
from certs.rotation import Standing
from device_agent.config import Secret
from device_agent.errors import AgentError, ConfigurationError, NetworkError, PermissionRefused, ServerFault
from device_agent.harness.enrolment.office import Refused
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.office import Office

from .conftest import certificate_keeper, now


def test_a_secret_works_once_and_for_its_device(office: Enrolment, tmp_path: Path) -> None:
    secret = Secret(office.office.invite("kiosk-1"))
    with pytest.raises(PermissionRefused):
        certificate_keeper(office, tmp_path / "b", "kiosk-2").enroll(secret=secret, now=now())
    ours = certificate_keeper(office, tmp_path / "a")
    identity = ours.enroll(secret=secret, now=now())
    assert ours.enroll(secret=None, now=now()).fingerprint == identity.fingerprint, "what is there and valid stays"
    with pytest.raises(PermissionRefused):
        certificate_keeper(office, tmp_path / "c").enroll(secret=secret, now=now())
    with pytest.raises(ConfigurationError, match="enroll_secret"):
        certificate_keeper(office, tmp_path / "c").enroll(secret=None, now=now())


def test_a_request_that_was_cut_asks_for_the_same_key_again(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    before = ours.lineage.pending_key().public_key()
    identity = ours.enroll(secret=Secret(office.office.invite()), now=now())
    assert identity.key.public_key() == before


def test_an_answer_that_got_lost_costs_no_secret(office: Enrolment, tmp_path: Path) -> None:
    """The certificate was issued and never arrived: the same key may ask again, and no other."""
    secret = Secret(office.office.invite())
    ours = certificate_keeper(office, tmp_path / "a")
    ours.office.enroll(request(ours.lineage.pending_key(), device_id="kiosk-1"), secret=secret)
    identity = ours.enroll(secret=secret, now=now())
    assert ours.lineage.live == ours.lineage.proven == 1
    with pytest.raises(PermissionRefused):
        certificate_keeper(office, tmp_path / "b").enroll(secret=secret, now=now())
    assert ours.enroll(secret=None, now=now()).fingerprint == identity.fingerprint


def test_a_certificate_that_came_before_power_failed_is_used(office: Enrolment, tmp_path: Path) -> None:
    secret = Secret(office.office.invite())
    ours = certificate_keeper(office, tmp_path / "a")
    key = ours.lineage.pending_key()
    chain = ours.office.enroll(request(key, device_id="kiosk-1"), secret=secret)
    ours.lineage.add(Identity(key=key, chain=chain))
    assert ours.lineage.live is None
    assert ours.enroll(secret=secret, now=now()).certificate == chain[0]
    assert len(office.office.issued) == 1


def test_a_new_certificate_that_nobody_tried_is_tried_or_put_back(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())
    key = new_key()
    good = ours.office.reenroll(request(key, device_id="kiosk-1"))
    ours.lineage.deploy(ours.lineage.add(Identity(key=key, chain=good)))  # and power failed
    ours.settle()
    assert ours.lineage.live == ours.lineage.proven == 2
    stranger = Authority.create(name="stranger", now=now(), lifetime=timedelta(days=9))
    bad = stranger.issue_from(request(key, device_id="kiosk-1"), now=now(), lifetime=timedelta(days=5))
    ours.lineage.deploy(ours.lineage.add(Identity(key=key, chain=bad)))
    with suppress(AgentError):
        ours.settle()
    assert (ours.lineage.live, ours.lineage.proven) == (2, 2)
    assert first.certificate != good[0]


@pytest.mark.parametrize("harm", ["no link", "damaged"])
def test_the_last_one_that_worked_takes_the_place_of_one_that_is_not_whole(
    office: Enrolment, tmp_path: Path, harm: str
) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())
    if harm == "no link":
        (tmp_path / "a" / "live").unlink()  # power failed between the two links
    else:
        key = new_key()
        version = ours.lineage.add(Identity(key=key, chain=ours.office.reenroll(request(key, device_id="kiosk-1"))))
        ours.lineage.deploy(version)
        (tmp_path / "a" / "live" / "chain.pem").write_bytes(bytes(900))
    ours.settle()
    assert ours.lineage.live == ours.lineage.proven == 1
    ours.office.prove()
    assert ours.enroll(secret=None, now=now()).fingerprint == first.fingerprint


def test_renewal_has_its_time_and_a_new_key(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())
    assert ours.renew(now=now()) is None
    later = now() + timedelta(days=19)
    assert ours.standing(first, now=later) is Standing.DUE
    second = ours.renew(now=later)
    assert second is not None
    assert second.key.public_key() != first.key.public_key()
    assert ours.lineage.live == ours.lineage.proven == 2
    assert ours.lineage.versions() == (2,)


def test_the_old_certificate_stays_until_the_new_one_has_worked(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())

    def refuse(_self: Office) -> None:
        raise PermissionRefused("no", code="office.refused")

    with monkeypatch.context() as patched:
        patched.setattr(Office, "prove", refuse)
        with pytest.raises(PermissionRefused):
            ours.renew(now=now(), force=True)
    current = ours.lineage.current()
    assert current is not None
    assert current.fingerprint == first.fingerprint
    ours.office.prove()


@pytest.mark.parametrize("wrong", ["stranger", "other device", "other key", "server"])
def test_a_certificate_that_is_no_good_is_not_kept(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    stranger = Authority.create(name="stranger", now=now(), lifetime=timedelta(days=9))

    def issue(_self: Office, asked: Any, **_more: Any) -> Any:
        authority = stranger if wrong == "stranger" else office.office.authority
        public = new_key().public_key() if wrong == "other key" else asked.public_key()
        return authority.issue(
            public, subject="kiosk-2" if wrong == "other device" else "kiosk-1",
            purpose=Purpose.SERVER if wrong == "server" else Purpose.CLIENT, now=now(), lifetime=timedelta(days=5),
        )  # fmt: skip

    monkeypatch.setattr(Office, "enroll", issue)
    with pytest.raises(CertError):
        ours.enroll(secret=Secret("x"), now=now())
    assert ours.lineage.versions() == ()


@pytest.mark.parametrize("sent", ["alone", "whole", "root first"])
def test_an_authority_below_the_root_and_whatever_it_sends(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    """Certificates in PKCS#7 have no order, and most EST servers send the new one alone: the rest is in /cacerts."""
    root = office.office.authority
    below = root.intermediate(name="below", now=now(), lifetime=timedelta(days=99))
    office.office.authority = below
    issue = type(office.office)._issue

    def as_others_do(self: Any, asked: Any, **more: Any) -> Any:
        (leaf, *_) = issue(self, asked, **more)
        return {
            "alone": (leaf,),
            "whole": (leaf, below.certificate, root.certificate),
            "root first": (root.certificate, below.certificate, leaf),
        }[sent]

    monkeypatch.setattr(type(office.office), "_issue", as_others_do)
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())
    assert [found.subject.rfc4514_string() for found in first.chain] == ["CN=kiosk-1", "CN=below"]
    second = ours.renew(now=now(), force=True)
    assert second is not None
    assert second.chain[1:] == first.chain[1:]
    assert ours.lineage.live == ours.lineage.proven == 2


def test_an_office_that_has_not_decided_yet_is_asked_again_for_the_same_key(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 7030, 4.2.3: 202, until a person has approved the request; the client repeats it unchanged."""
    ours = certificate_keeper(office, tmp_path / "a")
    secret = Secret(office.office.invite())
    asked = []
    decide, certify = False, type(office.office)._issue

    def wait(self: Any, request: Any, **more: Any) -> Any:
        asked.append(request.public_key())
        if not decide:
            raise Refused(202, "Waits")
        return certify(self, request, **more)

    monkeypatch.setattr(type(office.office), "_issue", wait)
    for act in (lambda: ours.enroll(secret=secret, now=now()), lambda: ours.renew(now=now(), force=True)):
        asked.clear()
        decide = False
        before = ours.lineage.live
        for _ in range(2):
            with pytest.raises(ServerFault) as caught:
                act()
            assert caught.value.code == "office.pending"
            assert ours.lineage.live == before
        decide = True
        act()
        assert len(asked) == 3
        assert asked[0] == asked[1] == asked[2]


def test_a_pending_key_that_the_disk_damaged_is_no_dead_end(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    ours.lineage.pending_key()
    (tmp_path / "a" / "pending.pem").write_bytes(bytes(241))
    ours.enroll(secret=Secret(office.office.invite()), now=now())
    assert ours.lineage.live == 1


def in_use_and_not_shown_yet(office: Enrolment, folder: Path) -> CertificateKeeper:
    """Power failed between the use of a renewed one and its first success."""
    ours = certificate_keeper(office, folder)
    ours.enroll(secret=Secret(office.office.invite()), now=now())
    key = new_key()
    renewed = ours.office.reenroll(request(key, device_id="kiosk-1"))
    ours.lineage.deploy(ours.lineage.add(Identity(key=key, chain=renewed)))
    return ours


@pytest.mark.parametrize("code", ["network.tls", "network.cut"])
def test_a_refusal_by_hanging_up_puts_the_old_certificate_back(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Which of the two a refused certificate looks like is a race that the device does not decide."""
    ours = in_use_and_not_shown_yet(office, tmp_path / "a")

    def hang_up(_self: Office) -> None:
        raise NetworkError("gone", code=code)

    monkeypatch.setattr(Office, "prove", hang_up)
    ours.settle()
    assert (ours.lineage.live, ours.lineage.proven) == (1, 1)


@pytest.mark.parametrize("code", ["network.timeout", "network.unreachable"])
def test_a_network_that_is_away_says_nothing_about_a_certificate(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    ours = in_use_and_not_shown_yet(office, tmp_path / "a")

    def away(_self: Office) -> None:
        raise NetworkError("away", code=code)

    with monkeypatch.context() as patched:
        patched.setattr(Office, "prove", away)
        ours.settle()
    assert (ours.lineage.live, ours.lineage.proven, ours.lineage.versions()) == (2, 1, (1, 2))
    ours.settle()
    assert ours.lineage.proven == 2


@pytest.mark.parametrize(("wrong", "code"), [("device", "name"), ("purpose", "purpose"), ("time", "expired")])
def test_what_was_made_elsewhere_is_held_to_this_device_too(
    office: Enrolment, tmp_path: Path, wrong: str, code: str
) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    offline = replace(ours, office=replace(ours.office, est_url="", broker_url=""))
    key, since = new_key(), now() - timedelta(days=30)
    chain = Authority.create(name="elsewhere", now=since, lifetime=timedelta(days=99)).issue(
        key.public_key(), subject="kiosk-2" if wrong == "device" else "kiosk-1",
        purpose=Purpose.SERVER if wrong == "purpose" else Purpose.CLIENT, now=since,
        lifetime=timedelta(days=29 if wrong == "time" else 60),
    )  # fmt: skip
    with pytest.raises(IdentityError) as caught:
        offline.take_over(Identity(key=key, chain=chain), now=now())
    assert (caught.value.code, ours.lineage.versions()) == (f"trust.{code}", ())


def test_with_a_broker_alone_what_was_made_elsewhere_has_to_work_there(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())
    stranger, key = Authority.create(name="stranger", now=now(), lifetime=timedelta(days=9)), new_key()
    chain = stranger.issue_from(request(key, device_id="kiosk-1"), now=now(), lifetime=timedelta(days=5))
    with pytest.raises(AgentError):
        replace(ours, office=replace(ours.office, est_url="")).take_over(Identity(key=key, chain=chain), now=now())
    assert (ours.lineage.live, ours.lineage.proven) == (1, 1)
    current = ours.lineage.current()
    assert current is not None
    assert current.fingerprint == first.fingerprint


def test_a_certificate_that_has_not_begun_asks_for_no_other(office: Enrolment, tmp_path: Path) -> None:
    """A clock that lost its time would have the authority make one after the other."""
    ours = certificate_keeper(office, tmp_path / "a")
    ours.enroll(secret=Secret(office.office.invite()), now=now())
    with pytest.raises(ConfigurationError) as caught:
        ours.renew(now=now() - timedelta(days=400))
    assert (caught.value.code, len(office.office.issued)) == ("office.not_yet_valid", 1)


def test_a_secret_helps_where_the_certificate_is_over(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    first = ours.enroll(secret=Secret(office.office.invite()), now=now())
    late = first.certificate.not_valid_after_utc + timedelta(days=1)
    with pytest.raises(ConfigurationError) as caught:
        ours.renew(now=late)
    assert caught.value.code == "office.expired"
    office.office.clock = lambda: late
    second = ours.renew(now=late, secret=Secret(office.office.invite()))
    assert second is not None
    assert second.fingerprint != first.fingerprint


def test_an_office_that_names_no_root_stands_for_its_authority_itself(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = office.office.authority.intermediate(name="below", now=now(), lifetime=timedelta(days=99))
    office.office.authority = below
    monkeypatch.setattr(Office, "authorities", lambda _self: (below.certificate,))
    ours = certificate_keeper(office, tmp_path / "a")
    identity = ours.enroll(secret=Secret(office.office.invite()), now=now())
    assert identity.chain[1:] == (below.certificate,)


def test_who_enrolls_hears_that_the_new_one_could_not_be_shown(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = certificate_keeper(office, tmp_path / "a")

    def away(_self: Office) -> None:
        raise ServerFault("ill", code="office.fault")

    monkeypatch.setattr(Office, "prove", away)
    with pytest.raises(ServerFault):
        ours.enroll(secret=Secret(office.office.invite()), now=now())

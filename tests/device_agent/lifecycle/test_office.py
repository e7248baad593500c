"""Certificates by EST and credentials by certificate, against the stand-in's office, and against offices that lie."""

from __future__ import annotations

import base64
import shutil
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certs.authority import Authority
from certs.errors import CertError
from certs.identity import Identity, new_key, request
from certs.rotation import Standing
from device_agent.api.streams import Streamed, Streams
from device_agent.api.trust import Trust
from device_agent.clock import SystemClock
from device_agent.config import Secret
from device_agent.errors import (
    AgentError,
    ConfigurationError,
    NetworkError,
    NotThePlatform,
    PermissionRefused,
    ServerFault,
)
from device_agent.harness.enrolment.office import Refused
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office import REMOVED, Office, Reply

from .conftest import CODE, Kiosk, certificate_keeper, now


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


class Off(SystemClock):
    """This device's clock, wrong by so many seconds."""

    def __init__(self, by_s: float) -> None:
        self._by_s = by_s

    def wall(self) -> float:
        return super().wall() + self._by_s


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
    from certs.purpose import Purpose

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


def test_answers_that_are_nested_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    office = Office(est_url="", broker_url="https://a/c", identity_folder=tmp_path, trust=Trust(None), timeout_s=1.0)
    monkeypatch.setattr(Office, "_ask", lambda *_a, **_b: Reply(body=b'{"x":' + b"[" * 5000, headers={}))
    for call in (lambda: office.credentials(now=0.0), lambda: office.unbind(last=True)):
        with pytest.raises(NotThePlatform):
            call()


def test_a_certificate_whose_name_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = Authority.create(name="authority-7", now=now(), lifetime=timedelta(days=9))
    sent = pkcs7.serialize_certificates([root.certificate], Encoding.DER).replace(b"authority-7", b"authority-\xff")
    office = Office(est_url="https://a", broker_url="", identity_folder=tmp_path, trust=Trust(None), timeout_s=1.0)
    monkeypatch.setattr(Office, "_ask", lambda *_a, **_b: Reply(body=base64.b64encode(sent), headers={}))
    with pytest.raises(NotThePlatform, match="no certificates"):
        office.authorities()


def test_an_office_of_another_authority_is_not_spoken_to(office: Enrolment, tmp_path: Path) -> None:
    ours = certificate_keeper(office, tmp_path / "a")
    untrusting = Office(
        est_url=office.est_url, broker_url=office.broker_url, identity_folder=tmp_path, trust=Trust(None), timeout_s=5
    )
    with pytest.raises(NetworkError) as caught:
        untrusting.authorities()
    assert caught.value.code == "network.tls_trust"
    assert ours.office.authorities()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>log in</html>", NotThePlatform),
        (200, base64.b64encode(b"not pkcs7"), NotThePlatform),
        (200, b"A" * 300_000, NotThePlatform),
        (500, b"", ServerFault),
        (403, b'{"Code":"Removed"}', PermissionRefused),
        (302, b"", NotThePlatform),
        (404, b"", NotThePlatform),
        (401, b"", PermissionRefused),
        (202, b"", ServerFault),
    ],
)
def test_answers_that_make_no_sense(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, kind: type[AgentError]
) -> None:
    @contextmanager
    def ask(_self: Streams, *_given: Any, **_more: Any) -> Iterator[Streamed]:
        yield Streamed(status=status, headers={}, pieces=lambda: iter([body]))

    monkeypatch.setattr(Streams, "ask", ask)
    with pytest.raises(kind) as caught:
        certificate_keeper(office, tmp_path / "a").office.authorities()
    assert "log in" not in str(caught.value)


def test_the_wire_is_rfc_7030_s(office: Enrolment) -> None:
    tls = ssl.create_default_context(cafile=str(office.ca_file))
    with httpx.Client(verify=tls) as http:
        answer = http.get(office.est_url + "/cacerts")
        assert answer.headers["content-type"].startswith("application/pkcs7-mime")
        (root,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.content))
        assert root == office.office.authority.certificate
        asked = request(new_key(), device_id="kiosk-1")
        body = base64.encodebytes(asked.public_bytes(Encoding.DER))
        for path, status in (("simpleenroll", 401), ("simplereenroll", 401)):
            assert http.post(f"{office.est_url}/{path}", content=body).status_code == status
        assert http.get(office.broker_url).status_code == 401
        assert http.get(office.est_url + "/nothing").status_code == 404


def test_plain_http_is_refused(kiosk: Kiosk) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        Office.of(kiosk.settings(broker_url="http://127.0.0.1/x"), identity_folder=Path("x"), environ={})


@pytest.mark.parametrize("code", ["network.tls", "network.cut"])
def test_a_refusal_by_hanging_up_puts_the_old_certificate_back(
    office: Enrolment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Which of the two a refused certificate looks like is a race that the device does not decide."""
    ours = certificate_keeper(office, tmp_path / "a")
    ours.enroll(secret=Secret(office.office.invite()), now=now())
    key = new_key()
    ours.lineage.deploy(
        ours.lineage.add(Identity(key=key, chain=ours.office.reenroll(request(key, device_id="kiosk-1"))))
    )

    def hang_up(_self: Office) -> None:
        raise NetworkError("gone", code=code)

    monkeypatch.setattr(Office, "prove", hang_up)
    ours.settle()
    assert (ours.lineage.live, ours.lineage.proven) == (1, 1)

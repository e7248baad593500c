"""What an office answers: RFC 7030 on the wire, refusals, and answers that are no office's."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certs.authority import Authority
from certs.identity import new_key, request
from device_agent.api.streams import Streamed, Streams
from device_agent.api.trust import Trust
from device_agent.errors import (
    AgentError,
    ConfigurationError,
    NetworkError,
    NotThePlatform,
    PermissionRefused,
    ServerFault,
)
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.office import Office, Reply

from .conftest import Kiosk, certificate_keeper, now


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

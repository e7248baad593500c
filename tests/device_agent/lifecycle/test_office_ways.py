"""The ways to the office: through proxies, with an authority of its own, with revocation, and what gets in the way."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certs.authority import Authority
from device_agent.api.proxy import proxy_routes, route
from device_agent.api.trust import Trust
from device_agent.config import Secret, Settings
from device_agent.errors import ConfigurationError, NetworkError, PermissionRefused
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office import Office, Reply
from tests.device_agent.api.servers import Running, proxying

from .conftest import CODE, Kiosk

HOST = "office.example"
PASSWORD = "pr0xy-canary-pass"
LOGIN = base64.b64encode(f"agent:{PASSWORD}".encode())


@pytest.fixture
def office(harness: RunningHarness, tmp_path: Path) -> Iterator[Enrolment]:
    with open_office(harness, tmp_path / "office", names=[HOST]) as opened:
        yield opened


@pytest.fixture
def proxy(office: Enrolment) -> Iterator[Running]:
    with proxying(login=LOGIN, to=office.port) as running:
        yield running


def managed(kiosk: Kiosk, office: Enrolment, *, host: str = HOST, **overrides: Any) -> Settings:
    """A device without an access key; the office's name is known to the proxy only."""
    port = "" if host == HOST else f":{office.port}"
    settings = kiosk.settings(
        enroll_url=f"https://{host}{port}/.well-known/est", broker_url=f"https://{host}{port}/v1/credentials"
    )
    return msgspec.structs.replace(
        settings, access_key_id="", access_key_secret=None, enroll_secret=Secret(office.office.invite()),
        ca_files={host: office.ca_file}, **overrides,
    )  # fmt: skip


def with_login(proxy: Running) -> str:
    return f"http://agent:{PASSWORD}@127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("from_environment", [False, True])
def test_a_whole_life_with_the_office_behind_a_proxy(
    kiosk: Kiosk, office: Enrolment, proxy: Running, harness: RunningHarness, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, from_environment: bool,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    settings = managed(kiosk, office, **({} if from_environment else {"proxy": with_login(proxy)}))
    monkeypatch.setattr(kiosk, "settings", lambda **_more: settings)
    environ = {"https_proxy": with_login(proxy)} if from_environment else {}
    with kiosk.engine(client_options={"environ": environ}) as engine:
        engine.bind()
        engine.start()
        engine.fetch(CODE)
        engine.renew_certificate(force=True)
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
        shown = repr(engine.steps)
    assert harness.seats() == []
    assert proxy.heard
    assert all(head.startswith(b"CONNECT office.example:443 ") for head in proxy.heard)
    assert PASSWORD not in caplog.text + shown
    assert LOGIN.decode() not in caplog.text + shown


def test_a_proxy_that_wants_a_login_says_so(kiosk: Kiosk, office: Enrolment, proxy: Running) -> None:
    for given in (f"http://127.0.0.1:{proxy.port}", f"http://agent:wr0ng@127.0.0.1:{proxy.port}"):
        ours = Office.of(managed(kiosk, office, proxy=given), identity_folder=kiosk.folder, environ={})
        with pytest.raises(NetworkError) as caught:
            ours.authorities()
        assert caught.value.code == "network.proxy"
        assert not caught.value.maybe_served
        assert "wr0ng" not in str(caught.value) + repr(caught.value) + repr(ours)


def test_exceptions_and_loopback_go_straight(kiosk: Kiosk, office: Enrolment, proxy: Running) -> None:
    environ = {"https_proxy": with_login(proxy), "no_proxy": HOST}
    ours = Office.of(managed(kiosk, office), identity_folder=kiosk.folder, environ=environ)
    with pytest.raises(NetworkError) as caught:
        ours.authorities()
    assert caught.value.code == "network.name", "the name is known to the proxy only"
    local = Office.of(
        managed(kiosk, office, host="localhost", proxy=with_login(proxy)), identity_folder=kiosk.folder, environ={}
    )
    assert local.authorities()
    assert proxy.heard == []


def test_a_proxy_s_address_that_is_none(kiosk: Kiosk, office: Enrolment) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Office.of(managed(kiosk, office, proxy=f"socks5://a:{PASSWORD}@x:1"), identity_folder=kiosk.folder, environ={})
    assert caught.value.code == "config.proxy"
    assert PASSWORD not in str(caught.value)


def test_an_office_whose_certificate_was_revoked_is_not_spoken_to(kiosk: Kiosk, office: Enrolment) -> None:
    settings = managed(kiosk, office, host="localhost", crl_urls={"localhost": office.crl_url})
    assert Office.of(settings, identity_folder=kiosk.folder, environ={}).authorities()
    office.office.revoke(office.certificate.serial_number)
    for path in (settings.cache_dir / "crls").iterdir():
        path.unlink()  # as after half of the list's life
    with pytest.raises(NetworkError) as caught:
        Office.of(settings, identity_folder=kiosk.folder, environ={}).authorities()
    assert caught.value.code == "network.tls_revoked"


def test_a_device_whose_certificate_was_revoked_gets_nothing(
    kiosk: Kiosk, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = managed(kiosk, office, host="localhost")
    monkeypatch.setattr(kiosk, "settings", lambda **_more: settings)
    with kiosk.engine() as engine:
        engine.bind()
        engine.start()
    (_, serial) = office.office.issued[0]
    office.office.revoke(serial)
    with kiosk.engine() as engine:
        with pytest.raises(PermissionRefused) as caught:
            engine.start()
        assert "trust.revoked" in str(caught.value)
        assert engine.record.phase is Phase.BOUND, "a refusal moves nothing"
        with pytest.raises(PermissionRefused):
            engine.renew_certificate(force=True)


def test_the_list_that_the_authority_publishes_has_who_was_unbound(
    kiosk: Kiosk, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = managed(kiosk, office, host="localhost", crl_urls={"localhost": office.crl_url})
    monkeypatch.setattr(kiosk, "settings", lambda **_more: settings)
    with kiosk.engine() as engine:
        engine.bind()
        (_, serial) = office.office.issued[0]
        assert published(office).get_revoked_certificate_by_serial_number(serial) is None
        engine.unbind()
    entry = published(office).get_revoked_certificate_by_serial_number(serial)
    assert entry is not None
    assert published(office).is_signature_valid(office.office.authority.certificate.public_key())


def published(office: Enrolment) -> x509.CertificateRevocationList:
    answer = httpx.get(office.crl_url)
    assert answer.headers["content-type"] == "application/pkix-crl"
    return x509.load_der_x509_crl(answer.content)


@pytest.mark.parametrize(
    ("url", "through"),
    [
        ("https://a.example/x", "p"),
        ("https://a.internal", None),
        ("https://deep.a.internal:8443", None),
        ("https://ainternal", "p"),
        ("https://A.INTERNAL", None),
        ("http://a.example", None),
        ("https://localhost:1", None),
        ("https://[::1]:1", None),
        ("https://10.1.2.3", None),
        ("https://11.1.2.3", "p"),
        ("https://[fd00::1]", None),
        ("https://b.example:8443", None),
        ("https://b.example", "p"),
        ("http://100.100.100.200/latest", None),
    ],
)
def test_which_proxy_leads_where(url: str, through: str | None) -> None:
    environ = {"https_proxy": "p:1", "no_proxy": "a.internal,10.0.0.0/8,fd00::1,b.example:8443"}
    found = route(proxy_routes("", environ=environ), url)
    assert found == (f"http://{through}:1" if through else None)


@pytest.mark.parametrize(
    "wire",
    [
        base64.b64encode,
        base64.encodebytes,
        lambda der: b"\r\n" + base64.encodebytes(der).replace(b"\n", b"\r\n"),
        lambda der: b"-----BEGIN PKCS7-----\n" + base64.encodebytes(der) + b"-----END PKCS7-----\n",
        lambda der: der,
    ],
    ids=["one line", "lines", "CRLF", "PEM", "DER"],
)
def test_the_forms_in_which_est_servers_send_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wire: Callable[[bytes], bytes]
) -> None:
    root = Authority.create(name="root", now=datetime.now(UTC), lifetime=timedelta(days=9)).certificate
    body = wire(pkcs7.serialize_certificates([root], Encoding.DER))
    office = Office(est_url="https://a", broker_url="", identity_folder=tmp_path, trust=Trust(None), timeout_s=1.0)
    monkeypatch.setattr(Office, "_ask", lambda *_a, **_b: Reply(body=body, headers={}))
    assert office.authorities() == (root,)

"""Whoever stands between: every channel meets every liar, on real sockets; each is refused, told as what it is, and
moves nothing on the device.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.authority import Authority
from certs.errors import OrderError
from certs.identity import Identity, new_key, request
from certs.lineage import Lineage
from certs.root import Claims, Roles, role, sign
from device_agent.cli.fault import exit_status
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.errors import AgentError, ConfigurationError
from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.root_chain import FILE
from device_agent.lifecycle.vault import Vault
from tests.device_agent.api.servers import (
    Running,
    Words,
    authority,
    ca_file,
    http_ok,
    says,
    server_identity,
    serving,
    tls_of,
)

from .conftest import CODE, Kiosk

NOW = datetime.now(UTC)
HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"


class LongDay:
    """A clock by which each look at it costs a second: what drips in a test's moment takes an hour by it."""

    def __init__(self) -> None:
        self._steady = 0.0

    def wall(self) -> float:
        return datetime.now(UTC).timestamp()

    def steady(self) -> float:
        self._steady += 1.0
        return self._steady

    def sleep(self, seconds: float) -> None:
        self._steady += seconds


def cut(peer: socket.socket, _head: bytes) -> None:
    """RST in the middle of the body."""
    peer.sendall(HEAD + b'content-length: 1000\r\n\r\n{"Success":')
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def endless(peer: socket.socket, _head: bytes) -> None:
    peer.sendall(HEAD + b"\r\n")
    while True:
        peer.sendall(b"x" * 65536)


def drip(peer: socket.socket, _head: bytes) -> None:
    """One byte at a time, each on its way before the next."""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(HEAD + b"content-length: 3000000\r\n\r\n")
    while True:
        peer.sendall(b" ")


def redirect(to: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nlocation: " + to + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


WORDS: dict[str, Words] = {
    "redirect": says(redirect(b"https://portal.example/login")),
    "redirect to http": says(redirect(b"http://127.0.0.1:1/")),
    "endless": endless,
    "drip": drip,
    "captive": says(http_ok(b"<html><form action=/login></html>")),
    "cut": cut,
}


@dataclass
class Liar:
    """Who stands in a server's place."""

    root: Authority
    server: Running


@pytest.fixture
def stand(tmp_path: Path) -> Callable[[str], Liar]:
    """Puts up a liar by its kind; the root it returns is what the device is told to trust."""
    with ExitStack() as stack:

        def up(kind: str) -> Liar:
            root = authority("trusted", now=NOW - timedelta(days=99))
            signer, names, begins = root, ("localhost",), NOW - timedelta(days=1)
            if kind == "unknown authority":
                signer = authority("trusted", now=NOW - timedelta(days=99))  # the same name, another key
            elif kind == "expired":
                begins = NOW - timedelta(days=40)
            elif kind == "not yet valid":
                begins = NOW + timedelta(days=3)
            elif kind == "other host":
                names = ("portal.example",)
            tls = tls_of(server_identity(signer, names=names, now=begins), tmp_path / "tls")
            if kind == "old TLS":
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
                    tls.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
                    tls.maximum_version = ssl.TLSVersion.TLSv1_1
                tls.set_ciphers("DEFAULT:@SECLEVEL=0")
            speak = WORDS.get(kind, says(http_ok(b"{}")))
            return Liar(root, stack.enter_context(serving(speak, tls=None if kind == "no TLS" else tls)))

        yield up


def bound(kiosk: Kiosk) -> None:
    kiosk.overrides["timeout_s"] = "20"
    with kiosk.engine() as engine:
        engine.bind()
        engine.start()
        engine.fetch(CODE)


def caught(
    kiosk: Kiosk, settings: Settings, act: str, monkeypatch: pytest.MonkeyPatch, *, clock: Clock | None = None
) -> AgentError | OrderError:
    """The error of one act; what is on the device is the same before and after."""
    before = durable(kiosk)
    with monkeypatch.context() as patched:
        patched.setattr(kiosk, "settings", lambda **_more: settings)
        with kiosk.engine(clock=clock) as engine:
            with pytest.raises((AgentError, OrderError)) as error:
                engine.fetch(CODE) if act == "fetch" else getattr(engine, act)()
            assert engine.record.phase is Phase.READY
    assert durable(kiosk) == before
    return error.value


def durable(kiosk: Kiosk) -> dict[str, bytes]:
    """Everything but a download under way, which belongs to no avatar until it is verified."""
    return {name: data for name, data in kiosk.files().items() if ".part" not in name and not name.endswith("lock")}


TLS_LIARS = {
    "unknown authority": "network.tls_trust",
    "expired": "network.tls_time",
    "not yet valid": "network.tls_time",
    "other host": "network.tls_name",
    "old TLS": "network.tls",
    "no TLS": "network.tls",
}
WORD_LIARS = {
    "redirect": "network.redirect",
    "redirect to http": "network.redirect",
    "endless": "network.not_the_platform",
    "drip": "network.timeout",
    "captive": "network.not_the_platform",
    "cut": "network.cut",
}


@pytest.mark.parametrize(("kind", "code"), [*TLS_LIARS.items(), *WORD_LIARS.items()])
def test_in_the_platform_s_place(
    kiosk: Kiosk, stand: Callable[[str], Liar], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, code: str
) -> None:
    bound(kiosk)
    liar = stand(kind)
    settings = msgspec.structs.replace(
        kiosk.settings(), endpoint=f"https://localhost:{liar.server.port}", ca_file=ca_file(liar.root, tmp_path)
    )
    error = caught(kiosk, settings, "start", monkeypatch, clock=LongDay() if kind == "drip" else None)
    assert error.code == code
    assert exit_status(error) == 5
    assert "portal" not in error.message or kind.startswith("redirect")
    if kind in TLS_LIARS:
        assert b"POST" not in liar.server.everything, "who is not trusted is told nothing"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        *dict.fromkeys(list(TLS_LIARS)[:4], "download.tls").items(),
        ("old TLS", "download.connect"),
        ("no TLS", "download.connect"),
        ("redirect", "download.redirect"),
        ("redirect to http", "download.redirect"),
        ("endless", "package.size"),
        ("captive", "package.size"),
        ("cut", "download.cut"),
    ],
)
def test_in_the_content_host_s_place(
    kiosk: Kiosk, stand: Callable[[str], Liar], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, code: str
) -> None:
    bound(kiosk)
    liar = stand(kind)
    data = {"url": f"https://localhost:{liar.server.port}/p.zip?sig=canary-sig", "sha256": "ab" * 32, "size": 1000}
    answer = {"Success": True, "Code": "200", "RequestId": "R", "Data": {"RenderData": json.dumps(data)}}
    platform_root = authority("platform")
    tls = tls_of(server_identity(platform_root), tmp_path / "platform")
    with serving(says(http_ok(json.dumps(answer).encode())), tls=tls) as platform:
        settings = msgspec.structs.replace(
            kiosk.settings(), endpoint=f"https://127.0.0.1:{platform.port}",
            ca_files={"127.0.0.1": ca_file(platform_root, tmp_path), "localhost": ca_file(liar.root, tmp_path)},
        )  # fmt: skip
        error = caught(kiosk, settings, "fetch", monkeypatch)
    # A reset also takes away what had arrived: the device may or may not have seen the first bytes.
    assert error.code == code or (kind == "cut" and error.code == "download.connect")
    assert "canary-sig" not in str(error)
    if kind in TLS_LIARS:
        assert b"GET" not in liar.server.everything


@pytest.mark.parametrize(("kind", "code"), [*TLS_LIARS.items(), *WORD_LIARS.items()])
def test_in_the_office_s_place(
    kiosk: Kiosk, stand: Callable[[str], Liar], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, code: str
) -> None:
    bound(kiosk)
    key = new_key()
    chain = authority().issue_from(request(key, device_id="kiosk-1"), now=NOW, lifetime=timedelta(days=9))
    lineage = Lineage(root=Vault(kiosk.settings().state_dir).identity_folder)
    lineage.deploy(lineage.add(Identity(key=key, chain=chain)))
    liar = stand(kind)
    settings = msgspec.structs.replace(
        kiosk.settings(), broker_url=f"https://localhost:{liar.server.port}/v1/credentials", access_key_id="",
        access_key_secret=None, ca_file=ca_file(liar.root, tmp_path),
    )  # fmt: skip
    error = caught(kiosk, settings, "start", monkeypatch, clock=LongDay() if kind == "drip" else None)
    assert error.code == code
    if kind in TLS_LIARS:
        assert b"GET" not in liar.server.everything


@pytest.mark.parametrize(
    ("kind", "code"), {**TLS_LIARS, **WORD_LIARS, "endless": "order.form", "captive": "order.form"}.items()
)
def test_in_the_place_where_orders_lie(
    kiosk: Kiosk, stand: Callable[[str], Liar], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, code: str
) -> None:
    bound(kiosk)
    liar = stand(kind)
    keys = tmp_path / "operator.pub"
    keys.write_bytes(public_pem(Ed25519PrivateKey.generate()))
    settings = msgspec.structs.replace(
        kiosk.settings(), order_url=f"https://localhost:{liar.server.port}/{{device_id}}", order_keys=keys,
        ca_files={"localhost": ca_file(liar.root, tmp_path)},
    )  # fmt: skip
    error = caught(kiosk, settings, "ask_for_order", monkeypatch, clock=LongDay() if kind == "drip" else None)
    assert error.code == code
    if kind in TLS_LIARS:
        assert b"GET" not in liar.server.everything


@pytest.mark.parametrize(
    ("kind", "code"), {**TLS_LIARS, **WORD_LIARS, "endless": "root.form", "captive": "root.form"}.items()
)
def test_in_the_place_where_roots_lie(
    kiosk: Kiosk, stand: Callable[[str], Liar], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, code: str
) -> None:
    """It is told, and costs nothing; what is there is not kept."""
    bound(kiosk)
    liar, key = stand(kind), Ed25519PrivateKey.generate()
    ready, other = kiosk.harness.ready, role([Ed25519PrivateKey.generate().public_key()], threshold=1)
    said = Claims(
        version=1, expires=NOW + timedelta(days=1), tenant_id=ready.tenant_id, app_id=ready.app_id,
        roles=Roles(root=role([key.public_key()], threshold=1), content=other, order=other),
    )  # fmt: skip
    (tmp_path / "root.json").write_bytes(sign(said, key=key))
    settings = msgspec.structs.replace(
        kiosk.settings(), root_url=f"https://localhost:{liar.server.port}/{{version}}.json",
        root=tmp_path / "root.json", ca_files={"localhost": ca_file(liar.root, tmp_path)},
    )  # fmt: skip
    monkeypatch.setattr(kiosk, "settings", lambda **_more: settings)
    with kiosk.engine(clock=LongDay() if kind == "drip" else None) as engine:
        engine.tend_root()
        assert [(step.ok, step.result) for step in engine.steps if step.name == "root"] == [(False, code)]
        assert (engine.record.phase, engine.root.version) == (Phase.READY, 1)
    assert not (settings.state_dir / FILE).exists()
    if kind in TLS_LIARS:
        assert b"GET" not in liar.server.everything


@pytest.mark.parametrize("setting", ["endpoint", "enroll_url", "broker_url"])
def test_plain_http_is_never_spoken_to_another_machine(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    bound(kiosk)
    settings = msgspec.structs.replace(
        kiosk.settings(), access_key_id="", broker_url="https://broker.example", enroll_url="https://est.example",
    )  # fmt: skip
    settings = msgspec.structs.replace(settings, **{setting: "http://platform.example"})
    error = caught(kiosk, settings, "start", monkeypatch)
    assert isinstance(error, ConfigurationError)
    assert error.code in ("config.plain_http", "config.office")

"""Downloads over sockets of our own, which is the usual way: every kind of body, every kind of liar, no httpx."""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from device_agent.api.streams import Streams, connected
from device_agent.api.trust import Trust
from device_agent.avatars.cache import AvatarCache
from device_agent.errors import AgentError, ConfigurationError, NetworkError, NotThePlatform, PackageError
from tests.device_agent.api.servers import Running, Words, authority, ca_file, says, server_identity, serving, tls_of

from .conftest import CODE

CANARY = "c4n4ry"
OK = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"

Get = Callable[..., Any]


def chunked(body: bytes, *, step: int = 1021, end: bytes = b"0\r\n\r\n") -> bytes:
    pieces = [body[start : start + step] for start in range(0, len(body), step)]
    return b"transfer-encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + end


def sized(body: bytes, length: int | None = None) -> bytes:
    return b"content-length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


def reset(words: bytes) -> Words:
    def speak(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(words)
        while struct.unpack("i", fcntl.ioctl(peer, termios.TIOCOUTQ, bytes(4)))[0]:
            pass  # what was sent has yet to arrive
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return speak


def for_ever(words: bytes, again: bytes) -> Words:
    def speak(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(words)
        while True:
            peer.sendall(again)

    return speak


@pytest.fixture
def get(root: Path, render_data: Any) -> Get:
    """``get(speak, package)``: one fetch from a server that speaks so."""

    def once(speak: Words | Running, package: bytes, *, cache: AvatarCache | None = None, **facts: Any) -> Any:
        cache = cache or AvatarCache(root, timeout_s=10)

        def fetch(port: int) -> Any:
            web = Streams(connect=connected(Trust(None)), steady=iter(map(float, range(100_000))).__next__)
            data = render_data(package, url=f"http://127.0.0.1:{port}/a.zip?Signature={CANARY}", **facts)
            return cache.fetch(CODE, data, web=web)

        if isinstance(speak, Running):
            return fetch(speak.port)
        with serving(speak) as server:
            return fetch(server.port)

    return once


def refused(call: Callable[[], object], kind: type[AgentError]) -> AgentError:
    with pytest.raises(kind) as caught:
        call()
    assert CANARY not in f"{caught.value} {caught.value.__cause__!r}"
    return caught.value


@pytest.mark.parametrize("form", ["sized", "chunked", "until the end"])
@pytest.mark.parametrize("promised", [True, False])
def test_every_form_of_a_body(get: Get, package: bytes, form: str, promised: bool) -> None:
    body = {"sized": sized(package), "chunked": chunked(package), "until the end": b"\r\n" + package}[form]
    facts = {} if promised else {"size": None, "sha256": None}
    assert get(says(OK + body), package, **facts).path.read_bytes() == package


@pytest.mark.parametrize(
    ("form", "how"), [("sized", "close"), ("sized", "reset"), ("chunked", "close"), ("until the end", "close")]
)
def test_a_cut_is_noticed_and_what_came_is_kept(get: Get, package: bytes, root: Path, form: str, how: str) -> None:
    half = package[:20_000]
    body = {"sized": sized(half, len(package)), "chunked": chunked(half, end=b""), "until the end": b"\r\n" + half}
    words = OK + b'etag: "v1"\r\n' + body[form]
    speak = says(words) if how == "close" else reset(words)
    assert refused(lambda: get(speak, package), NetworkError).code == "download.cut"
    (part,) = root.glob("*/*.part")
    assert half.startswith(part.read_bytes())
    assert part.stat().st_size >= (1 if how == "reset" else 18_000)


def test_the_rest_is_asked_for_at_the_same_address(get: Get, package: bytes) -> None:
    answers = [
        OK + b'etag: "v1"\r\n' + sized(package[:9_000], len(package)),
        b'HTTP/1.1 206 Partial Content\r\nconnection: close\r\netag: "v1"\r\n'
        + b"content-range: bytes 9000-%d/%d\r\n" % (len(package) - 1, len(package))
        + sized(package[9_000:]),
    ]
    with serving(lambda peer, _head: peer.sendall(answers.pop(0))) as server:
        assert refused(lambda: get(server, package), NetworkError).code == "download.cut"
        found = get(server, package)
    assert (found.path.read_bytes(), found.transferred) == (package, len(package) - 9_000)
    first, second = (head.decode().lower() for head in server.heard)
    assert first.startswith(f"get /a.zip?signature={CANARY} http/1.1")
    assert "range:" not in first
    assert 'range: bytes=9000-\r\nif-range: "v1"\r\n' in second
    assert "accept-encoding: identity" in first


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (b"", NetworkError, "download.connect"),
        (b"220 mail.example ESMTP\r\n", NetworkError, "download.connect"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: " + b"x" * 80_000, NetworkError, "download.connect"),
        (b"HTTP/1.1 302 Found\r\nlocation: https://a.example/x?c4n4ry\r\n\r\n", NotThePlatform, "download.redirect"),
        (OK + b"content-type: text/html\r\n\r\n<html>", NotThePlatform, "download.web_page"),
        (OK + b"content-encoding: gzip\r\n\r\nxx", NotThePlatform, "download.encoding"),
        (b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n", NetworkError, "download.status"),
        (OK + b"content-length: 9\r\ncontent-length: 10\r\n\r\nxxxxxxxxx", NetworkError, "download.connect"),
        (OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nxx\r\n", NetworkError, "download.connect"),
    ],
)  # fmt: skip
def test_who_does_not_answer_with_a_package(
    get: Get, package: bytes, words: bytes, kind: type[AgentError], code: str
) -> None:
    error = refused(lambda: get(says(words), package), kind)
    assert (error.code, type(error)) == (code, kind)


def test_a_server_that_is_at_work_for_ever_is_given_up(get: Get, package: bytes) -> None:
    """Each of its words is a whole one, so that no wait for a byte would end it."""
    busy = for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n")
    assert refused(lambda: get(busy, package), NetworkError).code == "download.timeout"


def test_a_body_without_an_end_stops_at_the_limit(get: Get, package: bytes, root: Path) -> None:
    speak = for_ever(OK + b"\r\n", b"x" * 65536)
    error = refused(lambda: get(speak, package), PackageError)
    assert error.code == "package.size"
    assert list(root.glob("*/*.part")) == []


def test_nobody_there_and_no_such_host(cache: AvatarCache, package: bytes, render_data: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    web = Streams(connect=connected(Trust(None)))
    data = render_data(package, url=f"http://127.0.0.1:{port}/a.zip?{CANARY}")
    assert refused(lambda: cache.fetch(CODE, data, web=web), NetworkError).code == "download.connect"

    def unknown(*_given: object) -> socket.socket:
        raise socket.gaierror(-2, "Name or service not known")

    data = render_data(package, url=f"https://{'a' * 20}.invalid/a.zip?{CANARY}")
    error = refused(lambda: cache.fetch(CODE, data, web=Streams(connect=unknown)), NetworkError)
    assert error.code == "download.connect"
    assert "host name" in error.message


@contextmanager
def tls_server(folder: Path, *, kind: str, words: bytes) -> Iterator[tuple[int, Path]]:
    now = datetime.now(UTC)
    root = authority("trusted", now=now - timedelta(days=99))
    signer = authority("trusted", now=now - timedelta(days=99)) if kind == "unknown" else root
    names = ("other.example",) if kind == "other host" else ("localhost",)
    begins = now - timedelta(days=40 if kind == "expired" else 1)
    identity = server_identity(signer, names=names, now=begins)
    with serving(says(words), tls=tls_of(identity, folder)) as server:
        yield server.port, ca_file(root, folder)


@pytest.mark.parametrize("kind", ["good", "unknown", "other host", "expired", "authority of another host"])
def test_tls_is_verified_with_the_trust_of_the_host(
    cache: AvatarCache, tmp_path: Path, package: bytes, render_data: Any, kind: str
) -> None:
    with tls_server(tmp_path / "tls", kind=kind, words=OK + sized(package)) as (port, file):
        hosts = {"127.0.0.1" if kind.startswith("authority") else "localhost": file}
        web = Streams(connect=connected(Trust(None, hosts=hosts)))
        data = render_data(package, url=f"https://localhost:{port}/a.zip?{CANARY}")
        if kind == "good":
            assert cache.fetch(CODE, data, web=web).path.read_bytes() == package
            return
        error = refused(lambda: cache.fetch(CODE, data, web=web), NetworkError)
    assert error.code == "download.tls"
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


def test_an_authority_s_file_that_went_away_is_a_setting_s_fault(
    cache: AvatarCache, tmp_path: Path, package: bytes, render_data: Any
) -> None:
    with tls_server(tmp_path / "tls", kind="good", words=b"") as (port, file):
        web = Streams(connect=connected(Trust(None, hosts={"localhost": file})))
        file.unlink()
        data = render_data(package, url=f"https://localhost:{port}/a.zip?{CANARY}")
        assert refused(lambda: cache.fetch(CODE, data, web=web), ConfigurationError).code == "config.ca_file"

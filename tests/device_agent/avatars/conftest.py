"""Packages, good and bad, and a server that misbehaves in every way that a server can."""

from __future__ import annotations

import hashlib
import io
import json
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from certs.envelope import seal
from certs.files import private_directory
from device_agent.api.transport import HttpxWeb
from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.render_data import RenderData
from device_agent.avatars.web import Web
from device_agent.errors import AgentError

CODE = "CH_3d_test"
KEY = bytes(range(32))
SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ADDRESS = "https://content.example/packages/avatar.zip"
QUERY = "?Signature=c4n4ry-in-the-query"


def _sealed(plain: bytes, number: int = 1) -> bytes:
    return seal(plain, key=KEY, nonce=number.to_bytes(12, "big"))


def _zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip as Python's own library writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def _render_data(package: bytes, **changes: Any) -> RenderData:
    facts: dict[str, Any] = {
        "url": ADDRESS + QUERY,
        "secret": SECRET,
        "sha256": hashlib.sha256(package).hexdigest(),
        "size": len(package),
        **changes,
    }
    return RenderData.parse(json.dumps({name: value for name, value in facts.items() if value is not None}))


@dataclass
class Server:
    """An origin server behind httpx.MockTransport: honest by default, and every answer can be replaced.

    Attributes:
        body: the file.
        etag: its entity tag, or empty for none.
        answers: taken one by one before the honest answer; each gets the request and may raise.
        requests: what was asked, in order.
        sent: bytes that each answer carried.
    """

    body: bytes
    etag: str = '"v1"'
    answers: list[Callable[[httpx.Request], httpx.Response]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)(request)
        return self.honest(request)

    def honest(self, request: httpx.Request) -> httpx.Response:
        headers = {"ETag": self.etag} if self.etag else {}
        if self.etag and request.headers.get("if-none-match") == self.etag:
            return httpx.Response(304, headers=headers)
        asked = request.headers.get("range")
        if asked and request.headers.get("if-range", self.etag) == self.etag:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(self.body):
                return httpx.Response(416, headers={"Content-Range": f"bytes */{len(self.body)}"})
            piece = self.body[first:]
            headers["Content-Range"] = f"bytes {first}-{len(self.body) - 1}/{len(self.body)}"
            return httpx.Response(
                206, headers={**headers, "Content-Length": str(len(piece))}, stream=self.stream(piece)
            )
        headers["Content-Length"] = str(len(self.body))
        return httpx.Response(200, headers=headers, stream=self.stream(self.body))

    def stream(self, data: bytes, *, error: Exception | None = None) -> httpx.SyncByteStream:
        self.sent.append(len(data))
        return Pieces(data, error)

    def cut_at(self, length: int, error: Exception | None = None) -> Callable[[httpx.Request], httpx.Response]:
        """An honest start whose body ends early: with ``error``, or quietly."""

        def answer(request: httpx.Request) -> httpx.Response:
            whole = self.honest(request)
            self.sent.pop()
            first = 0
            if whole.status_code == 206:
                first = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
            stream = self.stream(self.body[first:length], error=error)
            return httpx.Response(whole.status_code, headers=whole.headers, stream=stream)

        return answer

    def says(self, status: int, body: bytes = b"", **headers: str) -> Callable[[httpx.Request], httpx.Response]:
        """An answer with exactly these headers (``_`` for ``-``) and body."""
        plain = {name.replace("_", "-"): value for name, value in headers.items()}
        return lambda _request: httpx.Response(status, headers=plain, stream=self.stream(body))


class Pieces(httpx.SyncByteStream):
    """A body in pieces of a prime length, as a network would deliver it."""

    def __init__(self, data: bytes, error: Exception | None) -> None:
        self._data, self._error = data, error

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), 1021):
            yield self._data[start : start + 1021]
        if self._error:
            raise self._error


def refusal(call: Callable[[], object], kind: type[AgentError]) -> AgentError:
    """The error of a call that has to fail; no part of it shows the query of the address."""
    with pytest.raises(kind) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    assert "c4n4ry" not in shown, "the query of the address shows"
    return caught.value


def parts(root: Path) -> list[Path]:
    """Downloads that are under way or were cut."""
    return sorted(root.glob("*/*.part"))


@pytest.fixture(scope="session")
def sealed() -> Callable[..., bytes]:
    """``sealed(plain, number)``: an ``.lm`` entry under the test key with that nonce."""
    return _sealed


@pytest.fixture(scope="session")
def zipped() -> Callable[..., bytes]:
    """``zipped({name: data})``: a zip as Python's own library writes it."""
    return _zipped


@pytest.fixture(scope="session")
def render_data() -> Callable[..., RenderData]:
    """``render_data(package, **changes)``: what a careful platform says about a package; None leaves a field out."""
    return _render_data


@pytest.fixture(scope="session")
def package() -> bytes:
    """An honest package of 40 KB or so, with one sealed file."""
    noise = hashlib.shake_256(b"glb").digest(40_000)
    files = {"metaInfo.json": b"{}", "character.glb.lm": _sealed(noise), "animation.glb": b"a"}
    return _zipped({f"avatar/{name}": data for name, data in files.items()})


@pytest.fixture(scope="session")
def server_of() -> type[Server]:
    """``server_of(body)``: another server."""
    return Server


@pytest.fixture
def server(package: bytes) -> Server:
    return Server(package)


@contextmanager
def web_of(server: Server) -> Iterator[Web]:
    """The way to a server of this file; it goes through httpx, test_straight_downloads.py has sockets."""
    with httpx.Client(transport=httpx.MockTransport(server)) as client:
        yield HttpxWeb(client)


@pytest.fixture
def web(server: Server) -> Iterator[Web]:
    with web_of(server) as way:
        yield way


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return private_directory(tmp_path / "cache")


@pytest.fixture
def cache(root: Path) -> AvatarCache:
    return AvatarCache(root)

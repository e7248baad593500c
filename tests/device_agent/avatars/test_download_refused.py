"""Downloads that are lied to, refused or too long, and disks that do not take them: the last good avatar stays."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.package import PackageLimits
from device_agent.avatars.partial import Partial
from device_agent.avatars.web import Web
from device_agent.errors import ConfigurationError, NetworkError, NotThePlatform, PackageError

from .conftest import CODE, parts, refusal


def test_a_longer_body_than_promised(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path
) -> None:
    more = package + bytes(5000)
    for changes, answer in (
        ({}, server.says(200, more, Content_Length=str(len(package)))),
        ({}, server.says(200, more)),
        ({"sha256": None}, server.says(200, more, Content_Length=str(len(package)))),
    ):
        server.answers = [answer]
        error = refusal(
            lambda changes=changes: cache.fetch(CODE, render_data(package, **changes), web=web), PackageError
        )
        assert error.code == "package.size"
        assert parts(root) == []
    server.answers = [
        server.cut_at(10_000),
        server.says(206, more[10_000:], Content_Range=f"bytes 10000-{len(package) - 1}/{len(package)}"),
    ]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    assert refusal(lambda: cache.fetch(CODE, render_data(package), web=web), PackageError).code == "package.size"
    assert parts(root) == []


def test_another_length_than_the_platform_promised_is_refused_before_the_body(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path
) -> None:
    error = refusal(lambda: cache.fetch(CODE, render_data(package, size=len(package) + 1), web=web), PackageError)
    assert (error.code, error.exit_status) == ("package.size", 7)
    assert parts(root) == []
    server.answers = [server.says(200, package[:-5])]
    error = refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    assert error.code == "download.cut"


def test_a_wrong_hash_discards_everything_and_keeps_the_last_good_one(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path
) -> None:
    good = cache.fetch(CODE, render_data(package), web=web)
    changed = bytearray(package)
    changed[2000] ^= 1
    server.body, server.etag = bytes(changed), '"v2"'
    error = refusal(
        lambda: cache.fetch(CODE, render_data(package, sha256="d" * 64, version="2"), web=web), PackageError
    )
    assert (error.code, error.exit_status, error.where) == (
        "package.sha256",
        7,
        "https://content.example/packages/avatar.zip",
    )
    assert parts(root) == []
    kept = cache.cached(CODE)
    assert kept is not None
    assert (kept.sha256, kept.path.read_bytes()) == (good.sha256, package)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "code", "says"),
    [
        (
            302,
            {"Location": "https://portal.example/login?c4n4ry"},
            NotThePlatform,
            "download.redirect",
            "portal.example",
        ),
        (301, {"Location": "/moved?c4n4ry"}, NotThePlatform, "download.redirect", "301"),
        (307, {"Location": "http://[bad"}, NotThePlatform, "download.redirect", "307"),
        (304, {}, NetworkError, "download.status", "304"),
        (200, {"Content_Type": "text/html; charset=utf-8"}, NotThePlatform, "download.web_page", "web page"),
        (200, {"Content_Encoding": "gzip"}, NotThePlatform, "download.encoding", "packed"),
        (204, {}, NetworkError, "download.status", "204"),
        (401, {}, NetworkError, "download.status", "run out"),
        (403, {}, NetworkError, "download.status", "run out"),
        (404, {}, NetworkError, "download.status", "run out"),
        (416, {}, NetworkError, "download.status", "416"),
        (429, {}, NetworkError, "download.status", "later"),
        (500, {}, NetworkError, "download.status", "later"),
        (503, {}, NetworkError, "download.status", "later"),
    ],
)
def test_answers_that_are_no_package(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any,
    status: int, headers: dict[str, str], kind: type[NetworkError], code: str, says: str,
) -> None:  # fmt: skip
    server.answers = [server.cut_at(10_000), server.says(status, b"<html>", **headers)]
    refusal(lambda: cache.fetch(CODE, render_data(package, version="first"), web=web), NetworkError)
    error = refusal(lambda: cache.fetch(CODE, render_data(package), web=web), kind)
    assert (error.code, error.exit_status, error.where) == (code, 5, "https://content.example/packages/avatar.zip")
    assert says in str(error)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [302, 403, 500, 503])
def test_a_refusal_keeps_the_part(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, status: int
) -> None:
    server.answers = [server.cut_at(10_000), server.says(status, Location="https://portal.example/")]
    for _ in range(2):
        refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    assert cache.fetch(CODE, render_data(package), web=web).transferred == len(package) - 10_000


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.ConnectTimeout("c"), "download.timeout"),
        (httpx.ReadTimeout("r"), "download.timeout"),
        (httpx.ConnectError("refused"), "download.connect"),
        (httpx.ProxyError("407"), "download.connect"),
        (httpx.UnsupportedProtocol("x"), "download.connect"),
        (httpx.TooManyRedirects("https://content.example/?c4n4ry"), "download.failed"),
        (httpx.InvalidURL("https://content.example/?c4n4ry"), "download.failed"),
    ],
)
def test_requests_that_fail(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, error: Exception, code: str
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    server.answers = [fail]
    failure = refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    assert (failure.code, failure.exit_status) == (code, 5)


def test_every_request_has_a_time_out_and_no_body_goes_unlimited(
    root: Path, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    small = AvatarCache(root, limits=PackageLimits(archive=30_000), timeout_s=7)
    endless = server.says(200, bytes(100_000))
    server.answers = [endless]
    error = refusal(lambda: small.fetch(CODE, render_data(package, size=None), web=web), PackageError)
    assert error.code == "package.size"
    error = refusal(lambda: small.fetch(CODE, render_data(package), web=web), PackageError)
    assert error.code == "package.limit"
    assert parts(root) == []
    for request in server.requests:
        assert request.extensions["timeout"] == {"connect": 7, "read": 7, "write": 7, "pool": 7}


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "cache.full"), (errno.EDQUOT, "cache.full"), (errno.EIO, "cache.failed")]
)
def test_a_disk_that_fails_while_writing(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path,
    monkeypatch: pytest.MonkeyPatch, number: int, code: str,
) -> None:  # fmt: skip
    good = cache.fetch(CODE, render_data(package), web=web)
    server.body = package + b""
    real, written = os.write, []

    def write(descriptor: int, data: Any) -> int:
        if sum(written) > 20_000:
            raise OSError(number, os.strerror(number))
        written.append(len(data))
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        error = refusal(lambda: cache.fetch(CODE, render_data(package, sha256="d" * 64), web=web), ConfigurationError)
    assert (error.code, error.exit_status) == (code, 3)
    assert [part.stat().st_size for part in parts(root)] == [0], "the space is given back"
    kept = cache.cached(CODE)
    assert kept is not None
    assert kept.path == good.path


def test_a_disk_without_room_is_told_before_the_body(
    cache: AvatarCache,
    web: Web,
    server: Any,
    package: bytes,
    render_data: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Partial, "free_space", lambda _: 1234)
    error = refusal(lambda: cache.fetch(CODE, render_data(package), web=web), ConfigurationError)
    assert error.code == "cache.full"
    assert str(len(package)) in error.message
    assert "1234" in error.message


def test_a_server_that_gives_the_rest_byte_by_byte_is_not_asked_for_ever(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    """Once it has given a good deal, too: what counts is what the last answer brought."""
    whole = package + bytes(200_000)
    server.body = whole

    def piece(length: int) -> Callable[[httpx.Request], httpx.Response]:
        def answer(request: httpx.Request) -> httpx.Response:
            first = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
            headers = {"ETag": server.etag, "Content-Range": f"bytes {first}-{first + length - 1}/{len(whole)}"}
            return httpx.Response(206, headers=headers, stream=server.stream(whole[first : first + length]))

        return answer

    server.answers = [server.cut_at(10_000), piece(100_000), *[piece(1)] * 20]
    refusal(lambda: cache.fetch(CODE, render_data(whole), web=web), NetworkError)
    error = refusal(lambda: cache.fetch(CODE, render_data(whole), web=web), NetworkError)
    assert error.code == "download.range"
    assert len(server.requests) == 1 + 1 + 2

"""Downloads that are cut, resumed, lied to and refused; the requests prove what was asked for."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.package import PackageLimits
from device_agent.avatars.partial import Partial
from device_agent.avatars.ranges import content_range, strong_etag
from device_agent.avatars.web import Web
from device_agent.errors import AgentError, ConfigurationError, NetworkError, NotThePlatform, PackageError

from .conftest import web_of

CODE = "CH_3d_test"


def refusal(call: Callable[[], object], kind: type[AgentError]) -> AgentError:
    with pytest.raises(kind) as caught:
        call()
    error: BaseException | None = caught.value
    shown = "".join(traceback.format_exception(caught.value))
    assert "c4n4ry" not in shown, "the query of the address shows"
    assert error is not None
    return caught.value


def parts(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.part"))


def test_a_fetch_from_nothing(cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any) -> None:
    seen: list[tuple[int, int]] = []
    found = cache.fetch(CODE, render_data(package), web=web, progress=lambda *step: seen.append(step))
    assert found.path.read_bytes() == package
    assert (found.size, found.transferred) == (len(package), len(package))
    assert found.sha256 == hashlib.sha256(package).hexdigest()
    assert seen[0] == (0, len(package))
    assert seen[-1] == (len(package), len(package))
    assert [step[0] for step in seen] == sorted({step[0] for step in seen})
    (request,) = server.requests
    assert "range" not in request.headers
    assert request.headers["accept-encoding"] == "identity"
    assert str(request.url).endswith("?Signature=c4n4ry-in-the-query")
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("error", [None, httpx.ReadError("reset"), httpx.RemoteProtocolError("peer closed connection")])
def test_a_cut_keeps_the_part_and_the_next_fetch_asks_for_the_rest_only(
    cache: AvatarCache,
    web: Web,
    server: Any,
    package: bytes,
    render_data: Any,
    root: Path,
    error: Exception | None,
) -> None:
    server.answers = [server.cut_at(10_000, error), server.cut_at(25_000, error)]
    for kept in (10_000, 25_000):
        failure = refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
        assert failure.code == "download.cut"
        assert str(kept) in failure.message
        assert "goes on" in failure.hint
        (part,) = parts(root)
        assert part.read_bytes() == package[:kept]
        assert stat.S_IMODE(part.stat().st_mode) == 0o600
        assert cache.cached(CODE) is None
    seen: list[tuple[int, int]] = []
    found = cache.fetch(CODE, render_data(package), web=web, progress=lambda *step: seen.append(step))
    assert found.path.read_bytes() == package
    assert found.transferred == len(package) - 25_000
    assert server.sent == [10_000, 15_000, len(package) - 25_000]
    assert [r.headers.get("range") for r in server.requests] == [None, "bytes=10000-", "bytes=25000-"]
    assert [r.headers.get("if-range") for r in server.requests] == [None, '"v1"', '"v1"']
    assert seen[0] == (25_000, len(package))
    assert parts(root) == []
    assert sorted(p.suffix for p in found.path.parent.iterdir()) == [".json", ".sealed"]


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 40_000), max_size=4))
def test_any_row_of_cuts_ends_in_the_same_bytes_and_sends_none_twice(
    package: bytes, render_data: Any, server_of: Any, tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    server = server_of(package)
    cache = AvatarCache(tmp_path_factory.mktemp("cache"))
    with web_of(server) as web:
        for cut in sorted(set(cuts)):
            server.answers = [server.cut_at(cut)]
            with pytest.raises(NetworkError):
                cache.fetch(CODE, render_data(package), web=web)
        found = cache.fetch(CODE, render_data(package), web=web)
    assert found.path.read_bytes() == package
    assert sum(server.sent) == len(package)


def test_a_new_signature_in_the_query_does_not_matter(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    server.answers = [server.cut_at(10_000)]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    other = render_data(package, url="https://content.example/packages/avatar.zip?Signature=c4n4ry-other")
    assert cache.fetch(CODE, other, web=web).transferred == len(package) - 10_000


@pytest.mark.parametrize("change", ["address", "sha256", "version"])
def test_what_belongs_to_another_package_is_not_gone_on_with(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path, change: str
) -> None:
    server.answers = [server.cut_at(10_000)]
    if change == "address":
        first = render_data(package, url="https://content.example/packages/other.zip")
    else:
        first = render_data(package, **{change: "e" * 64})
    refusal(lambda: cache.fetch(CODE, first, web=web), NetworkError)
    assert len(parts(root)) == 1
    assert cache.fetch(CODE, render_data(package), web=web).transferred == len(package)
    assert "range" not in server.requests[-1].headers
    assert parts(root) == []


def test_a_changed_file_on_the_server_starts_over(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    old = render_data(package, sha256=None, size=None)
    server.answers = [server.cut_at(10_000)]
    refusal(lambda: cache.fetch(CODE, old, web=web), NetworkError)
    server.body, server.etag = package[:-1] + b"\0", '"v2"'
    server.body = package  # the same bytes again under a new tag: nobody can know
    found = cache.fetch(CODE, old, web=web)
    assert server.requests[-1].headers["if-range"] == '"v1"'
    assert (found.transferred, found.path.read_bytes()) == (len(package), package)


def test_a_server_that_does_not_heed_if_range_is_found_out_by_its_tag(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    server.answers = [server.cut_at(10_000)]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    whole = len(package)
    glued = server.says(206, package[10_000:], ETag='"v2"', Content_Range=f"bytes 10000-{whole - 1}/{whole}")
    server.answers = [glued]
    server.etag = '"v2"'
    assert cache.fetch(CODE, render_data(package), web=web).path.read_bytes() == package
    assert [r.headers.get("range") for r in server.requests] == [None, "bytes=10000-", None]


@pytest.mark.parametrize(
    ("etag", "promised", "resumes"),
    [("", True, True), ('W/"v1"', True, True), ("", False, False), ('W/"v1"', False, False)],
)
def test_without_a_strong_tag_only_a_promised_hash_allows_to_go_on(
    cache: AvatarCache,
    web: Web,
    server: Any,
    package: bytes,
    render_data: Any,
    etag: str,
    promised: bool,
    resumes: bool,
) -> None:
    server.etag = etag
    data = render_data(package) if promised else render_data(package, sha256=None)
    server.answers = [server.cut_at(10_000)]
    refusal(lambda: cache.fetch(CODE, data, web=web), NetworkError)
    if etag and promised:  # the honest server compares tags strongly, so no If-Range may be sent
        server.etag = ""
    found = cache.fetch(CODE, data, web=web)
    assert found.transferred == len(package) - (10_000 if resumes else 0)
    assert "if-range" not in server.requests[-1].headers


def test_a_server_without_ranges_sends_it_all_again(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    server.answers = [server.cut_at(10_000), server.says(200, package, Content_Length=str(len(package)))]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    found = cache.fetch(CODE, render_data(package), web=web)
    assert (found.transferred, found.path.read_bytes()) == (len(package), package)


def test_a_server_that_gives_the_rest_in_pieces(
    cache: AvatarCache, web: Web, server_of: Any, render_data: Any, zipped: Any
) -> None:
    body = zipped({"metaInfo.json": b"{}", "noise": hashlib.shake_256(b"n").digest(300_000)})
    server = server_of(body)
    whole = len(body)

    def piece(first: int, last: int) -> Callable[[httpx.Request], httpx.Response]:
        return server.says(206, body[first : last + 1], Content_Range=f"bytes {first}-{last}/{whole}")

    server.answers = [server.cut_at(10_000), piece(10_000, 109_999), piece(110_000, 209_999)]
    with web_of(server) as web:
        refusal(lambda: cache.fetch(CODE, render_data(body), web=web), NetworkError)
        assert cache.fetch(CODE, render_data(body), web=web).path.read_bytes() == body
    assert [r.headers.get("range") for r in server.requests[1:]] == ["bytes=10000-", "bytes=110000-", "bytes=210000-"]


def test_a_server_that_drips_is_given_up(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    whole = len(package)
    server.answers = [server.cut_at(10_000)] + [
        server.says(206, package[n : n + 1], Content_Range=f"bytes {n}-{n}/{whole}") for n in range(10_000, 10_100)
    ]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    assert refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError).code == "download.range"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes 0-39999/{whole}",
        "bytes 9999-{last}/{whole}",
        "bytes 10001-{last}/{whole}",
        "bytes 10000-{whole}/{whole}",
        "bytes 10000-9999/{whole}",
        "bytes 10000-{last}/{more}",
        "bytes */{whole}",
        "items 10000-{last}/{whole}",
        "bytes 10000-{last}",
        "bytes -10000-{last}/{whole}",
        "bytes 1e4-{last}/{whole}",
    ],
)
def test_a_wrong_content_range_discards_the_part(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path, header: str
) -> None:
    whole = len(package)
    value = header.format(whole=whole, last=whole - 1, more=whole + 1)
    headers = {"Content_Range": value} if value else {}
    server.answers = [server.cut_at(10_000), server.says(206, package[10_000:], **headers)]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    error = refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NotThePlatform)
    assert error.code == "download.range"
    assert [part.stat().st_size for part in parts(root)] == [0]
    assert cache.fetch(CODE, render_data(package), web=web).transferred == whole


def test_a_range_that_nobody_asked_for_is_refused(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    server.answers = [server.says(206, package, Content_Range=f"bytes 0-{len(package) - 1}/{len(package)}")]
    assert refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError).code == "download.status"


def test_a_range_of_a_star_is_fine_when_the_size_is_known(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    rest = server.says(206, package[10_000:], Content_Range=f"bytes 10000-{len(package) - 1}/*")
    server.answers = [server.cut_at(10_000), rest]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    assert cache.fetch(CODE, render_data(package), web=web).path.read_bytes() == package


def test_416_means_complete_or_start_over(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    """A server without Content-Length, cut exactly at the end: only 416 tells that all of it is there."""
    data = render_data(package, size=None)
    server.answers = [
        lambda _: httpx.Response(
            200, headers={"ETag": '"v1"'}, stream=server.stream(package, error=httpx.ReadError("x"))
        )
    ]
    refusal(lambda: cache.fetch(CODE, data, web=web), NetworkError)
    assert cache.fetch(CODE, data, web=web).transferred == 0
    cache.erase()
    server.answers = [server.cut_at(10_000), server.says(416, Content_Range="bytes */77")]
    refusal(lambda: cache.fetch(CODE, data, web=web), NetworkError)
    assert cache.fetch(CODE, data, web=web).transferred == len(package)
    assert "range" not in server.requests[-1].headers


def test_a_part_that_is_complete_needs_no_request(
    cache: AvatarCache,
    web: Web,
    server: Any,
    package: bytes,
    render_data: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Partial, "finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cache.fetch(CODE, render_data(package), web=web)
    assert cache.fetch(CODE, render_data(package), web=web).transferred == 0
    assert len(server.requests) == 1


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


def test_a_part_that_rotted_on_disk_is_found_by_the_hash(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path
) -> None:
    server.answers = [server.cut_at(10_000)]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    (part,) = parts(root)
    part.write_bytes(bytes(10_000))
    assert refusal(lambda: cache.fetch(CODE, render_data(package), web=web), PackageError).code == "package.sha256"
    assert cache.fetch(CODE, render_data(package), web=web).transferred == len(package)


@pytest.mark.parametrize("damage", ["truncate", "empty", "noise", "longer"])
def test_a_damaged_record_beside_the_part_costs_a_fresh_start_only(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, root: Path, damage: str
) -> None:
    server.answers = [server.cut_at(10_000)]
    refusal(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    (part,) = parts(root)
    sidecar = part.with_name(part.name + ".json")
    assert "c4n4ry" not in sidecar.read_text()
    if damage == "longer":
        part.write_bytes(bytes(len(package) + 1))
    else:
        sidecar.write_bytes({"truncate": sidecar.read_bytes()[:-3], "empty": b"", "noise": b"\0" * 50}[damage])
    assert cache.fetch(CODE, render_data(package), web=web).transferred == len(package)


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


def test_content_ranges_and_tags() -> None:
    assert content_range("bytes 0-0/1") == (0, 0, 1)
    assert content_range("Bytes 5-9/*") == (5, 9, None)
    assert content_range("bytes */10") == (-1, -1, 10)
    for wrong in ("", "bytes 2-1/9", "bytes 0-9/9", "bytes 0-9", "bytes ٣-9/99", "bytes 0-1,3-4/9", "bytes=0-1/2"):
        assert content_range(wrong) is None
    assert strong_etag(' "v1" ') == '"v1"'
    for weak in ("", 'W/"v1"', "v1", '"a"b"', '"a\n"', '"é"'):
        assert strong_etag(weak) == ""

"""The rest of a download, from servers that keep to the rules of ranges (RFC 9110, 14) and from those that do not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.ranges import content_range, strong_etag
from device_agent.avatars.web import Web
from device_agent.errors import NetworkError, NotThePlatform

from .conftest import CODE, parts, refusal, web_of


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


def test_content_ranges_and_tags() -> None:
    assert content_range("bytes 0-0/1") == (0, 0, 1)
    assert content_range("Bytes 5-9/*") == (5, 9, None)
    assert content_range("bytes */10") == (-1, -1, 10)
    for wrong in ("", "bytes 2-1/9", "bytes 0-9/9", "bytes 0-9", "bytes ٣-9/99", "bytes 0-1,3-4/9", "bytes=0-1/2"):
        assert content_range(wrong) is None
    assert strong_etag(' "v1" ') == '"v1"'
    for weak in ("", 'W/"v1"', "v1", '"a"b"', '"a\n"', '"é"'):
        assert strong_etag(weak) == ""

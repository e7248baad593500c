"""Downloads that are cut and resumed; the requests prove what was asked for."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.partial import Partial
from device_agent.avatars.web import Web
from device_agent.errors import NetworkError, PackageError

from .conftest import CODE, parts, refusal, web_of


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

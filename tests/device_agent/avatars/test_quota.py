"""The room that avatars may take, and the time that a download may."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from certs.files import private_directory
from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.download import Order, download
from device_agent.avatars.partial import open_partial
from device_agent.errors import ConfigurationError, NetworkError, PackageError

from .conftest import Server, web_of

MARGIN = 64 * 1024


def fetch(cache: AvatarCache, code: str, body: bytes, render_data: Any, **more: Any) -> None:
    with web_of(Server(body=body)) as web:
        cache.fetch(code, render_data(body), web=web, **more)


@pytest.fixture
def bodies(zipped: Callable[..., bytes]) -> list[bytes]:
    return [zipped({"metaInfo.json": b"{}", "character.glb": bytes([n]) * 50_000}) for n in range(5)]


def test_the_avatars_fetched_longest_ago_make_room(root: Path, bodies: list[bytes], render_data: Any) -> None:
    quota = 3 * len(bodies[0]) + 3 * 2000 + MARGIN
    cache = AvatarCache(root, quota=quota)
    for number in (0, 1, 2):
        fetch(cache, f"A{number}", bodies[number], render_data)
    fetch(cache, "A0", bodies[0], render_data)
    assert cache.codes() == ("A0", "A2", "A1")
    fetch(cache, "A3", bodies[3], render_data)
    assert cache.codes() == ("A3", "A0", "A2"), "A1 was asked for longest ago"
    fetch(cache, "A4", bodies[4], render_data, keep=("A2", "A0"))
    assert cache.codes() == ("A4", "A0", "A2"), "what is shown stays, though it is older"
    assert cache.used() <= quota


def test_versions_that_were_superseded_make_room_first(root: Path, bodies: list[bytes], render_data: Any) -> None:
    cache = AvatarCache(root, quota=3 * len(bodies[0]) + 3 * 2000 + MARGIN)
    fetch(cache, "A0", bodies[0], render_data)
    fetch(cache, "A1", bodies[1], render_data)
    fetch(cache, "A1", bodies[2], render_data)
    assert cache.previous("A1") is not None
    fetch(cache, "A2", bodies[3], render_data)
    assert cache.codes() == ("A2", "A1", "A0")
    assert cache.previous("A1") is None
    assert cache.cached("A1") is not None
    assert cache.used() == sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def test_what_is_shown_is_not_removed_for_something_that_cannot_fit(
    root: Path, bodies: list[bytes], render_data: Any
) -> None:
    cache = AvatarCache(root, quota=len(bodies[0]) + 2000 + MARGIN)
    fetch(cache, "A0", bodies[0], render_data)
    with pytest.raises(ConfigurationError) as caught:
        fetch(cache, "A1", bodies[1], render_data, keep=("A0",))
    assert caught.value.code == "cache.quota"
    assert cache.codes() == ("A0",)


def test_a_server_that_sends_more_than_there_is_room_for(root: Path, bodies: list[bytes], render_data: Any) -> None:
    cache = AvatarCache(root, quota=MARGIN + 10_000)
    data = render_data(bodies[0], size=None, sha256=None)
    seen: list[int] = []
    with (
        web_of(Server(body=bodies[0] * 2)) as web,
        pytest.raises(PackageError),
    ):
        cache.fetch("A0", data, web=web, progress=lambda _here, _whole: seen.append(cache.used()))
    assert max(seen, default=0) <= MARGIN + 10_000
    assert cache.used() <= MARGIN + 10_000


def test_a_download_has_an_end_and_goes_on_next_time(tmp_path: Path, package: bytes, render_data: Any) -> None:
    server = Server(body=package)
    ticks = iter(range(10_000))
    private_directory(tmp_path / "d")
    order = Order(
        data=render_data(package), limit=10**9, timeout_s=5, deadline_s=4.5, steady=lambda: float(next(ticks))
    )
    with (
        web_of(server) as web,
        open_partial(tmp_path / "d" / "x.part", address=order.data.address) as partial,
    ):
        with pytest.raises(NetworkError) as caught:
            download(order, partial, web=web, progress=lambda _here, _whole: None)
        assert caught.value.code == "download.deadline"
        here = partial.size
        assert 0 < here < len(package)
        patient = Order(data=order.data, limit=10**9, timeout_s=5)
        received = download(patient, partial, web=web, progress=lambda _here, _whole: None)
    assert received is not None
    assert received.transferred == len(package) - here


def cut_fetch(cache: AvatarCache, code: str, body: bytes, data: Any, *, at: int) -> None:
    server = Server(body=body)
    server.answers = [server.cut_at(at, error=httpx.ReadError("cut"))] * 3
    with web_of(server) as web, pytest.raises(NetworkError):
        cache.fetch(code, data, web=web)


def test_what_has_come_of_a_cut_download_needs_no_room_twice(root: Path, bodies: list[bytes], render_data: Any) -> None:
    cache = AvatarCache(root, quota=2 * len(bodies[0]) + 4000 + MARGIN)
    fetch(cache, "A0", bodies[0], render_data)
    cut_fetch(cache, "A1", bodies[1], render_data(bodies[1]), at=40_000)
    server = Server(body=bodies[1])
    with web_of(server) as web:
        found = cache.fetch("A1", render_data(bodies[1]), web=web, keep=("A0",))
    assert found.transferred < 20_000, "it goes on where it was cut"
    assert cache.codes() == ("A1", "A0")


def test_what_has_come_of_a_version_that_is_not_wanted_any_more_makes_room(
    root: Path, bodies: list[bytes], render_data: Any
) -> None:
    cache = AvatarCache(root, quota=len(bodies[0]) + 4000 + MARGIN)
    cut_fetch(cache, "A0", bodies[0], render_data(bodies[0]), at=40_000)
    fetch(cache, "A0", bodies[1], render_data)
    assert cache.codes() == ("A0",)


def test_an_avatar_that_never_came_whole_makes_room(root: Path, bodies: list[bytes], render_data: Any) -> None:
    cache = AvatarCache(root, quota=len(bodies[0]) + 4000 + MARGIN)
    cut_fetch(cache, "A0", bodies[0], render_data(bodies[0]), at=40_000)
    fetch(cache, "A1", bodies[1], render_data)
    assert cache.codes() == ("A1",)
    assert len(list(root.iterdir())) == 1

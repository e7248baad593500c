"""The stand-in over TCP: up, used, mistreated, and down again."""

from __future__ import annotations

import concurrent.futures
import json
import os
import random
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.errors import AgentError, ConfigurationError
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from renderer.errors import AssetError


@pytest.fixture
def running(tiny: PackageSource, license_key: Any) -> Iterator[RunningHarness]:
    with RunningHarness.start(avatars=[tiny], seats=3, keys=lambda: license_key) as running:
        yield running


def address(running: RunningHarness) -> tuple[str, int]:
    host, _, port = running.ready.endpoint.removeprefix("http://").partition(":")
    return host, int(port)


def raw(running: RunningHarness, data: bytes, *, end: bool = True) -> bytes:
    with socket.create_connection(address(running), timeout=10) as connection:
        try:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        except OSError:
            return b""
        return b"".join(parts)


def alive(running: RunningHarness) -> None:
    response = httpx.post(running.ready.endpoint)
    assert (response.status_code, response.json()["Code"]) == (400, "MissingAction")


def test_it_says_where_it_is(running: RunningHarness) -> None:
    ready = running.ready
    assert ready.endpoint.startswith("http://127.0.0.1:")
    assert ready.admin_url == f"{ready.endpoint}/_harness"
    assert ready.avatar_codes == ["CH_3d_tiny"]
    assert stat.S_IMODE(Path(ready.license_file).stat().st_mode) == 0o600
    assert json.loads(ready.line())["access_key_secret"] == ready.access_key_secret
    assert ready.access_key_secret not in repr(ready)
    assert httpx.get(f"{ready.admin_url}/ready").json() == json.loads(ready.line())
    assert httpx.get(f"{ready.admin_url}/seats").json() == running.seats() == []


def test_it_leaves_nothing_behind(tiny: PackageSource, license_key: Any) -> None:
    before = set(threading.enumerate())
    with RunningHarness.start(avatars=[tiny], keys=lambda: license_key) as running:
        folder = Path(running.ready.license_file).parent
        endpoint = running.ready.endpoint
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
    assert set(threading.enumerate()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(endpoint)
    with pytest.raises(AgentError):
        running.seats()
    running.stop()


def test_two_run_side_by_side(tiny: PackageSource, license_key: Any) -> None:
    with (
        RunningHarness.start(avatars=[tiny], keys=lambda: license_key) as first,
        RunningHarness.start(avatars=[tiny], keys=lambda: license_key, seed="2") as second,
    ):
        assert first.ready.endpoint != second.ready.endpoint
        assert first.ready.access_key_id != second.ready.access_key_id
        alive(first)
        alive(second)


def test_a_taken_port_is_told(running: RunningHarness) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RunningHarness.start(port=address(running)[1])
    assert (caught.value.code, caught.value.exit_status) == ("harness.port", 3)


def test_a_bad_avatar_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    bad = tmp_path / "bad.glb"
    bad.write_bytes(b"glTF\x02\x00\x00\x00")
    before = set(threading.enumerate())
    with pytest.raises(AssetError):
        RunningHarness.start(avatars=[bad])
    assert set(threading.enumerate()) == before


def test_state_survives_in_a_folder(tmp_path: Path, tiny: PackageSource, license_key: Any) -> None:
    data = tmp_path / "data"

    def started() -> RunningHarness:
        return RunningHarness.start(avatars=[tiny], data=data, seed="", keys=lambda: license_key)

    with started() as first:
        first.warm()
        once = httpx.post(first.ready.endpoint).json()["RequestId"]
        known = first.ready
    assert (data / "state.sqlite").stat().st_mode & 0o777 == 0o600
    with started() as second:
        again = second.ready
        assert httpx.post(second.ready.endpoint).json()["RequestId"] != once
    assert [getattr(again, name) for name in ("access_key_id", "app_id", "license_file", "avatar_codes")] == [
        getattr(known, name) for name in ("access_key_id", "app_id", "license_file", "avatar_codes")
    ]


def test_a_state_that_is_none_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "state.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigurationError, match="state file"):
        RunningHarness.start(data=data)


def test_a_long_request_line_is_read(running: RunningHarness) -> None:
    line = b"POST /?Action=SendNothing&Version=2022-01-30&Text=" + b"%E4%BD%A0" * 50_000
    answer = raw(running, line + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", end=False)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["Code"] == "InvalidApi.NotFound"


def test_a_cut_download_arrives_in_part(running: RunningHarness) -> None:
    running.warm()
    sha256 = next(Path(running.ready.license_file).parent.joinpath("assets").iterdir()).stem
    url = f"{running.ready.endpoint}/assets/{sha256}/tiny.zip"
    whole = httpx.get(url).content
    running.fault("cut", on="assets", bytes=777)
    parts: list[bytes] = []
    with httpx.stream("GET", url) as response, pytest.raises(httpx.RemoteProtocolError):
        parts.extend(response.iter_raw())
    received = b"".join(parts)
    assert received == whole[:777]
    assert received + httpx.get(url, headers={"Range": "bytes=777-"}).content == whole


def test_hanging_up_says_nothing(running: RunningHarness) -> None:
    running.fault("drop_before")
    assert raw(running, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    alive(running)


@pytest.mark.parametrize(
    "request_line",
    [b"\x00\xff\x16\x03\x01", b"GET", b"GET / HTTQ/1.1", b"\r\n" * 50, b"GET /\xff HTTP/1.1\r\n\r\n"],
)
def test_what_is_not_http_is_refused_in_the_platforms_form(running: RunningHarness, request_line: bytes) -> None:
    answer = raw(running, request_line + b"\r\n\r\n")
    if answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"date: " in head
        assert json.loads(body)["RequestId"]
    alive(running)


def test_random_bytes_do_not_stop_it(running: RunningHarness) -> None:
    chance = random.Random(20)
    starts = (b"", b"POST / HTTP/1.1\r\nHost: h\r\n", b"GET /assets/", b"POST /_harness/time HTTP/1.1\r\n")
    for _ in range(150):
        raw(running, chance.choice(starts) + chance.randbytes(chance.randrange(1, 600)))
    alive(running)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_wrong_methods(running: RunningHarness, method: str) -> None:
    response = httpx.request(method, f"{running.ready.endpoint}/?Action=ClientStart&Version=2022-01-30")
    assert (response.status_code, response.json()["Code"]) == (403, "UnsupportedHTTPMethod")


def test_huge_heads_and_bodies_do_not_stop_it(running: RunningHarness) -> None:
    head = raw(running, b"POST / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n")
    assert head[:12] in (b"HTTP/1.1 400", b"")
    answer = httpx.post(running.ready.endpoint, content=b"x" * (17 * 1024 * 1024))
    assert (answer.status_code, answer.json()["Code"]) == (413, "RequestEntityTooLarge")
    alive(running)


def test_bodies_that_never_end_do_not_hold_others_up(running: RunningHarness) -> None:
    with socket.create_connection(address(running), timeout=10) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
        alive(running)


def test_many_at_once(running: RunningHarness) -> None:
    def one(_: int) -> str:
        return str(httpx.post(running.ready.endpoint).json()["RequestId"])

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(one, range(64)))) == 64


def test_no_descriptor_is_lost(running: RunningHarness) -> None:
    alive(running)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        alive(running)
    assert len(os.listdir("/proc/self/fd")) <= before + 2

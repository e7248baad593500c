"""What the operator's machine is answered, whom it may be, and that an address is free again afterwards."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError
from device_agent.service import health
from device_agent.service.health import MAX_HEAD, serving
from device_agent.service.report import Report, Snapshot


def asked(path: Path, head: bytes) -> tuple[str, str]:
    """Status line and body of one request."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(head)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    first, _, body = answer.decode().partition("\r\n\r\n")
    return first.partition("\r\n")[0].removeprefix("HTTP/1.1 "), body


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", "200 OK"),
        (b"GET /health?x=1 HTTP/1.0\n\n", "200 OK"),
        (b"GET /health\n\n", "200 OK"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", "200 OK"),
        (b"GET /ready HTTP/1.1\r\n\r\n", "503 Service Unavailable"),
        (b"GET /readyness HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"POST /health HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        (b"nonsense\r\n\r\n", "405 Method Not Allowed"),
        (b"GET /health HTTP/1.1\r\na: " + b"x" * (MAX_HEAD // 2) + b"\r\n\r\n", "200 OK"),
    ],
)
def test_answers(tmp_path: Path, head: bytes, status: str) -> None:
    with serving(Report(), path=tmp_path / "s", port=0):
        assert asked(tmp_path / "s", head)[0] == status


def test_ready_is_whether_the_avatar_may_be_shown(tmp_path: Path) -> None:
    report = Report()
    with serving(report, path=tmp_path / "s", port=0):
        for shows, status in ((True, "200 OK"), (False, "503 Service Unavailable")):
            report.put(Snapshot(may_show=shows))
            said, body = asked(tmp_path / "s", b"GET /ready HTTP/1.1\r\n\r\n")
            assert (said, json.loads(body)) == (status, {"may_show": shows})


class Peer(socket.socket):
    """A connection of somebody; the kernel says whose."""

    uid = 0

    def getsockopt(self, *_given: object) -> bytes:  # type: ignore[override]
        return health._CREDENTIALS.pack(1, self.uid, 1)


@pytest.mark.parametrize(("uid", "may"), [(0, True), (os.geteuid(), True), (12345, False)])
def test_whoever_else_reaches_the_socket_is_not_answered(uid: int, may: bool) -> None:
    """Its mode keeps them out, and its folder may have been made wrong."""
    with Peer(socket.AF_UNIX) as peer:
        peer.uid = uid
        assert health._Unix.verify_request(object.__new__(health._Unix), peer, "") is may


def test_an_address_is_free_again_and_one_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught, serving(Report(), path=tmp_path / "s", port=port):
            pytest.fail("two at one address")
        assert (caught.value.code, caught.value.where) == ("service.health_port", f"127.0.0.1:{port}")
    assert not (tmp_path / "s").exists()
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with serving(Report(), path=tmp_path / "s", port=port):
            assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ConfigurationError) as caught, serving(Report(), path=tmp_path / ("s" * 120), port=0):
        pytest.fail("too long a path")
    assert caught.value.code == "service.health_socket"

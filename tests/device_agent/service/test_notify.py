"""What systemd hears, word by word, and that it need not be there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_agent.service.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, Notifier]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = str(tmp_path / "n") if request.param == "path" else f"@{tmp_path.name}-{time.monotonic_ns()}"
        listening.bind(name.replace("@", "\0") if name.startswith("@") else name)
        listening.setblocking(False)
        yield listening, Notifier({"NOTIFY_SOCKET": name})


def test_what_is_told(manager: tuple[socket.socket, Notifier]) -> None:
    listening, notifier = manager
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier.ready("up\nREADY=0 ")
    notifier.status("a  b")
    notifier.alive()
    notifier.stopping()
    notifier.reloading()
    heard = [listening.recv(999).decode() for _ in range(5)]
    assert heard[:4] == ["READY=1\nSTATUS=up READY=0", "STATUS=a b", "WATCHDOG=1", "STOPPING=1"]
    word, _, at = heard[4].partition("\nMONOTONIC_USEC=")
    assert word == "RELOADING=1"
    assert before <= int(at) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    with pytest.raises(BlockingIOError):
        listening.recv(999)


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1", "/nowhere/n"])
def test_nobody_need_listen(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).ready("up")
    Notifier({}).alive()


@pytest.mark.parametrize(("given", "expected"), [("60000000", 60.0), ("", 0.0), ("soon", 0.0), ("-1", 0.0), ("²", 0.0)])
def test_how_often_it_wants_to_hear(given: str, expected: float) -> None:
    assert Notifier({"WATCHDOG_USEC": given}).watchdog_s == expected

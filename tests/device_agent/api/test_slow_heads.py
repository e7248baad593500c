"""An answer's head that drips, through a proxy: each byte would begin the timeout anew, and none may."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from device_agent.api import transport
from device_agent.api.client import Client
from device_agent.api.credentials import Credentials
from device_agent.api.faults import WHOLE
from device_agent.api.retry import NEVER
from device_agent.config import Secret
from device_agent.errors import NetworkError
from device_agent.spec.client_render import ClientStart

from .servers import authority, ca_file, http_ok, proxying, says, server_identity, serving, tls_of

LONGEST_S = 300.0
"""Longer than any test may take: only the timer under test can end the wait."""


class Timers:
    """In the place of ``threading.Timer``: goes off when the server has dripped, not when time has passed."""

    def __init__(self) -> None:
        self.dripped = threading.Event()
        self.intervals: list[float] = []
        self.cancelled = 0

    def __call__(self, interval: float, act: Callable[..., None], arguments: Any) -> Timers:
        self.intervals.append(interval)
        self._act, self._arguments = act, arguments
        return self

    def start(self) -> None:
        threading.Thread(target=lambda: self.dripped.wait() and self._act(*self._arguments), daemon=True).start()

    def cancel(self) -> None:
        self.cancelled += 1


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    made = Timers()
    monkeypatch.setattr(transport.threading, "Timer", made)
    return made


def client(port: int, proxy: int, ca: Path) -> Client:
    return Client(
        endpoint=f"https://platform.example:{port}",
        credentials=Credentials(access_key_id="testid", access_key_secret=Secret("testsecret")),
        retry=NEVER, environ={}, timeout_s=LONGEST_S, ca_file=ca, proxy=f"http://127.0.0.1:{proxy}",
    )  # fmt: skip


def test_from_the_server_behind_the_proxy_and_from_the_proxy(tmp_path: Path, timers: Timers) -> None:
    root = authority()

    def drip(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nx: aaa")
        timers.dripped.set()
        with contextlib.suppress(OSError):
            peer.recv(1)  # until the other side has had enough

    tls = tls_of(server_identity(root), tmp_path)
    ca = ca_file(root, tmp_path)
    with serving(drip, tls=tls) as server, proxying(to=server.port) as proxy, client(server.port, proxy.port, ca) as us:
        with pytest.raises(NetworkError) as caught:
            us.call(ClientStart(tenant_id=1, app_id="app"))
        assert caught.value.code == "network.timeout"
    timers.dripped.clear()
    with serving(drip) as proxy, client(443, proxy.port, ca) as us:
        with pytest.raises(NetworkError) as caught:
            us.call(ClientStart(tenant_id=1, app_id="app"))
        assert caught.value.code == "network.timeout"
    assert timers.intervals == [WHOLE * LONGEST_S] * 2
    assert timers.cancelled == 2


def test_an_answer_in_time_stops_the_timer(tmp_path: Path, timers: Timers) -> None:
    root = authority()
    words = http_ok(b'{"Success":true,"Code":"0","RequestId":"R"}')
    with (
        serving(says(words), tls=tls_of(server_identity(root), tmp_path)) as server,
        proxying(to=server.port) as proxy,
        client(server.port, proxy.port, ca_file(root, tmp_path)) as us,
    ):
        assert us.call(ClientStart(tenant_id=1, app_id="app")).request_id == "R"
    assert timers.cancelled == len(timers.intervals) == 1

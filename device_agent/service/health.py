"""Health and metrics for the machine's operator, on a Unix socket for root and this user; on loopback TCP if asked for.

``/health`` says that the process is alive and how it is (200 always: liveness knows nothing of the network), ``/ready``
whether the avatar may be on the screen (200 or 503), ``/metrics`` the same for Prometheus.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from device_agent.errors import ConfigurationError
from device_agent.service.report import Report

LOOPBACK = "127.0.0.1"
TIMEOUT_S = 5.0
"""Seconds that one request may take altogether: a client that sends it byte by byte holds nobody up."""

MAX_HEAD = 16 * 1024
MAX_ASKING = 8
"""Requests at the same time; more are hung up on, so that nobody can use up the service's threads."""

_CREDENTIALS = struct.Struct("3i")


class _Handler(socketserver.StreamRequestHandler):
    """One GET, then the connection is closed, so that nobody can hold it.

    Not ``http.server``: it brings the e-mail package along, 2 MiB of an idle service's 45.
    """

    timeout = TIMEOUT_S

    def handle(self) -> None:
        try:
            method, target = self._asked()
        except OSError:
            return
        report = cast(_Served, self.server).report
        path = target.partition("?")[0]
        if method != "GET":
            self._answer("405 Method Not Allowed", "text/plain", "only GET is answered\n")
        elif path == "/health":
            self._answer("200 OK", "application/json", json.dumps({"alive": True, **report.facts()}) + "\n")
        elif path == "/ready":
            shows = report.snapshot.may_show
            state = "200 OK" if shows else "503 Service Unavailable"
            self._answer(state, "application/json", json.dumps({"may_show": shows}) + "\n")
        elif path == "/metrics":
            self._answer("200 OK", "text/plain; version=0.0.4", report.metrics())
        else:
            self._answer("404 Not Found", "text/plain", "there are /health, /ready and /metrics\n")

    def _asked(self) -> tuple[str, str]:
        """Method and target; the headers are read and not looked at. Raises OSError for a head without an end."""
        head, steady = b"", cast(_Served, self.server).steady
        ends = steady() + TIMEOUT_S
        while b"\r\n\r\n" not in head and b"\n\n" not in head:
            left = ends - steady()
            if left <= 0 or len(head) > MAX_HEAD:
                raise TimeoutError
            self.connection.settimeout(left)
            piece = self.connection.recv(4096)
            if not piece:
                break
            head += piece
        self.connection.settimeout(TIMEOUT_S)
        line = head.partition(b"\n")[0].decode("latin-1").split()
        return (line[0], line[1]) if len(line) >= 2 else ("", "")

    def _answer(self, status: str, kind: str, text: str) -> None:
        body = text.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with suppress(OSError):
            self.wfile.write(head.encode() + body)


class _Served(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 2 * MAX_ASKING
    report: Report
    steady: Callable[[], float]

    def __init__(self, address: Any, handler: type[_Handler]) -> None:
        self._free = threading.BoundedSemaphore(MAX_ASKING)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, if one is free."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is its own affair."""


class _Unix(_Served):
    address_family = socket.AF_UNIX

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Only root and this user: the socket's mode says so already, and its folder may be wrong."""
        raw = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _pid, uid, _gid = _CREDENTIALS.unpack(raw)
        return uid in (0, os.geteuid())


@contextmanager
def serving(
    report: Report, *, path: Path | None, port: int, steady: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Answer on the socket at ``path`` and, with a ``port``, on loopback; ``steady`` is a clock that only goes forward.

    Raises:
        ConfigurationError: one of them cannot be had.
    """
    with ExitStack() as stack:
        if path is not None:
            stack.enter_context(_running(_on_path(path), report, steady))
            stack.callback(path.unlink, missing_ok=True)
        if port:
            stack.enter_context(_running(_on_port(port), report, steady))
        yield


@contextmanager
def _running(server: _Served, report: Report, steady: Callable[[], float]) -> Iterator[None]:
    server.report, server.steady = report, steady
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True, name="health")
    thread.start()
    try:
        yield
    finally:
        server.socket.shutdown(socket.SHUT_RDWR)  # wakes it, or it would be waited for until it looks by itself
        server.shutdown()
        server.server_close()


def _on_path(path: Path) -> _Served:
    before = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()  # left by a process that was killed: ``alone`` keeps a second living one out
        return _Unix(str(path), _Handler)
    except OSError as error:
        raise ConfigurationError(
            f"the health socket cannot be made: {(error.strerror or str(error)).lower()}",
            code="service.health_socket",
            where=str(path),
            hint="set health_socket to a path of at most 100 characters in a folder of this user, or to none",
        ) from error
    finally:
        os.umask(before)


def _on_port(port: int) -> _Served:
    try:
        return _Served((LOOPBACK, port), _Handler)
    except OSError as error:
        raise ConfigurationError(
            f"the health port cannot be had: {(error.strerror or str(error)).lower()}",
            code="service.health_port",
            where=f"{LOOPBACK}:{port}",
            hint="set health_port to a free port, or to 0",
        ) from error

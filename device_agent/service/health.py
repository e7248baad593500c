"""Health and metrics for who runs the machine: a Unix socket that root and this user may use; loopback TCP on request.

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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from device_agent.errors import ConfigurationError
from device_agent.service.report import Report

LOOPBACK = "127.0.0.1"
TIMEOUT_S = 5.0
MAX_LINE = 4096
MAX_HEADERS = 64
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
            self._answer("200 OK", "application/json", json.dumps({"alive": True, **report.facts()}))
        elif path == "/ready":
            shows = report.snapshot.may_show
            state = "200 OK" if shows else "503 Service Unavailable"
            self._answer(state, "application/json", json.dumps({"may_show": shows}))
        elif path == "/metrics":
            self._answer("200 OK", "text/plain; version=0.0.4", report.metrics())
        else:
            self._answer("404 Not Found", "text/plain", "there are /health, /ready and /metrics\n")

    def _asked(self) -> tuple[str, str]:
        """Method and target; the headers are read and not looked at. A head that is too long is cut off."""
        line = self.rfile.readline(MAX_LINE).decode("latin-1").split()
        for _ in range(MAX_HEADERS):
            if self.rfile.readline(MAX_LINE) in (b"\r\n", b"\n", b""):
                break
        return (line[0], line[1]) if len(line) >= 2 else ("", "")

    def _answer(self, status: str, kind: str, text: str) -> None:
        body = text.encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with suppress(OSError):
            self.wfile.write(head.encode() + body)


class _Served(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    report: Report


class _Unix(_Served):
    address_family = socket.AF_UNIX

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Only root and this user: the socket's mode says so already, and its folder may be wrong."""
        raw = request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _pid, uid, _gid = _CREDENTIALS.unpack(raw)
        return uid in (0, os.geteuid())


@contextmanager
def serving(report: Report, *, path: Path | None, port: int) -> Iterator[None]:
    """Answer on the socket at ``path`` and, with a ``port``, on loopback.

    Raises:
        ConfigurationError: one of them cannot be had.
    """
    with ExitStack() as stack:
        if path is not None:
            stack.enter_context(_running(_on_path(path), report))
            stack.callback(path.unlink, missing_ok=True)
        if port:
            stack.enter_context(_running(_on_port(port), report))
        yield


@contextmanager
def _running(server: _Served, report: Report) -> Iterator[None]:
    server.report = report
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True, name="health")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _on_path(path: Path) -> _Served:
    before = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()  # left by a process that was killed; the state's lock keeps a second living one out
        return _Unix(str(path), _Handler)  # type: ignore[arg-type]
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

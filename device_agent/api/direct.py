"""Connections that lead straight to a server and are used again: for threads that wait."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import h11

from device_agent.api.exchange import Answer, Exchange
from device_agent.api.faults import WHOLE, translated
from device_agent.api.http1 import Dialogue, Origin, addressed
from device_agent.api.trust import Trust
from device_agent.clock import Clock

KEEP_S = 5.0
"""A connection idle for longer is not used again: servers close idle ones, and a request must not meet that."""

KEEP = 20
"""Idle connections that are kept."""

CHUNK = 64 * 1024


@dataclass
class _Line:
    origin: Origin
    socket: socket.socket
    dialogue: Dialogue
    idle_since: float = 0.0


class Connections:
    """Sends exchanges over connections of its own; safe to share between threads."""

    def __init__(self, *, trust: Trust, clock: Clock, connect_timeout_s: float, timeout_s: float) -> None:
        self._trust = trust
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        self._idle: list[_Line] = []
        self._lock = threading.Lock()

    def send(self, exchange: Exchange) -> Answer:
        """Do one exchange.

        Raises:
            NetworkError: no connection, no answer, or a cut one.
            NotThePlatform: the answer has no end.
        """
        origin, target = addressed(exchange.url)
        timeout_s = self._timeout_s if exchange.timeout_s is None else exchange.timeout_s
        connect_s = self._connect_timeout_s if exchange.timeout_s is None else exchange.timeout_s
        started = self._clock.steady()
        line = self._idle_line(origin)
        if line is None:
            try:
                line = self._open(origin, connect_s)
            except (OSError, ValueError) as exc:  # ValueError: a host that no name can be looked up for
                raise translated(exc, stage="connect", where=origin.shown, is_loopback=origin.is_loopback) from exc
        kept = False
        try:
            line.socket.settimeout(timeout_s)
            line.socket.sendall(line.dialogue.ask(exchange, target))
            heard, ends = None, self._clock.steady() + WHOLE * timeout_s
            while heard is None:
                if self._clock.steady() > ends:
                    raise TimeoutError("the answer takes too long")
                heard = line.dialogue.hear(line.socket.recv(CHUNK))
            kept = line.dialogue.next()
        except (OSError, h11.ProtocolError, zlib.error) as exc:
            raise translated(exc, stage="exchange", where=origin.shown, is_loopback=origin.is_loopback) from exc
        finally:
            self._keep(line) if kept else line.socket.close()
        status, headers, body = heard
        return Answer(status=status, headers=headers, body=body, elapsed_s=max(0.0, self._clock.steady() - started))

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.socket.close()

    def _open(self, origin: Origin, timeout_s: float) -> _Line:
        return _Line(origin, open_socket(origin, timeout_s, self._trust.context), Dialogue(origin))

    def _idle_line(self, origin: Origin) -> _Line | None:
        """The connection used last that is still good."""
        while True:
            with self._lock:
                place = next((i for i in reversed(range(len(self._idle))) if self._idle[i].origin == origin), None)
                line = None if place is None else self._idle.pop(place)
            if line is None:
                return None
            if self._clock.steady() - line.idle_since <= KEEP_S and not _said_something(line.socket):
                return line
            line.socket.close()

    def _keep(self, line: _Line) -> None:
        line.idle_since = self._clock.steady()
        with self._lock:
            self._idle.append(line)
            old = self._idle.pop(0) if len(self._idle) > KEEP else None
        if old is not None:
            old.socket.close()


def open_socket(origin: Origin, seconds: float, context: Callable[[str, int], ssl.SSLContext]) -> socket.socket:
    """A connection within so many seconds, with TLS where the address says so; then ``context`` gives a host's trust.

    Raises:
        OSError, ValueError: no connection could be made.
        ConfigurationError, NetworkError: from ``context``.
    """
    plain = socket.create_connection((origin.host, origin.port), timeout=seconds)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if origin.scheme != "https":
            return plain
        return context(origin.host, origin.port).wrap_socket(plain, server_hostname=origin.host)
    except BaseException:
        plain.close()
        raise


def _said_something(idle: socket.socket) -> bool:
    """Whether a server that was not asked has something to say: nearly always that it closed the connection."""
    with contextlib.suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(idle, select.POLLIN)
        return bool(poll.poll(0))
    return True

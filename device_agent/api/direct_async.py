"""Connections that lead straight to a server and are used again: for asyncio."""

from __future__ import annotations

import asyncio
import zlib

import h11

from device_agent.api.direct import KEEP_S
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.faults import translated
from device_agent.api.http1 import Dialogue, Origin, addressed
from device_agent.api.trust import Trust
from device_agent.clock import Clock
from device_agent.errors import NotThePlatform

MOST = 24
"""Connections at the same time; further calls wait for one. More would not be faster, and the answers that arrive in
one turn of the event loop hold it up together: 24 of them for less than 10 ms."""

HANDSHAKES = 4
"""Connections that are made at the same time: a TLS handshake holds up the event loop for a millisecond or more."""

Heard = tuple[int, dict[str, str], bytes]


class _Line(asyncio.Protocol):
    """One connection, with at most one exchange at a time."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self._dialogue = Dialogue(origin)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Heard] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failure: BaseException | None = None

    @property
    def usable(self) -> bool:
        """Whether it is open, and the server has sent nothing that was not asked for."""
        return self._failure is None and self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting
        if waiting is None:
            self._failure = ConnectionResetError("the server spoke out of turn")
            self.drop()
            return
        try:
            heard = self._dialogue.hear(data)
        except (h11.ProtocolError, zlib.error, NotThePlatform) as failure:
            self._end(failure)
            return
        if heard is not None and not waiting.done():
            waiting.set_result(heard)

    def eof_received(self) -> bool:
        self.data_received(b"")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("the server closed the connection"))

    async def ask(self, exchange: Exchange, target: str, *, timeout_s: float) -> Heard:
        """One exchange. When it fails or is cancelled, the caller has to ``drop`` the connection."""
        assert self._transport is not None
        if self._failure is not None:
            raise self._failure
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        self._timer = loop.call_later(timeout_s, self._end, TimeoutError("no answer in time"))
        try:
            self._transport.write(self._dialogue.ask(exchange, target))
            return await self._waiting
        finally:
            self._timer.cancel()
            self._waiting = self._timer = None

    def next(self) -> bool:
        """Make ready for another exchange; False when it is good for no more."""
        return self.usable and self._dialogue.next()

    def drop(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, failure: BaseException) -> None:
        self._failure = self._failure or failure
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(failure)


class AsyncConnections:
    """Sends exchanges over connections of its own; for the tasks of one event loop at a time."""

    def __init__(self, *, trust: Trust, clock: Clock, connect_timeout_s: float, timeout_s: float) -> None:
        self._trust = trust
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[_Line] = []
        self._places = asyncio.Semaphore(MOST)
        self._handshakes = asyncio.Semaphore(HANDSHAKES)

    async def send(self, exchange: Exchange) -> Answer:
        """As ``Connections.send``."""
        self._settle()
        origin, target = addressed(exchange.url)
        timeout_s = self._timeout_s if exchange.timeout_s is None else exchange.timeout_s
        connect_s = self._connect_timeout_s if exchange.timeout_s is None else exchange.timeout_s
        started = self._clock.steady()
        async with self._places:
            line = self._idle_line(origin)
            if line is None:
                try:
                    line = await self._open(origin, connect_s)
                except (OSError, ValueError) as exc:  # ValueError: a host that no name can be looked up for
                    raise translated(exc, stage="connect", where=origin.shown, is_loopback=origin.is_loopback) from exc
            kept = False
            try:
                status, headers, body = await line.ask(exchange, target, timeout_s=timeout_s)
                kept = line.next()
            except (OSError, h11.ProtocolError, zlib.error) as exc:
                raise translated(exc, stage="exchange", where=origin.shown, is_loopback=origin.is_loopback) from exc
            finally:
                self._keep(line) if kept else line.drop()
        return Answer(status=status, headers=headers, body=body, elapsed_s=max(0.0, self._clock.steady() - started))

    async def close(self) -> None:
        """Close all idle connections."""
        idle, self._idle = self._idle, []
        for line in idle:
            line.drop()
        await asyncio.sleep(0)  # lets the loop see them closed

    def _settle(self) -> None:
        """Connections belong to an event loop; those of one that has ended are of no use."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            self._idle = []
            self._places, self._handshakes = asyncio.Semaphore(MOST), asyncio.Semaphore(HANDSHAKES)

    async def _open(self, origin: Origin, timeout_s: float) -> _Line:
        loop = asyncio.get_running_loop()
        async with self._handshakes:
            context = None
            if origin.scheme == "https":
                trust, whom = self._trust, (origin.host, origin.port)
                context = trust.context(*whom) if trust.ready(*whom) else await asyncio.to_thread(trust.context, *whom)
            async with asyncio.timeout(timeout_s):
                _, line = await loop.create_connection(
                    lambda: _Line(origin),
                    origin.host,
                    origin.port,
                    ssl=context,
                    server_hostname=origin.host if context else None,
                )
        return line

    def _idle_line(self, origin: Origin) -> _Line | None:
        """The connection used last that is still good."""
        for place in reversed(range(len(self._idle))):
            if self._idle[place].origin == origin:
                line = self._idle.pop(place)
                if line.usable and self._clock.steady() - line.idle_since <= KEEP_S:
                    return line
                line.drop()
        return None

    def _keep(self, line: _Line) -> None:
        line.idle_since = self._clock.steady()
        self._idle.append(line)
        if len(self._idle) > MOST:
            self._idle.pop(0).drop()

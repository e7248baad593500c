"""uvicorn inside a program: in a thread of its own, on a socket that was opened before, told to stop by an event."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import uvicorn

from device_agent.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
GRACE_S = 2.0
"""Seconds that an answer which is under way may hold up the end."""

LOOK_S = 0.001
"""Seconds between two looks whether all connections have gone."""


class Server(uvicorn.Server):
    """uvicorn without its own signal handling, polling and log: told to stop by an event."""

    def __init__(self, config: uvicorn.Config, *, pulse: Callable[[], Coroutine[Any, Any, None]]) -> None:
        super().__init__(config)
        self._pulse = pulse
        self.up = threading.Event()
        self.failure: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def run_here(self, listener: socket.socket) -> None:
        """Serve until told to stop; to be run in a thread of its own."""
        try:
            asyncio.run(self.serve(sockets=[listener]))
        except BaseException as failure:  # noqa: BLE001 -- told to the starter, in its own thread
            self.failure = failure
        finally:
            self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, not to a server inside it."""
        yield

    async def main_loop(self) -> None:
        """Wait to be told to stop."""
        self.loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.up.set()
        pulse = asyncio.create_task(self._pulse())
        try:
            await self._stopping.wait()
        finally:
            pulse.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, which looks ten times a second whether all have gone; a stand-in often lives as briefly."""
        state, loop = self.server_state, asyncio.get_running_loop()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(state.connections):
            connection.shutdown()
        ends = loop.time() + GRACE_S
        while (state.connections or state.tasks) and loop.time() < ends:
            await asyncio.sleep(LOOK_S)
        for task in state.tasks:
            task.cancel()

    def stop(self) -> None:
        """Tell it to stop; from any thread."""
        if self.loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself
                self.loop.call_soon_threadsafe(self._stopping.set)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio turns Nagle's delay off only where the protocol is named; it costs 40 ms an answer.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(2048)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ConfigurationError(
            f"the harness cannot listen: {reason}",
            code="harness.port",
            where=netloc(host, port),
            hint="stop what uses the port, or choose another with --port (0 takes a free one)",
        ) from error
    return listener


def netloc(host: str, port: int) -> str:
    """Host and port as they stand in an address; the wildcard is reached at this machine's own name."""
    shown = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 -- compared with, not bound to
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"

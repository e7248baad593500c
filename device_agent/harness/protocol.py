"""HTTP/1.1 as uvicorn speaks it, with two habits of the stand-in's own."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from device_agent.harness.app import HarnessApp

MAX_HEAD = 1024 * 1024
"""Bytes of request line and headers together: a text of 1,000 Chinese characters alone makes a line of 9 KB."""


CORK_LIMIT = 64 * 1024


class Corked:
    """A transport that sends what is written in one turn of the event loop together: an answer's head and body are two
    writes to uvicorn, and each would be a system call and a packet of its own.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Send at the end of this turn, or at once when it is much."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting += data
        if len(self._waiting) > CORK_LIMIT:
            self._flush()

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._waiting:
            data, self._waiting = bytes(self._waiting), bytearray()
            if not self._transport.is_closing():
                self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def protocol_for(app: HarnessApp) -> type[H11Protocol]:
    """The protocol of one stand-in's connections."""

    class HarnessProtocol(H11Protocol):
        """Lets the application hang up without a word, and answers what is not HTTP as the platform would."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.app_state = {**self.app_state, "hang_up": transport.abort}
            super().connection_made(Corked(transport))  # type: ignore[arg-type]

        def shutdown(self) -> None:
            """Where nothing is under way, end at once: over TLS, a close would wait for the other side to close too."""
            super().shutdown()
            if self.transport.is_closing() and not self.transport.get_write_buffer_size():
                self.transport.abort()

        def send_400_response(self, msg: str) -> None:
            reply = app.broken(400, "InvalidParameter", "The request is not valid HTTP.")
            headers: list[Any] = [*reply.headers, ("date", app.date()), ("content-length", str(len(reply.body)))]
            headers.append(("connection", "close"))
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                for event in (
                    h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                    h11.Data(data=reply.body),
                    h11.EndOfMessage(),
                ):
                    self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

    return HarnessProtocol

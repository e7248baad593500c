"""The websocket of the channels as ASGI: ``/ws?t=<token>&app=<application>&tenant=<tenant>``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from device_agent.harness.im.channels import Channels

PATH = "/ws"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FORBIDDEN = 4403
"""Close code for a token that is not known; a websocket that was not accepted is refused with HTTP 403."""


async def serve(channels: Channels, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """One connection from its handshake to its end."""
    await receive()  # websocket.connect
    given = _given(scope["query_string"])
    ticket = channels.knows(token=given.get("t", ""), app_id=given.get("app", ""), tenant_id=given.get("tenant", ""))
    if scope["path"] != PATH or (ticket is None and channels.rules.refusal == "handshake"):
        await send({"type": "websocket.close", "code": FORBIDDEN})
        return
    await send({"type": "websocket.accept"})
    if ticket is None:
        await send({"type": "websocket.send", "text": '2{"reason":"TOKEN_INVALID"}'})
        await send({"type": "websocket.close", "code": 1000})
        return
    outbox: asyncio.Queue[str | None] = asyncio.Queue()
    channel = channels.join(
        token=given["t"], ticket=ticket, send=outbox.put_nowait, close=lambda: outbox.put_nowait(None)
    )
    reading = asyncio.ensure_future(_read(channels, channel, receive))
    writing = asyncio.ensure_future(_write(outbox, send))
    try:
        await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        channels.leave(channel)
        for task in (reading, writing):
            task.cancel()
            with suppress(asyncio.CancelledError, OSError, RuntimeError):
                await task


async def _read(channels: Channels, channel: Any, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None:
            channels.hear(channel, text)


async def _write(outbox: asyncio.Queue[str | None], send: Send) -> None:
    while (text := await outbox.get()) is not None:
        await send({"type": "websocket.send", "text": text})
    await send({"type": "websocket.close", "code": 1000})


def _given(query: bytes) -> dict[str, str]:
    """Parameters as they stand: the vendor's client does not encode them."""
    pairs = (part.partition("=") for part in query.decode("latin-1").split("&"))
    return {name: value for name, _, value in pairs}

"""The stand-in as an ASGI application: the platform at ``/``, packages at ``/assets/``, channels at ``/ws``, the
console at ``/_harness/``.

The two busy rooms are plain ASGI, for speed; the console is a Starlette application, made when it is first used.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from device_agent.harness.assets import PREFIX as ASSETS_PREFIX
from device_agent.harness.assets import Assets, FileReply
from device_agent.harness.gateway import Gateway
from device_agent.harness.im.socket import serve as serve_channel
from device_agent.harness.loopback import is_loopback_host
from device_agent.harness.refusal import GatewayRefusal
from device_agent.harness.reply import Reply, json_reply
from device_agent.harness.verify.gate import open_letter
from device_agent.harness.wire import WireRequest
from device_agent.harness.world import World

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

CONSOLE_PREFIX = b"/_harness"
MAX_BODY = 16 * 1024 * 1024
BODY_TIMEOUT_S = 30.0
CHUNK = 256 * 1024


class HungUp(ConnectionResetError):
    """The stand-in was told to hang up and has no connection to close: it is called without a server."""


class HarnessApp:
    """Sends every request to its room; every answer leaves with the stand-in's own Date."""

    def __init__(
        self,
        *,
        world: World,
        console: Callable[[], Application],
        console_open: bool = False,
        body_timeout_s: float = BODY_TIMEOUT_S,
    ) -> None:
        """``console_open`` lets the console be reached under any host name, not only this machine's own."""
        self._world = world
        self._gateway = Gateway(world=world)
        self._assets = Assets(world=world)
        self._make_console = console
        self._console: Application | None = None
        self._console_open = console_open
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "websocket":
            await serve_channel(self._world.channels, scope, receive, send)
            return
        if scope["type"] != "http":
            return
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        try:
            if path.startswith(CONSOLE_PREFIX):
                await self._to_console(scope, receive, send)
            else:
                await self._to_platform(path, scope, receive, send)
        except HungUp:
            raise
        except Exception as error:  # noqa: BLE001 -- a defect of ours must not stop the server or pass unseen
            sys.stderr.write(f"harness: {scope['method']} failed: {type(error).__name__} at {_place(error)}\n")
            await self._send(scope, send, self.broken())

    async def deliver_late(self) -> int:
        """Let the calls that are late arrive now; how many there were."""
        return await self._gateway.deliver(early=True)

    def broken(self, status: int = 500, code: str = "InternalError", message: str = "") -> Reply:
        """The gateway's answer when there is nothing it could say about the request itself."""
        request_id = self._world.ids.request_id()
        text = message or "The request processing has failed due to some unknown error."
        return json_reply(
            status,
            {"RequestId": request_id, "HostId": "", "Code": code, "Message": text, "Recommend": "docs/harness.md"},
            ("x-acs-request-id", request_id),
        )

    def date(self) -> str:
        """The Date of an answer that leaves now."""
        return self._world.clock.date_header()

    async def _to_platform(self, path: bytes, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape"))
            for name, value in scope["headers"]
        )
        try:
            async with asyncio.timeout(self._body_timeout_s):
                body = await _body(receive)
        except TimeoutError:
            await self._send(scope, send, Reply(status=0, hang_up=True))
            return
        request = WireRequest(
            method=scope["method"],
            path=path,
            query=scope["query_string"],
            headers=headers,
            body=body or b"",
            scheme=scope["scheme"],
        )
        if body is None:
            refusal = GatewayRefusal(413, "RequestEntityTooLarge", "The request's body is too large.")
            answer: Reply | FileReply = self._gateway.refuse(
                refusal, open_letter(request), self._world.ids.request_id()
            )
        elif path.startswith(ASSETS_PREFIX):
            answer = await self._assets.serve(request)
        else:
            answer = await self._gateway.serve(request)
        await self._send(scope, send, answer)

    async def _to_console(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        outside = [name for name in (b"host", b"origin") if name in headers and not is_loopback_host(headers[name])]
        if not self._console_open and (outside or b"host" not in headers):
            refusal = {"error": "the console answers to this machine's own name only"}
            await self._send(scope, send, json_reply(403, refusal))
            return
        if self._console is None:
            self._console = self._make_console()

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", self.date().encode())]
            await send(message)

        await self._console(scope, receive, dated)

    async def _send(self, scope: MutableMapping[str, Any], send: Send, answer: Reply | FileReply) -> None:
        reply = answer.reply if isinstance(answer, FileReply) else answer
        if reply.hang_up:
            _hang_up(scope)
            return
        length = answer.length if isinstance(answer, FileReply) else len(reply.body)
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        headers.append((b"date", self.date().encode()))
        if reply.status != 304:
            headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if isinstance(answer, Reply) and reply.cut is None:
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
            return
        pieces = _pieces(answer) if isinstance(answer, FileReply) else iter((reply.body,))
        if scope["method"] == "HEAD":
            pieces = iter(())
        left = length if reply.cut is None else min(reply.cut, length)
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece[:left], "more_body": True})
            left -= len(piece)
            if left <= 0:
                break
        if reply.cut is not None and reply.cut < length:
            if "hang_up" not in scope.get("state", {}):
                raise HungUp
            return  # the server sends what there is and closes a connection whose answer was not finished
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        if not parts and not message.get("more_body", False):
            return bytes(part)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _pieces(answer: FileReply) -> Iterator[bytes]:
    sent = 0
    with answer.file.open("rb") as file:
        file.seek(answer.start)
        while sent < answer.length:
            piece = file.read(min(CHUNK, answer.length - sent))
            if not piece:
                return
            if answer.flip is not None and sent <= answer.flip < sent + len(piece):
                place = answer.flip - sent
                piece = piece[:place] + bytes([piece[place] ^ 0x80]) + piece[place + 1 :]
            sent += len(piece)
            yield piece


def _hang_up(scope: MutableMapping[str, Any]) -> None:
    hang_up = scope.get("state", {}).get("hang_up")
    if hang_up is None:
        raise HungUp
    hang_up()


def _place(error: BaseException) -> str:
    """File and line of the frame that raised: enough to find the defect, with nothing of the request in it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"

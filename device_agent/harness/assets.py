"""Handing out sealed packages: ``/assets/<sha256>/<name>.zip`` with ranges, conditions, HEAD, and faults."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from device_agent.harness.faults import ASSETS, Fault
from device_agent.harness.packages.ranges import choose
from device_agent.harness.reply import Reply, json_reply
from device_agent.harness.wire import WireRequest
from device_agent.harness.world import World

PREFIX = b"/assets/"

_PATH = re.compile(rb"/assets/([0-9a-f]{64})/([A-Za-z0-9_-]+)\.zip")


@dataclass(frozen=True, kw_only=True)
class FileReply:
    """An answer whose body is a piece of a file.

    Attributes:
        flip: offset inside the piece of a byte that goes out wrong.
    """

    reply: Reply
    file: Path
    start: int
    length: int
    flip: int | None = field(default=None)


MANIFEST = b"/assets/manifest.json"
ROOTS = "/assets/roots/{version}.json"

_ROOT = re.compile(rb"/assets/roots/([0-9]{1,16})\.json")


class Assets:
    """The platform's download server."""

    def __init__(self, *, world: World, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._world = world
        self._sleep = sleep

    async def serve(self, request: WireRequest) -> Reply | FileReply:
        """Answer one request for a package."""
        faults = self._world.faults
        late = faults.strike(ASSETS, "latency")
        if late is not None:
            await self._sleep(late.seconds)
        before = faults.strike(ASSETS, "drop_before", "http_500", "captive", "redirect")
        answer: Reply | FileReply
        if before is not None:
            answer = _broken(before)
        elif request.path == MANIFEST and self._world.listing is not None:
            answer = Reply(headers=(("content-type", "application/json"),), body=await self._world.listing.signed())
        elif (version := _ROOT.fullmatch(request.path)) and self._world.roots is not None:
            body = self._world.roots.served(version[1].decode())
            json_type = (("content-type", "application/json"),)
            answer = Reply(headers=json_type, body=body) if body is not None else json_reply(404, {"Code": "NoSuchKey"})
        else:
            answer = self._find(request)
        after = None
        if before is None and isinstance(answer, FileReply):
            after = faults.strike(ASSETS, "cut", "wrong_bytes", "drop_after")
            if after is not None:
                answer = _spoil(answer, after)
        self._record(request, answer, before or after)
        return answer

    def _find(self, request: WireRequest) -> Reply | FileReply:
        if request.method not in ("GET", "HEAD"):
            return json_reply(405, {"Code": "MethodNotAllowed"}, ("allow", "GET, HEAD"))
        found = _PATH.fullmatch(request.path)
        file = self._world.shelf.find(found.group(1).decode()) if found else None
        if found is None or file is None or not file.is_file():
            return json_reply(404, {"Code": "NoSuchKey"})
        size = file.stat().st_size
        etag = f'"{found.group(1).decode()}"'
        piece = choose(
            size=size,
            etag=etag,
            range_header=request.header("range") if request.method == "GET" else None,
            if_range=request.header("if-range"),
            if_none_match=request.header("if-none-match"),
        )
        headers = [("etag", etag), ("accept-ranges", "bytes"), ("content-type", "application/zip")]
        if piece.status == 206:
            headers.append(("content-range", f"bytes {piece.start}-{piece.end - 1}/{size}"))
        elif piece.status == 416:
            headers.append(("content-range", f"bytes */{size}"))
        reply = Reply(status=piece.status, headers=tuple(headers))
        if piece.status in (304, 416):
            return reply
        return FileReply(reply=reply, file=file, start=piece.start, length=piece.length)

    def _record(self, request: WireRequest, answer: Reply | FileReply, fault: Fault | None) -> None:
        reply = answer.reply if isinstance(answer, FileReply) else answer
        length = answer.length if isinstance(answer, FileReply) and request.method == "GET" else 0
        self._world.recorder.note(
            at=self._world.clock.now(),
            method=request.method,
            path=request.path.decode("ascii", "replace"),
            operation=ASSETS,
            status=reply.status,
            outcome="dropped" if reply.hang_up else str(reply.status),
            range=request.header("range") or "",
            sent=length if reply.cut is None else min(length, reply.cut),
            fault=fault.kind if fault else "",
        )


def _broken(fault: Fault) -> Reply:
    match fault.kind:
        case "drop_before":
            return Reply(status=0, hang_up=True)
        case "captive":
            return Reply(headers=(("content-type", "text/html"),), body=b"<!DOCTYPE html><p>Please log in.</p>\n")
        case "redirect":
            return Reply(status=302, headers=(("location", "http://login.invalid/"),))
        case _:
            return Reply(status=500, body=b"")


def _spoil(answer: FileReply, fault: Fault) -> FileReply:
    match fault.kind:
        case "cut":
            return replace(answer, reply=replace(answer.reply, cut=fault.bytes))
        case "wrong_bytes":
            return replace(answer, flip=min(fault.bytes, max(0, answer.length - 1)))
        case _:
            return replace(answer, reply=replace(answer.reply, hang_up=True))

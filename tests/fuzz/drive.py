"""The drive channel: packets, a channel's life, and the websocket with its handshake."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import struct
from collections.abc import Sequence

from device_agent.drive.channel import Channel
from device_agent.drive.packets import LONGEST_REASON, read
from device_agent.drive.websocket import WebSocket
from device_agent.errors import NetworkError
from tests.fuzz.target import Target, of_bytes

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, 1.3."""

FRAMES = ("1", "3", "4", '5{"messageId":"m1","content":{"a":[1]}}', '6{"messageId":"m1","error":null}', '7{"x":1}',
          '2{"reason":"CONNECTION_KICK_OUT"}')  # fmt: skip


def hear(data: bytes) -> None:
    """Frames, one in each line, as a channel hears them; seconds pass from one to the next."""
    handed: list[object] = []
    channel = Channel(dice=lambda: 0.5, wall=lambda: 1.7e9, deliver=handed.append)
    channel.opened(0.0, app_id="a")
    for now, frame in enumerate(data.decode("utf-8", "replace").split("\n")):
        packet = read(frame)
        assert packet is None or (len(packet.reason) <= LONGEST_REASON and (packet.reason + "x").isprintable())
        channel.send({"now": now})
        said = [*channel.hear(frame, float(now)), *channel.tick(float(now)), *channel.outgoing()]
        assert all(isinstance(answer, str) for answer in said)
        if channel.over:
            channel.lost(float(now), reason=channel.over, refused=channel.is_refused)
            channel.opened(float(now), app_id="a")


def shake_hands(data: bytes) -> None:
    """The case is the whole answer to the handshake; the server hangs up behind it."""
    ours, theirs = socket.socketpair()
    web = WebSocket(ours, host="a.example", where="wss://a.example")
    try:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        web.open("/?t=x", within_s=1.0, steady=lambda: 0.0)
        web.receive(0.0)
    finally:
        theirs.close()
        web.close()


def receive(data: bytes) -> None:
    """The case is what comes after a good handshake."""
    ours, theirs = socket.socketpair()
    web = WebSocket(ours, host="a.example", where="wss://a.example")
    try:
        answer_behind(web, theirs)
        web.open("/?t=x", within_s=1.0, steady=lambda: 0.0)
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with contextlib.suppress(NetworkError):
            for _ in range(len(data) + 3):
                assert all(isinstance(text, str) for text in web.receive(0.0))
            raise AssertionError("it has no end")
    finally:
        theirs.close()
        web.close()


def answer_behind(web: WebSocket, server: socket.socket) -> None:
    """Let the server have answered by the time that the request has been sent."""
    send = web._put

    def put(event: object) -> None:
        send(event)  # type: ignore[arg-type]
        web._put = send  # type: ignore[method-assign]
        key = re.search(rb"sec-websocket-key: *(\S+)", server.recv(65536), re.IGNORECASE)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + MAGIC).digest())
        server.sendall(
            b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
            + b"\r\n\r\n"
        )  # fmt: skip

    web._put = put  # type: ignore[method-assign]


def frame(opcode: int, body: bytes, *, last: bool = True) -> bytes:
    size = struct.pack(">B", len(body)) if len(body) < 126 else b"\x7e" + struct.pack(">H", len(body))
    return bytes([opcode | (0x80 if last else 0)]) + size + body


def websocket_frames() -> Sequence[bytes]:
    parted = frame(1, b"5{}", last=False) + frame(9, b"ping") + frame(0, b"")
    ended = frame(8, struct.pack(">H", 1000) + b"bye")
    return [
        b"".join(frame(1, text.encode()) for text in FRAMES) + ended,
        parted + frame(2, b"\0"),
        frame(1, b"7" + b"x" * 300),
    ]


TARGETS = {
    "drive-packets": Target(run=hear, seeds=lambda: ["\n".join(FRAMES).encode(), *map(str.encode, FRAMES)]),
    "websocket-handshake": Target(
        run=shake_hands,
        seeds=lambda: [
            b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
        ],
    ),
    "websocket-frames": Target(run=receive, seeds=websocket_frames, mutate=of_bytes),
}

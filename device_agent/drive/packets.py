"""Packets of the channel: one character that says which, then JSON or nothing; text frames only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

LONGEST = 1024 * 1024
"""Characters of a frame that is read; what the platform sends is not documented, the vendor's client has no limit."""

LONGEST_REASON = 60


class Kind(StrEnum):
    """The first character of a frame."""

    ACCEPTED = "1"
    ENDED = "2"
    PING = "3"
    PONG = "4"
    MESSAGE = "5"
    ACKNOWLEDGED = "6"
    EVENT = "7"


class Reason(StrEnum):
    """Why the platform says that it ends a connection; there may be others."""

    HEARTBEAT_TIMEOUT = "HEARTBEAT_TIMEOUT"
    UNIT_SWITCH = "UNIT_SWITCH"
    SERVER_CONNECTION_CLOSED = "SERVER_CONNECTION_CLOSED"
    CONNECTION_KICK_OUT = "CONNECTION_KICK_OUT"
    CONNECTION_TIMEOUT = "CONNECTION_TIMEOUT"


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """One frame.

    Attributes:
        id: of a message or an acknowledgement.
        content: of a message or an event: the JSON as it came.
        reason: of an end: short and printable.
        error: of an acknowledgement: what went wrong, empty when nothing did.
    """

    kind: Kind
    id: str = ""
    content: Any = None
    reason: str = ""
    error: str = ""


class _Body(msgspec.Struct, rename="camel"):
    message_id: str | int = ""
    content: Any = None
    reason: str = ""
    error: str | None = None


def read(frame: str) -> Packet | None:
    """What a frame says; ``None`` for an unknown kind, and where the JSON cannot be read."""
    try:
        kind = Kind(frame[:1])
    except ValueError:
        return None
    if kind in (Kind.ACCEPTED, Kind.PING, Kind.PONG):
        return Packet(kind=kind)
    if len(frame) > LONGEST:
        return None
    try:
        if kind is Kind.EVENT:
            return Packet(kind=kind, content=msgspec.json.decode(frame[1:]) if frame[1:] else None)
        body = msgspec.json.decode(frame[1:], type=_Body) if frame[1:] else _Body()
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return Packet(kind=kind) if kind is Kind.ENDED else None  # an end is an end, whatever it says
    return Packet(
        kind=kind,
        id=str(body.message_id),
        content=body.content,
        reason="".join(filter(str.isprintable, body.reason))[:LONGEST_REASON],
        error=body.error or "",
    )


def message(content: Mapping[str, Any] | msgspec.Raw, *, app_id: str, message_id: str) -> str:
    """The frame of a message to the platform; ``content`` may be JSON already."""
    envelope = {
        "receiverId": "ability",
        "receiverType": "server",
        "sticky": True,
        "receiverAppId": app_id,
        "content": content,
        "messageId": message_id,
    }
    return f"{Kind.MESSAGE}{msgspec.json.encode(envelope).decode()}"

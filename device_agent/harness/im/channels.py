"""Which tokens open a channel, which connections stand, and what is said on them. No socket: frames in, frames out.

What is known comes from the vendor's client (how it speaks, and what it does at each end); what the platform does by
itself is a guess, and a switch where the agent must live with either answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from device_agent.harness.ids import Ids

LONGEST = 1024 * 1024
KEPT = 200
"""Messages that are remembered for whoever asks what came."""


class ChannelRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes:
    second: a second connection ends the earlier one of the same ``token``, of the same ``application``, or ``none``.
    refusal: a token that is not known is refused by the ``handshake`` (HTTP 403), or by a ``packet`` after it.
    lives_s: seconds of the stand-in's clock that a token opens channels for; ``None`` is for ever.
    answers: whether pings and messages are answered; a network that died half answers nothing.
    """

    second: Literal["token", "application", "none"] = "token"
    refusal: Literal["handshake", "packet"] = "handshake"
    lives_s: float | None = None
    answers: bool = True


class ChannelOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to happen on every channel that is open.

    Attributes:
        end: the reason to end it with.
        cut: let the connection go without a word.
        message: content of a message to send, as ``message_id`` when that is given.
        event: an event to send.
    """

    end: str = ""
    cut: bool = False
    message: dict[str, Any] | None = None
    message_id: str = ""
    event: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """Whom a token was given to."""

    tenant_id: int
    app_id: str
    given_at: float


@dataclass(kw_only=True, eq=False)
class Channel:
    """One connection. ``send`` and ``close`` reach its socket."""

    number: int
    token: str = field(repr=False)
    ticket: Ticket
    send: Callable[[str], None]
    close: Callable[[], None]
    pings: int = 0


class Channels:
    """Every token and connection; to be used on the server's own loop."""

    def __init__(self, *, ids: Ids, now: Callable[[], float], rules: ChannelRules | None = None) -> None:
        self._ids, self._now = ids, now
        self.rules = rules or ChannelRules()
        self._tickets: dict[str, Ticket] = {}
        self._open: list[Channel] = []
        self._count = 0
        self._heard: list[dict[str, Any]] = []

    def issue(self, *, tenant_id: int, app_id: str) -> str:
        """A token that opens a channel."""
        token = self._ids.token(64)
        self._tickets[token] = Ticket(tenant_id=tenant_id, app_id=app_id, given_at=self._now())
        return token

    def knows(self, *, token: str, app_id: str, tenant_id: str) -> Ticket | None:
        """What a token was given for, when it fits what the address says beside it."""
        ticket = self._tickets.get(token)
        if ticket is None or (ticket.app_id, str(ticket.tenant_id)) != (app_id, tenant_id):
            return None
        lives_s = self.rules.lives_s
        return None if lives_s is not None and self._now() >= ticket.given_at + lives_s else ticket

    def join(self, *, token: str, ticket: Ticket, send: Callable[[str], None], close: Callable[[], None]) -> Channel:
        """One more connection; it may cost an earlier one its place."""
        for other in list(self._open):
            same = other.token == token if self.rules.second == "token" else other.ticket.app_id == ticket.app_id
            if same and self.rules.second != "none":
                self._end(other, "CONNECTION_KICK_OUT")
        self._count += 1
        channel = Channel(number=self._count, token=token, ticket=ticket, send=send, close=close)
        self._open.append(channel)
        send("1")
        return channel

    def leave(self, channel: Channel) -> None:
        """It is gone; may be told twice."""
        if channel in self._open:
            self._open.remove(channel)

    def hear(self, channel: Channel, frame: str) -> None:
        """A frame of a device."""
        if frame.startswith("3"):
            channel.pings += 1
            if self.rules.answers:
                channel.send("4")
        elif frame.startswith("5"):
            self._message(channel, frame[1:])

    def order(self, order: ChannelOrder) -> int:
        """Let something happen on every open channel; how many there were."""
        found = list(self._open)
        for channel in found:
            if order.message is not None:
                message_id = order.message_id or f"srv_{self._ids.hexadecimal(12)}"
                channel.send("5" + json.dumps({"messageId": message_id, "content": order.message}, ensure_ascii=False))
            if order.event is not None:
                channel.send("7" + json.dumps(order.event, ensure_ascii=False))
            if order.end:
                self._end(channel, order.end)
            elif order.cut:
                self._gone(channel)
        return len(found)

    def facts(self) -> dict[str, Any]:
        """Who is connected, and what came lately."""
        open_now = [
            {"number": one.number, "tenant_id": one.ticket.tenant_id, "app_id": one.ticket.app_id, "pings": one.pings}
            for one in self._open
        ]
        return {"open": open_now, "messages": self._heard, "rules": self.rules}

    def forget(self) -> None:
        """Every token and connection."""
        for channel in list(self._open):
            self._gone(channel)
        self._tickets.clear()
        self._heard.clear()
        self.rules = ChannelRules()

    def _message(self, channel: Channel, body: str) -> None:
        try:
            envelope = json.loads(body) if len(body) <= LONGEST else None
        except (ValueError, RecursionError):
            envelope = None
        if not isinstance(envelope, dict):
            return
        content = envelope.get("content")
        content = content if isinstance(content, dict) else {}
        self._heard.append({"channel": channel.number, "app_id": envelope.get("receiverAppId"), "content": content})
        del self._heard[:-KEPT]
        if not self.rules.answers:
            return
        wrong = envelope.get("receiverAppId") != channel.ticket.app_id
        answer = {"messageId": envelope.get("messageId", "")}
        channel.send("6" + json.dumps(answer | {"error": "receiver unknown"} if wrong else answer))
        if not wrong and content.get("type") == "start":
            result = {"messageId": f"srv_{self._ids.hexadecimal(12)}", "content": {"type": "startResult"}}
            channel.send("5" + json.dumps(result))

    def _end(self, channel: Channel, reason: str) -> None:
        channel.send("2" + json.dumps({"reason": reason}))
        self._gone(channel)

    def _gone(self, channel: Channel) -> None:
        self.leave(channel)
        channel.close()

"""The channel's life without any socket: frames in, frames out; what to do next, and when.

Facts of the vendor's client: a ping every 20 s from the moment of connecting and once after the connection is accepted;
a message that comes twice counts once. Three of its faults are not repeated: a silent connection is given up *and* made
anew, everything that waited is sent when it opens, and it is sent in one envelope.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from device_agent.drive.manners import AT_ONCE, Manners
from device_agent.drive.packets import Kind, Packet, Reason, message, read

PING_S = 20.0
SILENT_S = 40.1
"""Without a pong or a message for so long the connection is dead, whatever its socket says."""

SILENT = "SILENT"
"""Our own word for that, beside the platform's reasons."""

REMEMBERED = 101
WAITING = 100
"""Messages that wait for the connection; the oldest give way."""


class Standing(StrEnum):
    """How the channel is, in a word."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"


@dataclass(frozen=True, kw_only=True)
class Message:
    """Something that the platform sent: ``kind`` MESSAGE, EVENT or ACKNOWLEDGED."""

    kind: Kind
    id: str
    content: Any
    error: str = ""


class Channel:
    """One device's channel; every ``now`` is a clock that only goes forward, in seconds."""

    def __init__(
        self,
        *,
        dice: Callable[[], float],
        wall: Callable[[], float],
        deliver: Callable[[Message], None] = lambda _message: None,
    ) -> None:
        """
        Args:
            dice: random numbers in [0, 1).
            wall: seconds since 1970, for the ids of messages.
            deliver: takes each new message, event and acknowledgement.
        """
        self._dice, self._wall, self._deliver = dice, wall, deliver
        self._app_id = ""
        self._manners = Manners()
        self._standing = Standing.WAITING
        self._next_at = -math.inf
        self._opened_at = self._accepted_at = self._heard_at = self._ping_at = 0.0
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._outbox: deque[tuple[str, msgspec.Raw]] = deque(maxlen=WAITING)
        self.over = ""

    @property
    def standing(self) -> Standing:
        """WAITING for the next attempt, CONNECTING until the platform has accepted, CONNECTED."""
        return self._standing

    @property
    def is_refused(self) -> bool:
        """Whether the platform has ended the connection instead of accepting it, for no reason that we know: what it
        has judged by then is the token.
        """
        known = ("", SILENT, *Reason)
        return self._standing is Standing.CONNECTING and self.over not in known

    def is_doubled(self, now: float) -> bool:
        """Whether another device seems to use this one's identity."""
        return self._manners.is_doubled(now)

    def wait_s(self, now: float) -> float:
        """Seconds until something is due: an attempt, a ping, or giving up a silent connection."""
        if self._standing is Standing.WAITING:
            return max(0.0, self._next_at - now)
        return max(0.0, min(self._ping_at, self._silent_at) - now)

    @property
    def _silent_at(self) -> float:
        """When the connection is given up: pongs keep it alive from the moment that the platform has accepted it."""
        return (self._opened_at if self._standing is Standing.CONNECTING else self._heard_at) + SILENT_S

    def opened(self, now: float, *, app_id: str) -> list[str]:
        """The websocket is open, for an application; the frames to send."""
        self._app_id = app_id
        self._standing, self.over = Standing.CONNECTING, ""
        self._opened_at = self._accepted_at = self._heard_at = now
        self._ping_at = now + PING_S
        return [Kind.PING]

    def hear(self, frame: str, now: float) -> list[str]:
        """A frame came; the frames to send. ``over`` says afterwards whether the connection is to be closed."""
        packet = read(frame)
        if packet is None:
            return []
        match packet.kind:
            case Kind.ACCEPTED:
                return self._accepted(now)
            case Kind.PONG:
                self._heard_at = now
            case Kind.MESSAGE:
                self._heard_at = now
                if self._is_new(packet.id):
                    self._hand_on(packet)
            case Kind.EVENT | Kind.ACKNOWLEDGED:
                self._hand_on(packet)
            case Kind.ENDED:
                self.over = packet.reason or "ENDED"
            case _:
                pass
        return []

    def tick(self, now: float) -> list[str]:
        """Whatever time has brought about; the frames to send. May set ``over``."""
        if now >= self._silent_at:
            self.over = SILENT
            return []
        if now >= self._ping_at:
            self._ping_at = now + PING_S
            return [Kind.PING]
        return []

    def lost(self, now: float, *, reason: str = "", refused: bool = False) -> float:
        """The connection is over, or could not be made; seconds until the next attempt.

        Args:
            reason: what ``over`` said, or a word of our own for what the network did.
            refused: the platform did not take the token.
        """
        if self._standing is Standing.CONNECTED:
            self._manners.lasted(now - self._accepted_at)
        if reason == Reason.CONNECTION_KICK_OUT:
            self._manners.kicked_out(now)
        told = bool(self.over) and self.over != SILENT  # by the platform, in a packet
        sent_away = refused or (told and reason not in AT_ONCE)
        self._standing, self.over = Standing.WAITING, ""
        wait = self._manners.wait(dice=self._dice(), sent_away=sent_away)
        self._next_at = now + wait
        return wait

    def send(self, content: Mapping[str, Any]) -> str:
        """Put a message on its way, from any thread; its id. What cannot be sent now waits for the connection.

        Raises:
            TypeError: it is nothing that JSON can say.
        """
        encoded = msgspec.Raw(msgspec.json.encode(content))  # here: the mistake is the sender's, not the connection's
        message_id = f"msg_{int(self._wall() * 1000)}_{int(self._dice() * 1000):03d}"
        self._outbox.append((message_id, encoded))
        return message_id

    def outgoing(self) -> list[str]:
        """The frames of what was put on its way and may be sent now; they count as sent."""
        if self._standing is not Standing.CONNECTED:
            return []
        frames = []
        with suppress(IndexError):
            while True:  # one by one: another thread may put more there meanwhile
                name, content = self._outbox.popleft()
                frames.append(message(content, app_id=self._app_id, message_id=name))
        return frames

    def _accepted(self, now: float) -> list[str]:
        if self._standing is not Standing.CONNECTED:
            self._standing, self._accepted_at, self._heard_at = Standing.CONNECTED, now, now
        return [Kind.PING, *self.outgoing()]

    def _is_new(self, message_id: str) -> bool:
        if not message_id:
            return True
        if message_id in self._seen:
            return False
        self._seen[message_id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _hand_on(self, packet: Packet) -> None:
        self._deliver(Message(kind=packet.kind, id=packet.id, content=packet.content, error=packet.error))

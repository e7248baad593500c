"""Holds a channel open for as long as there is a session for it, in a thread of its own; comes back for ever."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from device_agent.drive.channel import Channel, Standing
from device_agent.errors import AgentError, ChannelRefused
from device_agent.secret import Secret


class Socket(Protocol):
    """What a line asks of a websocket; see ``websocket.WebSocket``."""

    def receive(self, timeout_s: float) -> list[str]: ...
    def send(self, text: str) -> None: ...
    def wake(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that happened to the connection.

    Attributes:
        kind: ``connected``; ``lost`` (with why, and when the next attempt is); ``refused`` (the token is not taken:
            somebody should ask for another session); ``doubled`` (another device seems to use this identity).
        reason: the platform's word, or an error's code.
        message: the error in words; empty where there was none.
    """

    kind: Literal["connected", "lost", "refused", "doubled"]
    reason: str = ""
    message: str = ""
    next_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Session:
    """What opens a channel: the token of ClientStart, and for whom it was given."""

    token: Secret
    tenant_id: int
    app_id: str


Dial = Callable[[Session], Socket]
"""Opens a websocket for a session. Raises AgentError."""


class Line:
    """One device's line. ``session``, ``send``, ``stop`` may be called from any thread; ``run`` has one of its own."""

    def __init__(
        self, *, channel: Channel, dial: Dial, steady: Callable[[], float], told: Callable[[Notice], None]
    ) -> None:
        """
        Args:
            steady: seconds that only go forward.
            told: takes what happened; in the line's thread.
        """
        self._channel, self._dial, self._steady, self._told = channel, dial, steady, told
        self._session: Session | None = None
        self._socket: Socket | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._doubled = False

    @property
    def standing(self) -> Standing:
        """How the channel is."""
        return self._channel.standing

    def session(self, session: Session | None) -> None:
        """There is this session, or none any more. A connection that stands is kept when a newer session comes."""
        with self._changed:
            self._session = session
            self._wake()

    def send(self, content: Mapping[str, Any]) -> str:
        """Put a message on its way; its id."""
        with self._changed:
            message_id = self._channel.send(content)
            self._wake()
            return message_id

    def stop(self) -> None:
        """End ``run``."""
        with self._changed:
            self._stopped = True
            self._wake()

    def run(self) -> None:
        """Hold the channel until ``stop``."""
        while (session := self._when_due()) is not None:
            self._once(session)

    def _wake(self) -> None:
        self._changed.notify_all()
        if self._socket is not None:
            self._socket.wake()

    def _when_due(self) -> Session | None:
        """Wait for a session and for the moment of the next attempt; ``None`` when it is time to stop."""
        with self._changed:
            while not self._stopped:
                wait = self._channel.wait_s(self._steady()) if self._session is not None else math.inf
                if wait <= 0.0:
                    return self._session
                self._changed.wait(None if math.isinf(wait) else wait)
        return None

    def _once(self, session: Session) -> None:
        """One connection from its beginning to its end."""
        channel, reason = self._channel, ""
        try:
            opened = self._dial(session)
        except AgentError as error:
            self._lost(error.code, message=str(error), refused=isinstance(error, ChannelRefused))
            return
        except Exception as error:  # noqa: BLE001 -- a defect of ours costs one attempt, and not the channel
            self._lost(_defect(error), refused=False)
            return
        refused, message = False, ""
        with self._changed:
            self._socket = opened
        try:
            self._hold(opened, session)
            reason, refused = channel.over or "closed", channel.is_refused
        except AgentError as error:
            reason, message = error.code, str(error)
        except Exception as error:  # noqa: BLE001 -- neither do those of whoever takes what comes
            reason = _defect(error)
        finally:
            with self._changed:
                self._socket = None
            opened.close()
        self._lost(reason, message=message, refused=refused)

    def _hold(self, opened: Socket, session: Session) -> None:
        """Until the channel is over, there is no session, or the line is stopped."""
        channel, frames = self._channel, self._channel.opened(self._steady(), app_id=session.app_id)
        while True:
            self._say(opened, frames)
            if channel.over or self._stopped or self._session is None:
                return
            before = channel.standing
            heard = opened.receive(channel.wait_s(self._steady()))
            frames = [answer for frame in heard for answer in channel.hear(frame, self._steady())]
            if not channel.over:
                frames += channel.tick(self._steady())
            with self._changed:
                frames += channel.outgoing()
            if channel.standing is Standing.CONNECTED and before is not Standing.CONNECTED:
                self._told(Notice(kind="connected"))

    def _say(self, opened: Socket, frames: list[str]) -> None:
        """Send; when nobody listens any more, what was said before that is heard all the same."""
        try:
            for frame in frames:
                opened.send(frame)
        except AgentError:
            for frame in opened.receive(0.0):
                self._channel.hear(frame, self._steady())
            if not self._channel.over:
                raise

    def _lost(self, reason: str, *, message: str = "", refused: bool) -> None:
        """Told for each end but those that were wanted."""
        with self._changed:
            wanted = self._session is not None and not self._stopped
        now = self._steady()
        wait = self._channel.lost(now, reason=reason, refused=refused)
        if not wanted:
            return
        self._told(Notice(kind="refused" if refused else "lost", reason=reason, message=message, next_s=wait))
        doubled = self._channel.is_doubled(now)
        if doubled and not self._doubled:
            self._told(Notice(kind="doubled", reason=reason))
        self._doubled = doubled


def _defect(error: Exception) -> str:
    """Its kind, and nothing of what it says: the session's token may be in that."""
    return f"defect {type(error).__name__}"

"""The opener as the process that draws sees it: a state to look at, and packages that come opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from device_agent.display.channel import Channel
from device_agent.display.messages import Answer, Opened, Seen, Wanted
from device_agent.display.seen import Kept, State
from device_agent.errors import StateError

LIMIT = 4 * 1024**3
"""Bytes of an answer; the files of a package have limits of their own, and are less."""

PATIENCE_S = 0.1
"""Seconds that one look waits for its answer; one that comes later is the next look's, and the picture goes on."""

GONE_S = 60.0
"""Seconds without an answer after which the opener is given up: a disk or a TPM may hang for a while."""


class OpenerClient:
    """One display's opener.

    Args:
        looks, opens: this process's ends of the two channels.
        steady: seconds that pass.
    """

    def __init__(self, *, looks: Channel, opens: Channel, steady: Callable[[], float]) -> None:
        self._looks, self._opens, self._steady = looks, opens, steady
        self._asked_at: float | None = None
        self._state: State | None = None
        self.state_dir: Path | None = None
        """The device's state folder, as far as that is known."""
        self.places: frozenset[Path] = frozenset()
        """What this process must not reach."""

    def look(self) -> State:
        """How it is now, or was a moment ago when the disk is slow to say; only the first look waits for that.

        Raises:
            StateError: the opener is gone.
        """
        if self._asked_at is None:
            self._asked_at = self._steady()
            self._ask(self._looks, b"")
        patience_s = GONE_S if self._state is None else PATIENCE_S
        if self._looks.is_waiting(patience_s):
            self._take(self._answer(self._looks))
        elif self._state is None or self._steady() - self._asked_at >= GONE_S:
            raise _gone()
        assert self._state is not None  # the first answer always has one
        return self._state

    def open(self, package: Kept) -> dict[str, bytes]:
        """The files of a package; waits for them. One at a time.

        Raises:
            StateError: it cannot be opened, with the code of what is in the way; or the opener is gone.
        """
        self._ask(self._opens, msgspec.msgpack.encode(Wanted(code=package.code, sha256=package.sha256)))
        answer: Answer = msgspec.msgpack.decode(self._answer(self._opens), type=Answer)
        if isinstance(answer, Opened):
            return answer.files
        raise StateError(answer.message, code=answer.code)

    def end(self) -> None:
        """The opener ends by that."""
        self._looks.end()
        self._opens.end()

    def _take(self, message: bytearray) -> None:
        seen = msgspec.msgpack.decode(message, type=Seen)
        self._asked_at = None
        self._state = seen.state or self._state
        self.state_dir = Path(seen.state_dir) if seen.state_dir else None
        self.places = frozenset(map(Path, seen.places))

    def _ask(self, channel: Channel, message: bytes) -> None:
        try:
            channel.send(message)
        except OSError as exc:
            raise _gone() from exc

    def _answer(self, channel: Channel) -> bytearray:
        try:
            message = channel.receive(limit=LIMIT)
        except OSError as exc:
            raise _gone() from exc
        if message is None:
            raise _gone()
        return message


def _gone() -> StateError:
    return StateError(
        "the process that reads the device's state for the display has ended, or hangs",
        code="display.opener",
        hint="the service starts both again; if it goes on, avatar-agent doctor says more",
    )

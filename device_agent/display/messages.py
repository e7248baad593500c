"""What the display's two processes say to each other, MessagePack."""

from __future__ import annotations

import msgspec

from device_agent.display.seen import State


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One look.

    Attributes:
        state: ``None`` when it is as it was.
        state_dir: the device's state folder, as far as that is known.
        places: what the process that draws must not reach, by now.
    """

    state: State | None = None
    state_dir: str = ""
    places: frozenset[str] = frozenset()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Open this package."""

    code: str
    sha256: str


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Its files."""

    files: dict[str, bytes]


class NotOpened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Why it cannot be opened: a stable code, and a message for people."""

    code: str
    message: str


Answer = Opened | NotOpened

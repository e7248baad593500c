"""What is true of a device beside its phase, and is not written down: the session and the content."""

from __future__ import annotations

from enum import StrEnum


class Session(StrEnum):
    """What ClientStart has given the service; a command's own ``start`` is not seen by it.

    STARTED lasts until a call to the platform fails, or the seat for which it was opened is given up or taken anew.
    """

    STOPPED = "stopped"
    STARTING = "starting"
    STARTED = "started"


class Content(StrEnum):
    """What there is to show: the avatar that was verified when it became active, or only the display's own fallback."""

    VERIFIED = "verified"
    FALLBACK = "fallback"


def content_of(*, has_avatar: bool) -> Content:
    """``has_avatar``: the active avatar's package is in the cache."""
    return Content.VERIFIED if has_avatar else Content.FALLBACK

"""What the display is told of the device: nothing of it is secret."""

from __future__ import annotations

import msgspec

from device_agent.lifecycle.record import Record


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An avatar that is on this device: its code, and the SHA-256 of its package, lower-case hexadecimal."""

    code: str
    sha256: str


class PictureFile(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's picture as it lies on the disk: PNG, JPEG or WebP, not decoded.

    Attributes:
        stamp: tells one from another: time of its last change, length and number of the file.
    """

    stamp: tuple[int, int, int]
    data: bytes


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say that the display goes by.

    Attributes:
        offline_budget_s: as in the settings.
        asset_limits: as in the settings.
        limits_from: what decided ``asset_limits``, for a message.
        fallback_picture: the file that the settings name, if it can be read.
    """

    offline_budget_s: float
    asset_limits: dict[str, int] = {}
    limits_from: str = ""
    fallback_picture: PictureFile | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One look.

    Attributes:
        rules: ``None`` while the settings cannot be read.
        record: the last one that could be read.
        packages: the avatars that may be shown, the one that is meant first, then those before it.
        damaged: the record is blank because both of its copies are damaged.
        fault: code of what keeps settings or state from being read.
    """

    rules: Rules | None = None
    record: Record = msgspec.field(default_factory=Record)
    packages: tuple[Kept, ...] = ()
    damaged: bool = False
    fault: str = ""

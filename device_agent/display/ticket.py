"""The ticket of a seat given up by force, left for the display in its run folder: gone with the next start."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from certs.errors import PrivateFileError
from certs.files import read_private, write_private
from device_agent.display.card_picture import Picture
from device_agent.lifecycle.identity import id_hash
from device_agent.lifecycle.ticket import OrphanTicket
from device_agent.qr_code import BORDER, TooLong, modules

NAME = "ticket.json"
LIMIT = 4096


class _Named(msgspec.Struct):
    device_id: str


def leave(ticket: OrphanTicket, folder: Path | None) -> None:
    """Put the ticket where the display finds it, without its reason, which makes a code that is harder to scan.

    Nothing happens where no display runs: the ticket is printed, and in the files that were asked for.
    """
    if folder is not None:
        with suppress(PrivateFileError):
            write_private(folder / NAME, replace(ticket, reason="").text().encode())


def to_scan(folder: Path | None, *, removed: str) -> Picture | None:
    """The ticket's modules ``(n, n) uint8``, dark 0, without a quiet zone; ``None`` when there is none of that device.

    Args:
        removed: hash of the id of the device that was removed.
    """
    if folder is None:
        return None
    try:
        text = read_private(folder / NAME, limit=LIMIT).decode("ascii")
        if id_hash(msgspec.json.decode(text, type=_Named).device_id) != removed:
            return None
        rows = np.array(modules(text))[BORDER:-BORDER, BORDER:-BORDER]
    except (PrivateFileError, UnicodeDecodeError, msgspec.DecodeError, RecursionError, TooLong):
        return None
    return np.where(rows, 0, 255).astype(np.uint8)

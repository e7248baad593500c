"""A ticket as a QR code: on the terminal that it is printed on, and as a file."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from device_agent.cli import present

if TYPE_CHECKING:
    from device_agent.lifecycle.ticket import OrphanTicket

PICTURES: dict[str, Literal["png", "svg"]] = {".png": "png", ".svg": "svg"}


def ticket_picture(ticket: OrphanTicket, file: Path) -> bytes:
    """What belongs into a file of this name."""
    from device_agent.qr_code import TooLong, picture

    kind = PICTURES[file.suffix.lower()]
    try:
        return picture(ticket.text(), kind)
    except TooLong:
        return picture(_without_reason(ticket), kind)


def draw(ticket: OrphanTicket) -> None:
    """The code on stdout, if that is a terminal with room for it."""
    if not sys.stdout.isatty():
        return
    from device_agent.qr_code import TooLong, lines

    columns = shutil.get_terminal_size().columns
    blocks = present.writable("\u2580") == "\u2580"
    try:
        drawn = lines(ticket.text(), columns=columns, blocks=blocks)
    except TooLong:
        drawn = []
    drawn = drawn or lines(_without_reason(ticket), columns=columns, blocks=blocks)
    for line in drawn:
        present.put(line)
    if not drawn:
        present.put("(no room for it as a QR code here: --ticket-picture FILE.png writes one)")


def _without_reason(ticket: OrphanTicket) -> str:
    """A long reason is in the text and in the ticket's file; the seat can be found without it."""
    return replace(ticket, reason="").text()

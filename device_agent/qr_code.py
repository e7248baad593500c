"""A short text as a QR code (ISO/IEC 18004): its modules for whoever draws, lines for a terminal, files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import segno

BORDER = 4
"""Modules of quiet zone around the code, as the standard wants them."""

SCALE = 8
"""Pixels of a module's edge in a picture."""

_DARK, _LIGHT = 16, 231
"""Colours of the 256 that no terminal's theme changes."""


class TooLong(Exception):
    """The text is longer than a QR code holds (2,953 bytes)."""


def modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """Rows of modules from above, ``True`` for dark; the quiet zone of ``BORDER`` modules is part of it.

    Raises:
        TooLong: the text does not fit.
    """
    return tuple(tuple(bool(module) for module in row) for row in _code(text).matrix_iter(scale=1, border=BORDER))


def lines(text: str, *, columns: int, blocks: bool = True) -> list[str]:
    """The code for a terminal, in colours of its own so that it can be read on dark and light ones; none if too narrow.

    Args:
        blocks: the terminal can write half blocks; else each module takes two columns.

    Raises:
        TooLong: the text does not fit.
    """
    rows = modules(text)
    width = len(rows[0]) * (1 if blocks else 2)
    if width > columns:
        return []
    if not blocks:
        return ["".join(f"\x1b[48;5;{_colour(module)}m  " for module in row) + "\x1b[0m" for row in rows]
    light = (False,) * len(rows[0])
    pairs = [(rows[n], rows[n + 1] if n + 1 < len(rows) else light) for n in range(0, len(rows), 2)]
    return [
        "".join(f"\x1b[38;5;{_colour(top)};48;5;{_colour(below)}m\u2580" for top, below in zip(*pair, strict=True))
        + "\x1b[0m"
        for pair in pairs
    ]


def picture(text: str, kind: Literal["png", "svg"]) -> bytes:
    """A file with the code, black on white.

    Raises:
        TooLong: the text does not fit.
    """
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=SCALE, border=BORDER, dark="black", light="white")
    return out.getvalue()


def _code(text: str) -> segno.QRCode:
    import segno  # late: most commands draw none

    try:
        # The lowest level that fits, raised as far as the size stays the same: screens are not scratched.
        return segno.make_qr(text, error="l", boost_error=True)
    except segno.DataOverflowError:
        raise TooLong from None


def _colour(module: bool) -> int:
    return _DARK if module else _LIGHT

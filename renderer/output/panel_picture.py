"""The preview's controls and notes as pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from renderer.output.panel import EDGE, ROW, TAB_ROW, TABS, WIDTH, Row

Picture: TypeAlias = NDArray[np.uint8]
Font: TypeAlias = ImageFont.ImageFont | ImageFont.FreeTypeFont

_PAGE, _TEXT, _NOTE = (24, 26, 30, 225), (236, 238, 242, 255), (160, 166, 176, 255)
_BAR, _FILLED, _ON = (58, 62, 70, 255), (76, 110, 168, 255), (62, 92, 146, 255)
_SIZE = 13
_LINE, _NEXT, _MOST_LINES = 24.0, 17.0, 5


@cache
def _font(pixels: int) -> Font:
    return ImageFont.load_default(pixels)


def panel_picture(rows: Sequence[Row], *, tab: str, scroll: float, height: int, scale: float) -> Picture:
    """The panel ``(height, w, 4) uint8``, straight alpha.

    Args:
        scroll: units that are scrolled away above.
        height: pixels.
        scale: pixels a unit.
    """
    picture = Image.new("RGBA", (round(WIDTH * scale), max(1, height)), _PAGE)
    draw = ImageDraw.Draw(picture)
    font = _font(round(_SIZE * scale))
    for index, row in enumerate(rows):
        top = TAB_ROW + index * ROW - scroll
        if TAB_ROW - ROW < top < height / scale:
            _row(draw, row, top, font, scale)
    draw.rectangle((0, 0, picture.width, TAB_ROW * scale), fill=(*_PAGE[:3], 255))
    for index, name in enumerate(TABS):
        left = index * WIDTH / len(TABS)
        if name == tab:
            box = (left * scale, 0, (left + WIDTH / len(TABS)) * scale, (TAB_ROW - 4) * scale)
            draw.rectangle(box, fill=_ON)
        draw.text(((left + EDGE) * scale, 6 * scale), name, font=font, fill=_TEXT if name == tab else _NOTE)
    return np.asarray(picture)


def _row(draw: ImageDraw.ImageDraw, row: Row, top: float, font: Font, scale: float) -> None:
    left, right = EDGE * scale, (WIDTH - EDGE) * scale
    box = (left, (top + 2) * scale, right, (top + ROW - 2) * scale)
    text = (left + 6 * scale, (top + 3) * scale)
    if row.kind == "heading":
        draw.text((left, text[1]), row.label, font=font, fill=_NOTE)
    elif row.kind == "text":
        draw.text((left, text[1]), _fitting(row.label, font, right - left), font=font, fill=_TEXT)
    elif row.kind == "button":
        draw.rounded_rectangle(box, 3 * scale, fill=_ON if row.on else _BAR)
        draw.text(text, _fitting(row.label, font, right - left - 12 * scale), font=font, fill=_TEXT)
    else:
        share = (row.value - row.low) / (row.high - row.low)
        draw.rounded_rectangle(box, 3 * scale, fill=_BAR)
        if share > 0.0:
            draw.rounded_rectangle(
                (*box[:2], left + max(share * (right - left), 6 * scale), box[3]), 3 * scale, fill=_FILLED
            )
        number = f"{row.value:.2f}"
        room = right - left - 12 * scale - font.getlength(number)
        draw.text(text, _fitting(row.label, font, room - 6 * scale), font=font, fill=_TEXT)
        draw.text((right - 6 * scale, text[1]), number, font=font, fill=_TEXT, anchor="ra")


def note_picture(text: str, *, width: int, scale: float) -> Picture:
    """Text of as many lines as it takes, ``_MOST_LINES`` at most: ``(h, width, 4) uint8``, straight alpha."""
    font = _font(round(_SIZE * scale))
    lines = _lines(text, font, width - 2 * EDGE * scale)
    picture = Image.new("RGBA", (max(1, width), round((_LINE + (len(lines) - 1) * _NEXT) * scale)), _PAGE)
    draw = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        draw.text((EDGE * scale, (4 + index * _NEXT) * scale), line, font=font, fill=_TEXT)
    return np.asarray(picture)


def _lines(text: str, font: Font, room: float) -> list[str]:
    """The text's words, as many a line as there is room for; what is too much is cut off."""
    lines: list[str] = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and len(lines) < _MOST_LINES and font.getlength(longer.rstrip()) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return [_fitting(line.rstrip(), font, room) for line in lines]


def _fitting(text: str, font: Font, room: float) -> str:
    """The text, cut where it would run out of its room."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "...") > room:
        text = text[:-1]
    return text + "..."

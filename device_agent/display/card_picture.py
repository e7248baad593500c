"""A card as a picture: dark and calm, big words, in either shape of screen."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from device_agent.display.cards import Card
from device_agent.display.fonts import Face, Font, font

Picture: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]

_TOP, _BOTTOM = (30.0, 37.0, 50.0), (13.0, 17.0, 25.0)
_TITLE, _SECOND, _BODY, _QUIET = (246, 248, 251), (203, 211, 224), (178, 188, 204), (141, 152, 170)
_TONES: dict[str, Colour] = {"calm": (96, 165, 250), "attention": (245, 180, 84), "quiet": (148, 163, 184)}
_STRIPE = 64
_EDGE, _MARK, _LABEL = 5.0, 7.5, 9.0
"""Units: above everything and below the code, for the mark, for the code and its label with some air."""

_LEAST = 1.2
"""Least pixels per unit: smaller letters could not be read."""

_BALANCED = 3.5
"""Units: larger words are headlines."""

_TOKENS = re.compile(r"[!-~\u00a0]+ ?| |\n|.", re.DOTALL)
_APART = 0.13
"""Of the letters' height: between the two hyphens of an option, which are one long dash without."""

_NOT_FIRST = "，。；：、！？）》”"
"""Signs that no line begins with."""


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One paragraph: its lines, and how far below its top the next block begins, pixels."""

    lines: tuple[str, ...]
    font: Font
    size: float
    colour: Colour
    leading: float
    after: float

    @property
    def height(self) -> float:
        return self.leading * len(self.lines) + self.after


def card_picture(
    card: Card, *, size: tuple[int, int], code: str = "", chinese: Face | None = None, ticket: Picture | None = None
) -> Picture:
    """The card, ``(h, w, 3) uint8``, sRGB.

    Args:
        size: width and height in pixels.
        code: the device's short code; empty for none.
        chinese: a font with Chinese letters; without one the card is in English alone.
        ticket: a square picture for people to scan, ``(n, n) uint8``, one pixel a module, dark is 0.
    """
    width, height = size
    picture = Image.fromarray(_ground(width, height, _TONES[card.tone]))
    draw = ImageDraw.Draw(picture)
    wide = width > height
    left = width * (0.11 if wide else 0.10)
    room = width - 2 * left
    scanned = 0.0 if ticket is None else (min(height * 0.5, width * 0.3) if wide else min(room, height * 0.3))
    if scanned and wide:
        room -= scanned + left * 0.6
    below = scanned if not wide else 0.0
    unit, blocks = _fitting(card, size, chinese, room=room, below=below)
    foot = _foot(height, unit)
    free = foot - _LABEL * unit - _height(blocks, unit) - below
    y = max(_EDGE * unit, 0.46 * free)
    _mark(picture, left, y, unit, _TONES[card.tone])
    y += _MARK * unit
    for block in blocks:
        for line in block.lines:
            _line(draw, line, (left, y), block)
            y += block.leading
        y += block.after
    if ticket is not None:
        at = (width - left - scanned, (height - scanned) * 0.44) if wide else (left, y + 2 * unit)
        _scannable(picture, ticket, at=at, side=scanned)
    if code:
        _code(draw, code, left, foot, unit, chinese)
    return np.asarray(picture)


def _fitting(
    card: Card, size: tuple[int, int], chinese: Face | None, *, room: float, below: float
) -> tuple[float, list[_Block]]:
    """The card's paragraphs, as large as there is height for, and the unit that this makes."""
    unit = _unit(*size)
    while True:
        blocks = _blocks(card, unit, chinese, room=min(room, 80 * unit))
        needed = _EDGE * unit + _height(blocks, unit) + below + _LABEL * unit
        if needed <= _foot(size[1], unit) or unit <= _LEAST:
            return unit, blocks
        unit *= 0.94


def _height(blocks: Sequence[_Block], unit: float) -> float:
    return sum(block.height for block in blocks) + _MARK * unit


def _foot(height: int, unit: float) -> float:
    """Where the code stands, from above."""
    return height - max(height * 0.075, _EDGE * unit)


def _line(draw: ImageDraw.ImageDraw, text: str, at: tuple[float, float], block: _Block) -> None:
    x, y = at
    for part in re.split(r"(?<=-)(?=-)", text.replace("\u00a0", " ")):
        draw.text((x, y), part, font=block.font, fill=block.colour)
        x += block.font.getlength(part) + _APART * block.size


def _unit(width: int, height: int) -> float:
    """Pixels that sizes are counted in: a hundredth of the screen's middle measure, less where it is narrow."""
    return max(min(math.sqrt(width * height) / 100.0, width / 72.0, height / 50.0), _LEAST)


def _blocks(card: Card, unit: float, chinese: Face | None, *, room: float) -> list[_Block]:
    def block(text: str, face: Face | None, size: float, colour: Colour, after: float) -> _Block:
        chosen = font(max(8, round(size * unit)), face)
        leading = max(8.0, size * unit) * (1.42 if face is not None else 1.34)
        lines = tuple(_balanced(text, chosen, room) if size > _BALANCED else _wrapped(text, chosen, room))
        return _Block(lines=lines, font=chosen, size=size * unit, colour=colour, leading=leading, after=after * unit)

    if chinese is None:
        return [block(card.en, None, 6.4, _TITLE, 2.6), block(card.en_do, None, 3.1, _BODY, 0.0)]
    return [
        block(card.zh, chinese, 7.0, _TITLE, 0.4),
        block(card.en, None, 3.9, _SECOND, 3.4),
        block(card.zh_do, chinese, 2.9, _BODY, 1.7),
        block(card.en_do, None, 2.6, _QUIET, 0.0),
    ]


def _balanced(text: str, chosen: Font, room: float) -> list[str]:
    """As few lines as fit, and of those the most even: no word is left alone below a headline."""
    lines = _wrapped(text, chosen, room)
    narrower = room
    while len(lines) > 1 and narrower > 0.5 * room:
        narrower -= 0.02 * room
        tried = _wrapped(text, chosen, narrower)
        if len(tried) > len(lines) or max(map(chosen.getlength, tried)) > narrower:
            break
        lines = tried
    return lines


def _wrapped(text: str, chosen: Font, room: float) -> list[str]:
    """Lines that fit: broken between words, and between Chinese letters; a word that is too long stands out."""
    lines, line = [], ""
    for piece in _TOKENS.findall(text):
        if piece == "\n":
            lines.append(line)
            line = ""
        elif line and chosen.getlength((line + piece).rstrip()) > room and piece not in _NOT_FIRST:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _ground(width: int, height: int, tone: Colour) -> Picture:
    """From a dark blue to a darker one, with a little of the tone's light from above; dithered to be smooth."""
    picture = np.empty((height, width, 3), np.uint8)
    radius = 0.75 * max(width, height)
    across = np.exp(-(((np.arange(width) - 0.16 * width) / radius) ** 2)).astype(np.float32)
    noise = np.random.default_rng(7).random((_STRIPE, width, 1), np.float32)
    top, bottom = np.array(_TOP, np.float32), np.array(_BOTTOM, np.float32)
    light = 0.10 * np.array(tone, np.float32)
    for begin in range(0, height, _STRIPE):
        rows = np.arange(begin, min(begin + _STRIPE, height), dtype=np.float32)[:, None]
        share = rows / height
        glow = np.exp(-(((rows - 0.1 * height) / radius) ** 2)) * across
        base = top + (bottom - top) * share
        picture[begin : begin + len(rows)] = base[:, None] + glow[..., None] * light + noise[: len(rows)]
    return picture


def _mark(picture: Image.Image, left: float, top: float, unit: float, tone: Colour) -> None:
    """A ring with a dot in it, in the card's tone; drawn large and shrunk, for round edges."""
    side, fine = max(8, round(4.4 * unit)), 8
    mask = Image.new("L", (side * fine, side * fine), 0)
    draw = ImageDraw.Draw(mask)
    whole = side * fine - 1
    draw.ellipse((0, 0, whole, whole), outline=230, width=max(fine, round(0.095 * whole)))
    inner = 0.36 * whole
    draw.ellipse((inner, inner, whole - inner, whole - inner), fill=255)
    mask = mask.resize((side, side), Image.Resampling.LANCZOS)
    picture.paste(Image.new("RGB", mask.size, tone), (round(left), round(top)), mask)


def _code(draw: ImageDraw.ImageDraw, code: str, left: float, foot: float, unit: float, chinese: Face | None) -> None:
    """The device's code at the foot, with the word for it."""
    label, face = ("设备编号  Device", chinese) if chinese is not None else ("Device", None)
    small, large = font(max(8, round(2.0 * unit)), face), font(max(9, round(3.4 * unit)))
    draw.text((left, foot - 5.0 * unit), label, font=small, fill=_QUIET, anchor="ls")
    draw.text((left, foot), code, font=large, fill=_SECOND, anchor="ls")


def _scannable(picture: Image.Image, ticket: Picture, *, at: Sequence[float], side: float) -> None:
    """The ticket in whole pixels a module, on white, with the quiet zone of four modules that scanners want."""
    modules = ticket.shape[0] + 8
    each = max(1, int(side // modules))
    padded = np.pad(ticket, 4, constant_values=255)
    code = Image.fromarray(np.kron(padded, np.ones((each, each), np.uint8)))
    picture.paste(code.convert("RGB"), (round(at[0]), round(at[1])))

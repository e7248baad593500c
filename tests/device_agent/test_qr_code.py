"""QR codes, read by a decoder that we did not write, from files, from the modules, and from what a terminal shows."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from device_agent.lifecycle.ticket import OrphanTicket
from device_agent.qr_code import BORDER, TooLong, lines, modules, picture

TICKET = OrphanTicket(
    device_id="ECUR5MYFSCMXR5JQBU2L6I6PDE", tenant_id=30651, app_id="ALIPUBWOLD1MOWWW",
    endpoint="https://avatar.cn-zhangjiakou.aliyuncs.com", ordered_at=1795676460.9, reason="kaputt – Straße 7",
)  # fmt: skip
TEXTS = ["x", TICKET.text(), TICKET.text() * 8]


def read(dark: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> str:
    pixels = np.kron(np.where(dark, 0, 255).astype(np.uint8), np.ones((4, 4), np.uint8))
    (found,) = zxingcpp.read_barcodes(pixels)
    assert "QR" in str(found.format)
    return str(found.text)


@pytest.mark.parametrize("text", TEXTS)
def test_modules(text: str) -> None:
    rows = modules(text)
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == len(rows[0])
    quiet = [*rows[:BORDER], *rows[-BORDER:], *zip(*[(*row[:BORDER], *row[-BORDER:]) for row in rows], strict=True)]
    assert not any(any(row) for row in quiet)
    assert read(np.array(rows)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_a_png(text: str) -> None:
    with Image.open(io.BytesIO(picture(text, "png"))) as image:
        (found,) = zxingcpp.read_barcodes(image.convert("L"))
    assert found.text == text


def test_an_svg_draws_the_same_modules() -> None:
    """Its path moves by whole modules: drawn here, it is the code."""
    svg = picture(TICKET.text(), "svg").decode()
    size = len(modules(TICKET.text()))
    (path,) = re.findall(r'class="qrline"[^>]* d="([^"]+)"', svg) or re.findall(r' d="(M\d+ \d+\.5h[^"]+)"', svg)
    dark = np.zeros((size, size), bool)
    x = y = 0.0
    for move, a, b in re.findall(r"([Mmh])\s*(-?[\d.]+)(?:\s*(-?[\d.]+))?", path):
        if move == "M":
            x, y = float(a), float(b)
        elif move == "m":
            x, y = x + float(a), y + float(b)
        else:
            dark[int(y), int(x) : int(x + float(a))] = True
            x += float(a)
    assert read(dark) == TICKET.text()


CELL = re.compile(r"\x1b\[38;5;(\d+);48;5;(\d+)m\u2580")


def test_a_terminal_with_half_blocks() -> None:
    shown = lines(TICKET.text(), columns=80)
    pairs = [CELL.findall(line) for line in shown]
    assert all(line.endswith("\x1b[0m") for line in shown)
    assert all(len(row) <= 80 for row in pairs)
    dark = np.array([[cell[half] == "16" for cell in row] for row in pairs for half in (0, 1)])
    assert read(dark) == TICKET.text()


def test_a_terminal_without() -> None:
    shown = lines(TICKET.text(), columns=200, blocks=False)
    dark = np.array([[colour == "16" for colour in re.findall(r"48;5;(\d+)m  ", line)] for line in shown])
    assert read(dark) == TICKET.text()
    assert all(line.isascii() for line in shown)


def test_no_room_and_too_much() -> None:
    assert lines(TICKET.text(), columns=40) == []
    assert lines(TICKET.text(), columns=80, blocks=False) == []
    for act in (
        lambda: modules("x" * 3000),
        lambda: picture("x" * 3000, "png"),
        lambda: lines("x" * 3000, columns=999),
    ):
        with pytest.raises(TooLong):
            act()

"""The cards as pictures: nothing runs out of the screen, nothing is black, and every language has its words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from device_agent.display import fonts
from device_agent.display.card_picture import _TONES, _ground, card_picture
from device_agent.display.cards import CARDS
from device_agent.display.fonts import Face, chinese
from device_agent.display.scene import Scene

SIZES = [(240, 320), (360, 640), (640, 360), (720, 1280), (1280, 720), (1024, 768), (1200, 400), (400, 1200)]
CODE = "ECUR-5MYF-SCMX"


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("scene", CARDS)
def test_a_card_fits_its_screen(scene: Scene, size: tuple[int, int]) -> None:
    width, height = size
    ground = _ground(width, height, _TONES[CARDS[scene].tone])
    for face in {None, chinese()}:
        picture = card_picture(CARDS[scene], size=size, code=CODE, chinese=face)
        words = card_picture(CARDS[scene], size=size, chinese=face)
        assert picture.shape == (height, width, 3)
        rows, columns = np.nonzero((picture != ground).any(axis=2))
        code, _ = np.nonzero((picture != words).any(axis=2))
        text, _ = np.nonzero((words != ground).any(axis=2))
        assert code.min() > text.max(), "the words and the code do not meet"
        assert columns.min() > 0.05 * width
        assert columns.max() < 0.97 * width
        assert rows.min() > 0.01 * height
        assert rows.max() < 0.98 * height
        assert picture.min(axis=(0, 1)).max() > 8, "the ground is dark, and not black"


def test_the_largest_screen() -> None:
    picture = card_picture(CARDS[Scene.SEAT_FULL], size=(3840, 2160), code=CODE)
    assert picture.shape == (2160, 3840, 3)
    assert picture.max() > 200


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080)])
def test_a_ticket_can_be_scanned(size: tuple[int, int]) -> None:
    """Every module is a square of whole pixels on white, and the quiet zone around is four modules wide."""
    modules = np.where(np.random.default_rng(3).random((45, 45)) < 0.5, 0, 255).astype(np.uint8)
    modules[0], modules[-1], modules[:, 0], modules[:, -1] = 0, 0, 0, 0
    plain = card_picture(CARDS[Scene.ABANDONED], size=size)
    picture = card_picture(CARDS[Scene.ABANDONED], size=size, ticket=modules)
    black = (picture == 0).all(axis=2)
    rows, columns = np.nonzero(black)
    top, left, side = rows.min(), columns.min(), rows.max() - rows.min() + 1
    assert side % 45 == 0
    each = side // 45
    assert each >= 4
    assert (picture[top : top + side : each, left : left + side : each, 0] == modules).all()
    around = picture[top - 4 * each : top + side + 4 * each, left - 4 * each : left + side + 4 * each]
    assert (around[: 4 * each] == 255).all()
    assert (around[:, -4 * each :] == 255).all()
    assert not (plain == 0).all(axis=2).any()


def test_no_card_breaks_a_command_or_carries_a_secret() -> None:
    for card in CARDS.values():
        for text in (card.zh, card.en, card.zh_do, card.en_do):
            assert text
            assert "avatar-agent " not in text, "commands are held together by no-break spaces"
        assert card.tone in _TONES


def test_a_font_without_chinese_letters_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in Path("/usr/share/fonts").rglob("DejaVuSans.ttf"):
        assert not fonts._draws_chinese(Face(path=path))
    (tmp_path / "broken.ttf").write_bytes(b"not a font")
    assert not fonts._draws_chinese(Face(path=tmp_path / "broken.ttf"))

    monkeypatch.setattr(fonts, "_ROOTS", ())
    monkeypatch.setattr(fonts.shutil, "which", lambda _name: None)
    assert list(fonts._candidates()) == []


def test_what_fontconfig_says_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "0\t200\tNoto Sans CJK SC\t/f/bold.ttc\n1\t80\tNoto Sans CJK JP\t/f/a.ttc\nnonsense\n"
        "7\t80\tNoto Sans Mono CJK SC\t/f/a.ttc\n65538\t80\tNoto Sans CJK SC\t/f/a.ttc\nx\t80\ty\t/f/z\n"
    )
    monkeypatch.setattr(fonts, "_ROOTS", ())
    monkeypatch.setattr(fonts.shutil, "which", lambda _name: "/usr/bin/fc-list")
    monkeypatch.setattr(
        fonts.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=said, stderr="")
    )
    found = list(fonts._candidates())
    assert [(face.path.name, face.index) for face in found] == [
        ("a.ttc", 2), ("a.ttc", 7), ("a.ttc", 1), ("bold.ttc", 0)
    ]  # fmt: skip

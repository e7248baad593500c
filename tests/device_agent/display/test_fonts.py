"""Which font has Chinese letters: the answers are the test's."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.display import fonts


class Drawn:
    """A font that has the letters of ``has``, and a box for every other."""

    def __init__(self, has: str) -> None:
        self.has = has

    def getmask(self, letter: str) -> bytes:
        return letter.encode() if letter in self.has else b"box"


@pytest.mark.parametrize(("has", "draws"), [("设备授权", True), ("设备授", False), ("", False), ("abc", False)])
def test_a_face_with_a_box_for_one_letter_is_none(monkeypatch: pytest.MonkeyPatch, has: str, draws: bool) -> None:
    monkeypatch.setattr("device_agent.display.fonts.ImageFont.truetype", lambda *_, **__: Drawn(has))
    assert fonts._draws_chinese(fonts.Face(path=Path("/nowhere"))) is draws

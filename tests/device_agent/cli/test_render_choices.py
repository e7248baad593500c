"""``avatar-agent render``: sheets, states, clips of other files, eyes that follow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.sample import SAMPLE
from tests.commands import avatar_agent

pytestmark = pytest.mark.gl


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return avatar_agent("render", *(str(part) for part in arguments))


def drawn(out: Path, *arguments: object) -> tuple[np.ndarray, dict]:
    done = call(SAMPLE, "--out", out, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as picture:
        return np.array(picture.convert("RGB")), json.loads(done.stdout)


def test_a_sheet_of_all_shapes(tmp_path: Path) -> None:
    picture, told = drawn(tmp_path / "a.webp", "--sheet", "expressions", "--size", "40x48")
    assert (told["tiles"], told["title"]) == (53, "Sample: 52 of 52 ARKit channels")
    assert picture.shape[:2] == (told["height"], told["width"])


def test_a_sheet_is_lit_and_smoothed_as_a_picture_is(tmp_path: Path) -> None:
    sheet = ("--sheet", "expressions", "--size", "32x40")
    plain, _ = drawn(tmp_path / "a.png", *sheet)
    for other in (("--no-shadow",), ("--mode", "Low")):
        changed, _ = drawn(tmp_path / "b.png", *sheet, *other)
        assert changed.shape == plain.shape
        assert np.abs(changed.astype(int) - plain).max() > 10, other


@pytest.mark.shared
def test_a_sheet_has_the_quality_that_is_asked_for(tmp_path: Path, shared: Path) -> None:
    box = shared / "models/khronos/BoxAnimated.glb"
    pictures = []
    for quality in ("standard", "high"):
        done = call(box, "--out", tmp_path / "a.png", "--sheet", "clips", "--size", "64x64", "--quality", quality)
        assert done.returncode == 0, done.stderr
        with Image.open(tmp_path / "a.png") as picture:
            pictures.append(np.array(picture.convert("RGB")).astype(int))
    assert (pictures[0] - pictures[1]).max() > 10, "inside the box it is darker"


def test_a_state_is_what_is_played(tmp_path: Path) -> None:
    plain, _ = drawn(tmp_path / "a.png", "--time", 2, "--size", "64x96", "--clip", "idle_1")
    thinking, told = drawn(tmp_path / "b.png", "--time", 2, "--size", "64x96", "--state", "Thinking")
    assert told["playing"] == ["think0"]
    assert not np.array_equal(plain, thinking)


def test_states_share_the_seconds(tmp_path: Path) -> None:
    _, told = drawn(
        tmp_path / "a.png", "--time", 3.9, "--seconds", 4, "--size", "48x64", "--state", "Thinking", "--state", "Idle"
    )
    assert told["playing"] == ["idle0"]


def test_clips_of_another_file(tmp_path: Path) -> None:
    mine, _ = drawn(tmp_path / "a.png", "--time", 1.5, "--size", "64x96", "--clip", "hello")
    same, told = drawn(tmp_path / "b.png", "--time", 1.5, "--size", "64x96", "--clip", "hello", "--animation", SAMPLE)
    assert told["playing"] == ["hello"]
    assert np.array_equal(mine, same)


def test_eyes_follow(tmp_path: Path) -> None:
    size = ("--camera", 1, "--size", "96x96", "--time", 0)
    ahead, _ = drawn(tmp_path / "a.png", *size)
    aside, _ = drawn(tmp_path / "b.png", *size, "--look-at", "2,1.5,1")
    camera, _ = drawn(tmp_path / "c.png", *size, "--look-at", "camera")
    assert np.abs(aside.astype(int) - ahead).max() > 30
    assert np.abs(aside.astype(int) - ahead).sum() > 3 * np.abs(camera.astype(int) - ahead).sum()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--out", "x.mp4", "--sheet", "clips"), "usage.output"),
        (("--out", "x.png", "--sheet", "clips", "--state", "Idle"), "usage.state"),
        (("--out", "x.png", "--state", "Idle", "--clip", "idle_1"), "usage.state"),
        (("--out", "x.png", "--sheet", "clips", "--eye", "0,1,3"), "usage.sheet"),
        (("--out", "x.png", "--sheet", "clips", "--clip", "hello"), "usage.sheet"),
        (("--out", "x.png", "--sheet", "expressions", "--expression", "jawOpen"), "usage.sheet"),
        (("--out", "x.png", "--sheet", "expressions", "--look-at", "camera"), "usage.sheet"),
        (("--out", "x.png", "--sheet", "clips", "--time", "2"), "usage.sheet"),
        (("--out", "x.png", "--look-at", "there"), "usage.camera"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    done = call(SAMPLE, *arguments, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["code"] == code


def test_an_unknown_state_is_wrong_use(tmp_path: Path) -> None:
    done = call(SAMPLE, "--out", tmp_path / "x.png", "--state", "Dancing")
    assert done.returncode == 2
    assert "'--state': 'Dancing' is not one of 'Idle'" in done.stderr


def test_an_output_without_a_known_ending_is_named_as_it_was_given() -> None:
    for out in (".", "/dev/full"):
        done = call(SAMPLE, "--out", out)
        assert done.returncode == 2
        assert f"avatar-agent: {out} does not end in .png" in done.stderr


def test_a_variant_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = call(SAMPLE, "--out", tmp_path / "a.png", "--variant", "Beach")
    assert done.returncode == 7
    assert "variant.unknown" in done.stderr
    assert "it has none" in done.stderr


def test_high_quality_darkens_what_is_hidden(tmp_path: Path) -> None:
    plain, _ = drawn(tmp_path / "a.png", "--size", "48x64", "--camera", 1)
    high, _ = drawn(tmp_path / "b.png", "--size", "48x64", "--camera", 1, "--quality", "high")
    change = high.astype(int) - plain
    assert (change < -8).any(axis=2).sum() > 20
    assert (change > 8).any(axis=2).sum() < 20

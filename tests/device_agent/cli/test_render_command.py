"""``avatar-agent render`` in a process of its own: files out, one JSON object, one clear line for each mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.sample import sample_avatar
from tests.commands import avatar_agent

pytestmark = pytest.mark.gl


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.glb"
    path.write_bytes(sample_avatar())
    return path


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return avatar_agent("render", *(str(part) for part in arguments))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture.convert("RGBA"))


def test_a_picture_of_a_file(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "a.png"
    done = call(sample, "--out", out, "--size", "90x160", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is True
    assert (told["path"], told["width"], told["height"], told["frames"]) == (str(out), 90, 160, 1)
    assert set(told["ms"]) >= {"load", "upload", "draw", "write"}
    picture = pixels(out)
    assert picture.shape == (160, 90, 4)
    assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 500


def test_transparent_background_and_expression(sample: Path, tmp_path: Path) -> None:
    pictures = []
    for name, extra in (("shut", ()), ("open", ("--expression", "jawOpen=1"))):
        out = tmp_path / f"{name}.png"
        done = call(
            sample, "--out", out, "--size", "96x96", "--camera", 1, "--background", "transparent", "--clip", 0, *extra
        )
        assert done.returncode == 0, done.stderr
        pictures.append(pixels(out))
    assert pictures[0][0, 0].tolist() == [0, 0, 0, 0]
    assert not np.array_equal(*pictures)


def test_an_explicit_camera_and_a_colour_behind(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.webp"
    done = call(
        sample, "--out", out, "--size", "64x64", "--eye", "0,1,40", "--target", "0,1,0", "--background", "#204060"
    )
    assert done.returncode == 0, done.stderr
    assert np.abs(pixels(out)[0, 0].astype(int) - (0x20, 0x40, 0x60, 255)).max() <= 3


def test_a_video_moves(sample: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    out = tmp_path / "a.mp4"
    done = call(sample, "--out", out, "--size", "90x160", "--seconds", 0.5, "--fps", 10, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 5
    with av.open(str(out)) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 5
    assert not np.array_equal(frames[0], frames[4])


@pytest.mark.parametrize(
    ("arguments", "status", "code", "words"),
    [
        (("--size", "90"), 2, "usage.size", "720x1280"),
        (("--expression", "jawOpen=wide"), 2, "usage.expression", "jawOpen=0.5"),
        (("--eye", "1,2"), 2, "usage.camera", "x,y,z"),
        (("--eye", "0,1,3", "--camera", "1"), 2, "usage.camera", "--camera"),
        (("--fov", "50"), 2, "usage.camera", "--eye"),
        (("--background", "#12"), 2, "usage.background", "#rrggbb"),
        (("--background", "/nowhere/a.png"), 2, "usage.background", "/nowhere/a.png"),
        (("--clip", "no such clip"), 7, "clip.unknown", "no such clip"),
        (("--size", "99999x99999"), 8, "gl.size", "pixels"),
    ],
)
def test_mistakes_end_in_one_line(
    sample: Path, tmp_path: Path, arguments: tuple[str, ...], status: int, code: str, words: str
) -> None:
    done = call(sample, "--out", tmp_path / "a.png", "--json", *arguments)
    assert done.returncode == status, done.stderr
    assert json.loads(done.stdout)["code"] == code
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_ending_that_cannot_be_written(sample: Path, tmp_path: Path) -> None:
    done = call(sample, "--out", tmp_path / "a.bmp", "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (2, "usage.output")


def test_a_video_of_odd_size_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    done = call(tmp_path / "no.glb", "--out", tmp_path / "a.mp4", "--size", "721x1281", "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (2, "usage.size")


@pytest.mark.parametrize(
    "arguments", [("--time", "nan"), ("--time", "inf"), ("--time", "-1"), ("--seconds", "inf"), ("--camera", "7")]
)
def test_numbers_out_of_range_are_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = call(tmp_path / "no.glb", "--out", tmp_path / "a.mp4", "--size", "90x160", *arguments)
    assert done.returncode == 2, done.stderr
    assert arguments[0] in done.stderr


def test_an_unwritable_place(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = call(sample, "--out", tmp_path / "file" / "a.png", "--size", "16x16", "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (3, "output.unwritable")
    assert str(tmp_path / "file" / "a.png") in done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = call(tmp_path / "no.glb", "--out", tmp_path / "a.png", "--json")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (7, "source.unreadable")


def test_no_graphics_is_status_8(sample: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "import renderer.gl.egl as egl\n"
        "class Without(egl.Egl):\n"
        "    def displays(self): return iter(())\n"
        "import renderer.gl.context as context\n"
        "context.headless.__kwdefaults__['egl'] = Without\n"
        "from device_agent.cli.main import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "render", str(sample), "--out", str(tmp_path / "a.png"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, json.loads(done.stdout)["code"]) == (8, "gl.none")
    assert "libgl1-mesa-dri" in done.stderr


def test_a_turntable_turns_and_a_mode_has_its_pixels(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.gif"
    done = call(sample, "--out", out, "--size", "48x64", "--turntable", "--seconds", 1, "--fps", 4, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 4
    with Image.open(out) as made:
        sides = []
        for index in range(made.n_frames):
            made.seek(index)
            sides.append(np.array(made.convert("RGB")).astype(int))
    assert len(sides) == 4
    assert np.abs(sides[0] - sides[2]).max() > 60
    done = call(sample, "--out", tmp_path / "b.png", "--turntable")
    assert (done.returncode, "[usage.output]" in done.stderr) == (2, True)
    low = tmp_path / "low.png"
    done = call(sample, "--out", low, "--size", "48x64", "--mode", "Standard", "--pixel-ratio", 4)
    assert (done.returncode, pixels(low).shape) == (0, (128, 96, 4))

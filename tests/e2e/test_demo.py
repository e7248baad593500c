"""The whole main job as a person starts it: one command, from nothing to a picture and back to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.gl

CALLS = ("LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar", "ClientUnbindDevice")
ORDER = (
    "harness licence identity LicenseAuth ClientAuth ClientStart Render3dAvatar download verify open OpenGL picture"
    " video ClientUnbindDevice erase harness"
)


@dataclass(frozen=True)
class Run:
    status: int
    out: str
    err: str
    left_behind: list[str]


def demo(folder: Path, *arguments: str) -> Run:
    """Run the demo with a home and a temporary folder of its own."""
    temporary, home = folder / "tmp", folder / "home"
    temporary.mkdir(parents=True, exist_ok=True)
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "device_agent.cli.main", "demo", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary), "COLUMNS": "140"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    left = [str(path.relative_to(folder)) for root in (temporary, home) for path in root.rglob("*")]
    return Run(done.returncode, done.stdout, done.stderr, [path for path in left if "mesa_shader_cache" not in path])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, demo(folder, "--json")


def facts(run: Run) -> dict[str, Any]:
    lines = run.out.splitlines()
    assert len(lines) == 1, run.out + run.err
    return dict(json.loads(lines[0]))


def test_every_step_is_done_in_order_and_the_seat_is_back(sample: tuple[Path, Run]) -> None:
    _, run = sample
    assert (run.status, run.err) == (0, "")
    told = facts(run)
    assert " ".join(step["step"] for step in told["steps"]) == ORDER
    assert all(step["ok"] for step in told["steps"])
    ids = [step["request_id"] for step in told["steps"] if step["step"] in CALLS]
    assert len(set(ids)) == len(CALLS)
    assert "" not in ids
    assert told["seats_held"] == 0


def test_nothing_is_left_behind(sample: tuple[Path, Run]) -> None:
    folder, run = sample
    assert run.left_behind == []
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["preview.mp4", "preview.png"]


def test_the_picture_shows_somebody_in_the_middle(sample: tuple[Path, Run]) -> None:
    folder, _ = sample
    with Image.open(folder / "out" / "preview.png") as picture:
        assert picture.size == (720, 1280)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    # Rows of the background are of one colour; where the person stands they are not.
    differs = np.abs(pixels - pixels[:, :1]).max(axis=2) > 24
    rows, columns = np.nonzero(differs)
    assert rows.max() - rows.min() > 1280 * 0.6
    assert abs(columns.mean() - 360) < 40
    assert 0.05 < differs.mean() < 0.6
    assert not differs[:, :20].any()
    assert not differs[:, -20:].any()


def test_the_video_is_three_seconds_and_moves(sample: tuple[Path, Run]) -> None:
    folder, _ = sample
    with av.open(str(folder / "out" / "preview.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 30)
        assert (stream.width, stream.height) == (720, 1280)
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in video.decode(stream)]
    assert len(frames) == 90
    moved = [int((np.abs(later - frames[0]) > 16).sum()) for later in frames[1:]]
    assert max(moved) > 500
    assert frames[0].std() > 10


def test_a_person_sees_a_table_and_where_the_pictures_are(tmp_path: Path) -> None:
    run = demo(tmp_path, "--seconds", "0.1", "--out", "here")
    assert (run.status, run.err) == (0, "")
    lines = run.out.splitlines()
    assert lines[0].split() == ["step", "ms", "RequestId", "result"]
    shown = [line.split()[0] for line in lines[2:] if line[:1].isalpha()]
    assert " ".join(shown[: len(ORDER.split())]) == ORDER
    assert "here/preview.png" in run.out
    assert lines[-1].split() == ["seats", "0", "held"]


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("--out", "file/out"), 3, "output.unwritable"),
        (("--avatar", "file"), 7, "source.unknown"),
        (("--avatar", "missing.glb"), 7, "unreadable"),
        (("--seconds", "x"), 2, ""),
    ],
)
def test_bad_input_ends_in_one_line(tmp_path: Path, arguments: tuple[str, ...], status: int, code: str) -> None:
    (tmp_path / "file").write_bytes(b"this is no avatar at all")
    run = demo(tmp_path, *arguments)
    assert run.status == status, run.err
    assert "Traceback" not in run.err
    assert run.left_behind == []
    if code:
        assert len(run.err.splitlines()) == 1
        assert code in run.err

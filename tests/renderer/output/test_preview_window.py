"""The preview window on a virtual screen, with key presses and mouse drags as the X server delivers them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.gl

_CHILD = """
import dataclasses, json, sys, time
from pathlib import Path
from renderer.assets import load
from renderer.output.preview import Preview
from renderer.sample import sample_avatar
with Preview(load(sample_avatar()), name="sample", size=(240, 320), pictures=Path(sys.argv[1]),
             clock=time.monotonic) as preview:
    print(json.dumps({"driver": preview.context.driver}), flush=True)
    def tell(status):
        print(json.dumps(dataclasses.asdict(status)), flush=True)
        return True
    preview.run(tell)
print(json.dumps({"closed": True}), flush=True)
"""


def _needed(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed (Debian package {package})")
    return found


@pytest.fixture
def display() -> Iterator[str]:
    xvfb = _needed("Xvfb", "xvfb")
    receiving, sending = os.pipe()
    server = subprocess.Popen(
        [xvfb, "-displayfd", str(sending), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=(sending,),
        stderr=subprocess.DEVNULL,
    )
    os.close(sending)
    with os.fdopen(receiving) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(10)


class Shown:
    """A preview in a process of its own: what it says after each frame, and hands to touch it with."""

    def __init__(self, display: str, pictures: Path) -> None:
        self._environment = {**os.environ, "DISPLAY": display}
        self._environment.pop("WAYLAND_DISPLAY", None)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(pictures)],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.driver = self._line().get("driver", "")

    def _line(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None
            pytest.fail(f"the preview ended: {self._process.stderr.read()}")
        return json.loads(line)

    def until(self, right: Callable[[dict], bool], *, frames: int = 2000) -> dict:
        """The first report that is right, among the next so many."""
        for _ in range(frames):
            report = self._line()
            if right(report):
                return report
        pytest.fail("it never happened")

    def touch(self, *command: str) -> None:
        subprocess.run([_needed("xdotool", "xdotool"), *command], env=self._environment, check=True, timeout=30)

    def end(self) -> int:
        self._process.communicate(timeout=30)
        return self._process.returncode

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def shown(display: str, tmp_path: Path) -> Iterator[Shown]:
    _needed("xdotool", "xdotool")
    preview = Shown(display, tmp_path)
    preview.until(lambda report: report["frame"] >= 2)
    preview.touch("mousemove", "120", "160")
    yield preview
    preview.kill()


def test_keys_and_mouse_do_what_they_say(shown: Shown, tmp_path: Path) -> None:
    start = shown.until(lambda report: report["time"] > 0)

    shown.touch("key", "1")
    close = shown.until(lambda report: report["view"] != start["view"])
    assert close["view"]["target"][1] > start["view"]["target"][1], "camera 1 looks at the head"
    shown.touch("key", "f")
    shown.until(lambda report: abs(report["view"]["target"][1] - start["view"]["target"][1]) < 0.1)

    shown.touch("key", "space")
    held = shown.until(lambda report: report["paused"])
    assert shown.until(lambda report: report["frame"] > held["frame"] + 3)["time"] == held["time"]

    shown.touch("mousemove", "60", "160", "mousedown", "1", "mousemove", "180", "160", "mouseup", "1")
    turned = shown.until(lambda report: abs(report["view"]["eye"][0]) > 1.0)
    assert turned["view"]["eye"][0] < 0.0, "dragged to the right, the avatar shows its right: the camera goes left"
    assert turned["view"]["target"][1] == pytest.approx(held["view"]["target"][1], abs=0.1)

    shown.touch("mousedown", "3", "mousemove", "180", "260", "mouseup", "3")
    moved = shown.until(lambda report: report["view"]["target"] != turned["view"]["target"])
    assert moved["view"]["target"][1] > turned["view"]["target"][1], "dragged down, the picture follows the hand"

    shown.touch("click", "4")
    nearer = shown.until(lambda report: _distance(report) < 0.95 * _distance(moved))
    assert _distance(nearer) == pytest.approx(0.9 * _distance(moved), rel=0.01)

    playing = nearer["playing"]
    shown.touch("key", "n")
    assert len(shown.until(lambda report: report["playing"] != playing)["playing"]) == 1

    shown.touch("key", "s")
    shown.until(lambda report: report["pictures"] == 1)
    with Image.open(tmp_path / "sample-001.png") as picture:
        assert picture.size == (240, 320)
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 500

    shown.touch("key", "q")
    shown.until(lambda report: report.get("closed", False))
    assert shown.end() == 0


def test_resizing_keeps_the_whole_window_drawn(shown: Shown, tmp_path: Path) -> None:
    shown.touch("search", "--name", "sample", "windowsize", "400", "300")
    shown.until(lambda report: report["size"] == [400, 300])
    shown.touch("key", "s")
    shown.until(lambda report: report["pictures"] == 1)
    with Image.open(tmp_path / "sample-001.png") as picture:
        assert picture.size == (400, 300)
        corners = [picture.convert("RGB").getpixel(at) for at in ((1, 1), (398, 1), (1, 298), (398, 298))]
    assert corners[0] == corners[1]
    assert corners[2] == corners[3]
    assert min(corners[2]) > 100


def test_without_a_screen_the_error_says_what_to_do(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    code = (
        "from renderer.gl.window import start_glfw\n"
        "from renderer.errors import GraphicsError\n"
        "try: start_glfw()\n"
        "except GraphicsError as e: print(e.code, '|', e)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("gl.no-display | no window can be opened")
    assert "avatar-agent render" in done.stdout
    assert done.stderr == ""


def _distance(report: dict) -> float:
    eye, target = report["view"]["eye"], report["view"]["target"]
    return sum((a - b) ** 2 for a, b in zip(eye, target, strict=True)) ** 0.5

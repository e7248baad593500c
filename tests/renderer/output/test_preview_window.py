"""The preview window on a virtual screen, with key presses and mouse drags as the X server delivers them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab

from renderer.sample import sample_avatar
from tests.renderer.output.x_screen import Screen, needed, virtual_screen

pytestmark = pytest.mark.gl

_CHILD = """
import dataclasses, json, select, sys, time
from pathlib import Path
import glfw
from renderer.assets import Limits, load
from renderer.output.mode import mode_of
from renderer.output.preview import Preview
pictures, source, width, mode = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
limits = Limits(source_bytes=8 << 20)
with Preview(load(source), name="sample", size=(width, 320), pictures=pictures, source=source,
             clock=time.monotonic, mode=mode_of(mode), limits=limits) as preview:
    print(json.dumps({"driver": preview.context.driver, "window": glfw.get_x11_window(glfw.get_current_context())}),
          flush=True)
    def tell(status):
        print(json.dumps(dataclasses.asdict(status)), flush=True)
        while select.select([sys.stdin], [], [], 0)[0] and sys.stdin.readline():
            # As a driver does it: nothing of the context is there any more, and it says so when it is asked.
            glfw.make_context_current(None)
            preview.context.calls.reset_status = lambda: 0x8253  # GL_GUILTY_CONTEXT_RESET
            preview.context.robust = True
        return True
    preview.run(tell)
print(json.dumps({"closed": True}), flush=True)
"""


@pytest.fixture
def display() -> Iterator[str]:
    with virtual_screen() as name:
        yield name


class Shown:
    """A preview in a process of its own: what it says after each frame, and hands to touch it with."""

    def __init__(
        self, display: str, pictures: Path, *, width: int = 240, mode: str = "High", **environment: str
    ) -> None:
        self.source = pictures / "sample.glb"
        self.source.write_bytes(sample_avatar())
        self._environment = {**os.environ, "DISPLAY": display, **environment}
        self._environment.pop("WAYLAND_DISPLAY", None)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(pictures), str(self.source), str(width), mode],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun = self._line()
        self.window, self.driver = begun["window"], begun["driver"]

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
        subprocess.run([needed("xdotool", "xdotool"), *command], env=self._environment, check=True, timeout=30)

    def lose_context(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> int:
        self._process.communicate(timeout=30)
        return self._process.returncode

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def shown(display: str, tmp_path: Path) -> Iterator[Shown]:
    needed("xdotool", "xdotool")
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


@pytest.fixture
def wide(display: str, tmp_path: Path) -> Iterator[Shown]:
    """A window with room for the controls: they begin 250 units from its right edge."""
    needed("xdotool", "xdotool")
    preview = Shown(display, tmp_path, width=500)
    preview.until(lambda report: report["frame"] >= 2)
    preview.touch("mousemove", "100", "160")
    yield preview
    preview.kill()


def test_controls_are_opened_pressed_dragged_and_scrolled(wide: Shown) -> None:
    wide.touch("key", "Tab")
    assert wide.until(lambda report: report["tab"])["tab"] == "Play"
    wide.touch("mousemove", "300", "85", "click", "1")  # the second state
    listening = wide.until(lambda report: report["state"])
    assert listening["state"] == "Listening"
    wide.touch("mousemove", "300", "130", "click", "1")
    assert wide.until(lambda report: report["state"] == "Responding")["time"] >= listening["time"]
    view = wide.until(lambda report: True)["view"]

    wide.touch("mousemove", "330", "12", "click", "1")  # the second tab
    wide.until(lambda report: report["tab"] == "Face")
    wide.touch("mousemove", "300", "60", "mousedown", "1", "mousemove", "375", "100", "mouseup", "1")
    held = wide.until(lambda report: 0.45 < report["shapes"].get("browDownLeft", 0.0) < 0.55)
    assert list(held["shapes"]) == ["browDownLeft"]
    wide.touch("click", "5")  # three rows further
    wide.touch("mousemove", "300", "60", "mousedown", "1", "mousemove", "490", "60", "mouseup", "1")
    assert wide.until(lambda report: len(report["shapes"]) == 2)["shapes"]["browOuterUpLeft"] == 1.0
    assert wide.until(lambda report: True)["view"] == view, "nothing of this turned the camera"

    wide.touch("mousemove", "395", "12", "click", "1", "mousemove", "250", "60", "mousemove", "490", "60")
    wide.until(lambda report: report["tab"] == "Light")
    wide.touch("mousedown", "1", "mouseup", "1")
    assert wide.until(lambda report: report["key_light"] != 1.0)["key_light"] == 4.0


def test_another_file_is_dropped_and_the_shown_one_is_read_again(wide: Shown, display: str, tmp_path: Path) -> None:
    wide.touch("key", "1")
    near = wide.until(lambda report: report["view"]["target"][1] > 1.3)
    wide.source.write_bytes(sample_avatar() + b"    ")
    again = wide.until(lambda report: report["loads"] == 2)
    assert (again["name"], again["view"]) == ("sample.glb", near["view"])

    broken, huge = tmp_path / "broken.glb", tmp_path / "huge.glb"
    broken.write_bytes(b"glTF but not really")
    with huge.open("wb") as file:
        file.truncate((8 << 20) + 1)
    other = tmp_path / "second avatar, ä #1%.glb"
    other.write_bytes(sample_avatar())
    screen = Screen(display)
    for path, code in ((broken, "[glb."), (huge, "[source.too-large]")):
        assert _dropped(wide, screen, path)
        refused = wide.until(lambda report, code=code: code in report["notice"])
        assert (refused["loads"], refused["name"]) == (2, "sample.glb")
    assert _dropped(wide, screen, other, broken)
    taken = wide.until(lambda report: report["loads"] == 3)
    screen.close()
    assert taken["name"] == other.name
    assert taken["view"]["target"][1] < near["view"]["target"][1], "another file is shown whole"


def _dropped(shown: Shown, screen: Screen, *paths: Path) -> bool:
    """Drag and let go while the preview goes on drawing, whose reports would fill the pipe."""
    with ThreadPoolExecutor(1) as hand:
        taken = hand.submit(screen.drop, shown.window, paths, at=(100, 160))
        while not taken.done():
            shown.until(lambda report: True)
        return taken.result()


def test_a_lost_context_is_made_anew(wide: Shown, tmp_path: Path) -> None:
    wide.touch("key", "space", "key", "1", "key", "Tab", "key", "Tab")
    before = wide.until(lambda report: report["paused"] and report["tab"] == "Face")
    assert before["view"]["target"][1] > 1.3
    wide.touch("key", "s")
    wide.until(lambda report: report["pictures"] == 1)
    wide.lose_context()
    after = wide.until(lambda report: report["notice"] == "the driver has begun anew")
    assert {name: after[name] for name in ("view", "size", "time", "tab")} == {
        name: before[name] for name in ("view", "size", "time", "tab")
    }
    wide.touch("mousemove", "100", "160", "key", "s")
    wide.until(lambda report: report["pictures"] == 2)
    first, second = (tmp_path / f"sample-00{number}.png" for number in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    with Image.open(second) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 500
    wide.touch("mousemove", "330", "12", "click", "1", "mousemove", "395", "12", "click", "1")
    wide.until(lambda report: report["tab"] == "Light")


@pytest.mark.parametrize(("mode", "drawn"), [("High", [600, 640]), ("Standard", [424, 453]), ("Low", [300, 320])])
def test_on_a_fine_screen_a_unit_has_two_pixels(display: str, tmp_path: Path, mode: str, drawn: list[int]) -> None:
    needed("xdotool", "xdotool")
    screen = Screen(display)
    screen.fineness(192)
    preview = Shown(display, tmp_path, width=300, mode=mode)
    try:
        shown = preview.until(lambda report: report["frame"] >= 2)
        assert (shown["scale"], shown["size"], shown["drawn"]) == (2.0, [600, 640], drawn)
        preview.touch("mousemove", "20", "300", "key", "space", "key", "Tab", "key", "s")
        preview.until(lambda report: report["pictures"] == 1 and report["tab"] == "Play")
        with Image.open(tmp_path / "sample-001.png") as picture:
            assert list(picture.size) == drawn
            stretched = np.array(picture.convert("RGB").resize((600, 640), Image.Resampling.BILINEAR)).astype(int)
        # The window shows the same as far as the controls and the notes leave it to be seen.
        difference = np.abs(_on_screen(display, (90, 500)) - stretched[:500, :90])
        assert difference.max() <= (0 if mode == "High" else 40)
        assert difference.mean() < 1.0
        # The tabs lie 62.5 units apart, 125 pixels, from 50 units on; the second state is at 85 units.
        preview.touch("mousemove", "300", "170", "click", "1")
        assert preview.until(lambda report: report["state"])["state"] == "Listening"
        preview.touch("mousemove", "260", "24", "click", "1")
        preview.until(lambda report: report["tab"] == "Face")
        preview.touch("mousemove", "350", "120", "mousedown", "1", "mouseup", "1")
        held = preview.until(lambda report: report["shapes"])["shapes"]
        assert held == {"browDownLeft": pytest.approx(0.5, abs=0.03)}
        preview.lose_context()
        after = preview.until(lambda report: report["notice"] == "the driver has begun anew")
        assert (after["scale"], after["size"], after["drawn"]) == (2.0, [600, 640], drawn)
    finally:
        preview.kill()
        screen.close()


def _on_screen(display: str, size: tuple[int, int]) -> np.ndarray:
    """What the X server shows of the window's upper left part: without a window manager, in the upper left corner."""
    with ImageGrab.grab(xdisplay=display) as screen:
        return np.array(screen.convert("RGB"))[: size[1], : size[0]].astype(int)


def test_a_board_that_has_only_opengl_es_shows_the_same(display: str, tmp_path: Path) -> None:
    needed("xdotool", "xdotool")
    pictures = {}
    for name, environment in (("gl", {}), ("es", {"MESA_GL_VERSION_OVERRIDE": "2.1"})):
        folder = tmp_path / name
        folder.mkdir()
        preview = Shown(display, folder, **environment)
        try:
            assert ("OpenGL ES 3." in preview.driver) == (name == "es"), preview.driver
            preview.until(lambda report: report["frame"] >= 2)
            # While it pauses a clip begins at 0: the picture then depends on no clock.
            preview.touch("mousemove", "120", "160", "key", "space", "key", "n", "key", "1")
            preview.until(lambda report: report["paused"] and report["time"] == 0.0)
            preview.touch("key", "s")
            preview.until(lambda report: report["pictures"] == 1)
            with Image.open(folder / "sample-001.png") as picture:
                pictures[name] = np.array(picture.convert("RGB")).astype(int)
            preview.lose_context()
            preview.until(lambda report: report["notice"] == "the driver has begun anew")
            preview.touch("mousemove", "120", "160", "key", "q")
            preview.until(lambda report: report.get("closed", False))
            assert preview.end() == 0
        finally:
            preview.kill()
    assert np.abs(pictures["gl"] - pictures["es"]).max() <= 2


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

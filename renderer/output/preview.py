"""A window that shows an avatar and listens to mouse and keys."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from renderer.assets import Asset, Limits, load
from renderer.errors import AssetError, GraphicsError
from renderer.gl.window import open_window, start_glfw
from renderer.output.canvas import Canvas
from renderer.output.hands import Hands, Wishes
from renderer.output.image import write_image
from renderer.output.mode import HIGH, Mode
from renderer.output.orbit import Orbit
from renderer.output.panel import Panel, Row
from renderer.output.status import Status
from renderer.output.viewed import Viewed
from renderer.output.watch import Watch
from renderer.scene import Background

HELP = (
    "drag: turn   right drag: move   wheel: zoom   0-6: camera   f: fit   space: pause   n: next clip   "
    "tab: controls   s: picture   r: reload   h: this line   q: close"
)
"""What the hands can do, in one line."""

_NOTICE_SECONDS = 6.0


class Preview:
    """One window; ``run`` returns when it is closed.

    Keys: 0 to 6 the platform's cameras, F fits the avatar into the window, space pauses, N plays the next clip, Tab
    opens the controls tab by tab, S saves a picture, R reads the file again, H hides the line of help, Q and Escape
    close. The left button turns the camera, the right or middle one (or shift) moves it, the wheel zooms. A file that
    is dropped on the window is shown; the shown file is read again when it changes.

    Args:
        source: where the asset came from, if from a file.
        size: of the window, in screen units.
        mode: how many pixels are drawn for the screen's; what is drawn is stretched over the window.
        limits: what a dropped file, or one that is read again, may ask for.
        pictures: folder that S saves to.
        clock: seconds that pass.

    Raises:
        GraphicsError: there is no screen, or no OpenGL on it.
    """

    def __init__(
        self,
        asset: Asset,
        *,
        name: str,
        size: tuple[int, int],
        pictures: Path,
        clock: Callable[[], float],
        source: Path | None = None,
        fullscreen: bool = False,
        camera: int | None = None,
        clip: str | None = None,
        background: Background | None = None,
        mode: Mode = HIGH,
        limits: Limits | None = None,
    ) -> None:
        self._name, self._pictures, self._clock, self._background = name, pictures, clock, background
        self._mode, self._limits = mode, limits or Limits()
        self._watch = Watch(source)
        self._fullscreen = fullscreen
        self._glfw = start_glfw()
        self._handle, self.context = open_window(self._glfw, size=size, title=name, fullscreen=fullscreen)
        self._size = self._glfw.get_framebuffer_size(self._handle)
        self._viewed = Viewed(asset, aspect=self._aspect, clip=clip, camera=camera, background=background)
        self._orbit = Orbit(self._viewed.show.view)
        self._canvas = self._prepared()
        self._panel = Panel(
            rows=lambda tab: tuple(self._rows(tab)),
            press=lambda key: self._viewed.press(key),
            slide=lambda key, value: self._viewed.slide(key, value),
        )
        self._paused, self._saved, self._wanted, self._loads, self._helping = False, 0, False, 1, True
        self._rate, self._notice, self._noticed = 0.0, "", -math.inf
        self._facts: tuple[Viewed, tuple[str, ...]] | None = None
        self.hands = self._listening()

    @property
    def _aspect(self) -> float:
        width, height = self._size
        return float(width) / max(float(height), 1.0)

    def _prepared(self) -> Canvas:
        return Canvas(self.context, self._viewed.asset.avatar, size=self._pixels, samples=self._mode.samples)

    @property
    def _pixels(self) -> tuple[int, int]:
        """Of the picture that is drawn: the performance mode's share of the window's."""
        share = self._mode.ratio(self._scale) / self._scale
        return max(1, round(self._size[0] * share)), max(1, round(self._size[1] * share))

    def run(self, observe: Callable[[Status], bool] | None = None) -> None:
        """Draw until the window is closed, or until ``observe``, called after each frame, says False."""
        glfw, last, since, frames = self._glfw, self._clock(), self._clock(), 0
        glfw.swap_interval(1)
        for number in itertools.count(1):
            glfw.poll_events()
            if glfw.window_should_close(self._handle):
                return
            now = self._clock()
            if not self._paused:
                self._viewed.time += now - last
            last = now
            if self._watch.changed(now):
                self.open(self._watch.path)
            if self.context.lost():
                self.recover()
            if min(self._size) > 0:  # a minimised window has no pixels
                self._draw(now)
            glfw.swap_buffers(self._handle)
            frames += 1
            if now - since >= 1.0:
                self._rate = frames / (now - since)
                playing = ", ".join(self._viewed.show.player.playing) or "still"
                glfw.set_window_title(self._handle, f"{self._name} - {playing} - {self._rate:.0f} fps")
                since, frames = now, 0
            if observe is not None and not observe(self._status(number)):
                return

    def open(self, path: Path | None) -> None:
        """Show another file, or the same one again; one that cannot be shown is told in the window."""
        if path is None:
            self._tell("there is no file to read again")
            return
        try:
            viewed = Viewed(
                load(path, limits=self._limits),
                aspect=self._aspect,
                clip=None,
                camera=None,
                background=self._background,
            )
        except AssetError as error:
            self._tell(f"{error} [{error.code}]")
            return
        again = path == self._watch.path
        before, view = self._viewed, self._orbit
        self._viewed = viewed
        if again:
            viewed.take_over(before)
        try:
            canvas = self._prepared()
        except GraphicsError as error:
            self._viewed = before
            self._tell(f"{error} [{error.code}]")
            return
        self._canvas.release()
        self._canvas = canvas
        self._orbit = view if again else Orbit(viewed.show.view)
        self._watch, self._name = Watch(path), path.name
        self._loads += 1
        self._tell(f"{path.name} is shown")

    def recover(self) -> None:
        """Begin with a new window in the old one's place: the driver has lost everything that was in the old one."""
        glfw = self._glfw
        size, place = glfw.get_window_size(self._handle), glfw.get_window_pos(self._handle)
        glfw.destroy_window(self._handle)
        self._handle, self.context = open_window(
            glfw, size=size, title=self._name, fullscreen=self._fullscreen, scaled=False
        )
        if not self._fullscreen:
            glfw.set_window_pos(self._handle, *place)
        glfw.swap_interval(1)
        self._size = glfw.get_framebuffer_size(self._handle)
        self._canvas = self._prepared()
        self.hands = self._listening()
        self._tell("the driver has begun anew")

    def _tell(self, notice: str) -> None:
        self._notice, self._noticed = notice, self._clock()

    def _status(self, frame: int) -> Status:
        viewed = self._viewed
        return Status(
            frame=frame,
            name=self._name,
            time=viewed.time,
            paused=self._paused,
            playing=viewed.show.player.playing,
            view=self._orbit.view,
            size=self._size,
            drawn=self._pixels,
            scale=self._scale,
            pictures=self._saved,
            tab=self._panel.tab,
            shapes=dict(viewed.shapes),
            state=viewed.state,
            key_light=viewed.lamp.key,
            notice=self._notice,
            loads=self._loads,
        )

    def _draw(self, now: float) -> None:
        canvas, panel = self._canvas, self._panel
        canvas.draw(self._viewed.shot(self._orbit.view), size=self._pixels)
        if self._wanted:
            self._wanted = False
            self._save(canvas.picture())
        canvas.show(size=self._size)
        if panel.tab is not None:
            canvas.lay_controls(panel.rows, tab=panel.tab, scroll=panel.scroll, scale=self._scale)
        told = now - self._noticed < _NOTICE_SECONDS
        if told or self._helping:
            note = self._notice if told else HELP
            canvas.lay_note(note, scale=self._scale, beside=panel.tab is not None)
        canvas.check()

    @property
    def _scale(self) -> float:
        """Pixels a screen unit, as the desktop has it. The window's own measures are pixels on X11, units elsewhere."""
        return max(float(self._glfw.get_window_content_scale(self._handle)[0]), 0.1)

    def _rows(self, tab: str) -> Iterator[Row]:
        if tab != "About":
            yield from self._viewed.rows(tab)
            return
        found = self._known_facts()
        yield Row(kind="heading", label=self._name)
        yield Row(kind="text", label=f"{self._rate:.0f} frames a second, {self._size[0]} x {self._size[1]}")
        for line in found:
            yield Row(kind="text", label=line)

    def _known_facts(self) -> tuple[str, ...]:
        if self._facts is None or self._facts[0] is not self._viewed:
            self._facts = self._viewed, self._viewed.facts(self._name, renderer=self.context.renderer)
        return self._facts[1]

    def _save(self, picture: NDArray[np.uint8]) -> None:
        """Write a picture as the next free ``NAME-001.png``."""
        stem = Path(self._name).stem or "avatar"
        paths = (self._pictures / f"{stem}-{number:03}.png" for number in itertools.count(1))
        path = next(path for path in paths if not path.exists())
        write_image(path, picture)
        self._saved += 1
        self._tell(f"{path} is written")

    def _listening(self) -> Hands:
        wishes = Wishes(
            turn=lambda right, down: self._orbit.turn(right * math.pi, down * math.pi),
            move=lambda right, down: self._orbit.move(right, -down),
            zoom=lambda steps: self._orbit.zoom(steps),
            camera=self._frame,
            key=self._key,
            drop=lambda paths: self.open(paths[0]) if paths else None,
            resize=self._resize,
        )
        return Hands(self._glfw, self._handle, panel=self._panel, wishes=wishes, units=self._units)

    def _units(self) -> float:
        """Screen units for each of the window's own measures."""
        return float(self._size[0]) / self._scale / max(float(self._glfw.get_window_size(self._handle)[0]), 1.0)

    def _key(self, key: str) -> None:
        match key:
            case "f":
                self._frame(0)
            case "space":
                self._paused = not self._paused
            case "n":
                self._viewed.play_next()
            case "tab":
                self._panel.turn()
            case "h":
                self._helping = not self._helping
            case "r":
                self.open(self._watch.path)
            case "s":
                self._wanted = True
            case _:
                self._glfw.set_window_should_close(self._handle, True)

    def _frame(self, camera: int) -> None:
        self._orbit = Orbit(self._viewed.framed(camera, self._aspect))

    def _resize(self, width: int, height: int) -> None:
        self._size = (width, height)

    def close(self) -> None:
        """Free everything and close the window."""
        self._canvas.release()
        self.context.release()
        self._glfw.destroy_window(self._handle)
        self._glfw.terminate()

    def __enter__(self) -> Preview:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

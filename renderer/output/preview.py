"""A window that shows an avatar and listens to mouse and keys."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from renderer.assets import Asset
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.gl.window import open_window, start_glfw
from renderer.output.image import write_image
from renderer.output.orbit import Orbit
from renderer.output.show import Repertoire, Show, show
from renderer.scene import Background, View

HELP = "drag: turn   right drag: move   wheel: zoom   0-6: camera   f: fit   space: pause   n: next clip   s: picture"
"""What the hands can do, in one line."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Status:
    """What a preview shows at a moment."""

    frame: int
    time: float
    paused: bool
    playing: tuple[str, ...]
    view: View
    size: tuple[int, int]
    pictures: int


class Preview:
    """One window; ``run`` returns when it is closed.

    Keys: 0 to 6 the platform's cameras, F fits the avatar into the window, space pauses, N plays the next clip, S saves
    a picture, Q and Escape close. The left button turns the camera, the right or middle one (or shift) moves it, the
    wheel zooms.

    Args:
        size: of the window, in screen units.
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
        fullscreen: bool = False,
        camera: int | None = None,
        clip: str | None = None,
        background: Background | None = None,
    ) -> None:
        self._asset, self._name, self._pictures, self._clock = asset, name, pictures, clock
        self._repertoire = Repertoire(asset)
        self._clip = -1
        self._glfw = start_glfw()
        self._handle, self.context = open_window(self._glfw, size=size, title=name, fullscreen=fullscreen)
        self._size = self._glfw.get_framebuffer_size(self._handle)
        self._show = self._shown(camera, clip, background)
        self._orbit = Orbit(self._show.view)
        self._stage = Stage(self.context, asset.avatar)
        self._target = Target(self.context, size=self._size, samples=4, outlines=self.context.software)
        self._time, self._paused, self._saved, self._wanted = 0.0, False, 0, False
        self._pointer: tuple[float, float] | None = None
        self._held, self._shifted = -1, False
        self._listen()

    def _shown(self, camera: int | None, clip: str | None, background: Background | None) -> Show:
        return show(
            self._asset,
            repertoire=self._repertoire,
            aspect=self._size[0] / max(self._size[1], 1),
            clip=clip,
            camera=camera,
            background=background,
        )

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
                self._time += now - last
            last = now
            if min(self._size) > 0:  # a minimised window has no pixels
                self._draw()
            glfw.swap_buffers(self._handle)
            frames += 1
            if now - since >= 1.0:
                playing = ", ".join(self._show.player.playing) or "still"
                glfw.set_window_title(self._handle, f"{self._name} - {playing} - {frames / (now - since):.0f} fps")
                since, frames = now, 0
            if observe is not None and not observe(self._status(number)):
                return

    def _status(self, frame: int) -> Status:
        return Status(
            frame=frame,
            time=self._time,
            paused=self._paused,
            playing=self._show.player.playing,
            view=self._orbit.view,
            size=self._size,
            pictures=self._saved,
        )

    def _draw(self) -> None:
        if self._target.size != self._size:
            self._target.release()
            self._target = Target(self.context, size=self._size, samples=4, outlines=self.context.software)
        shown = replace(self._show.shot(self._time), view=self._orbit.view)
        stage, size = self._stage, self._size
        stage.pose(world=shown.pose.world(self._asset.avatar), weights=shown.pose.weights)
        stage.cast_shadow(shown.lighting)
        backdrop = stage.backdrop(shown.background, aspect=size[0] / size[1], flipped=False)
        clear = stage.clear_color(shown.background)
        there = self._target.begin(clear, None if backdrop is None else (shown.background, backdrop))
        stage.draw(
            view=shown.view,
            aspect=size[0] / size[1],
            lighting=shown.lighting,
            look=shown.look,
            background=None if there else shown.background,
            flipped=False,
            time=shown.time,
        )
        self._target.finish(lambda picture: stage.smooth(picture, view=shown.view, size=size, flipped=False))
        if self._wanted:
            self._wanted = False
            self._save()
        self._target.present(0)
        self.context.check()

    def _save(self) -> None:
        """Write what is drawn as the next free ``NAME-001.png``."""
        picture = np.empty((self._size[1], self._size[0], 4), np.uint8)
        self._target.read(picture)
        stem = Path(self._name).stem or "avatar"
        paths = (self._pictures / f"{stem}-{number:03}.png" for number in itertools.count(1))
        write_image(next(path for path in paths if not path.exists()), np.ascontiguousarray(picture[::-1]))
        self._saved += 1

    def _listen(self) -> None:
        glfw, handle = self._glfw, self._handle
        glfw.set_key_callback(handle, self._on_key)
        glfw.set_mouse_button_callback(handle, self._on_button)
        glfw.set_cursor_pos_callback(handle, self._on_move)
        glfw.set_scroll_callback(handle, lambda _window, _across, along: self._orbit.zoom(along))
        glfw.set_framebuffer_size_callback(handle, self._on_resize)

    def _on_key(self, _window: Any, key: int, _scan: int, action: int, _modifiers: int) -> None:
        glfw = self._glfw
        if action != glfw.PRESS:
            return
        if glfw.KEY_0 <= key <= glfw.KEY_6:
            self._frame(key - glfw.KEY_0)
        elif glfw.KEY_KP_0 <= key <= glfw.KEY_KP_6:
            self._frame(key - glfw.KEY_KP_0)
        elif key == glfw.KEY_F:
            self._frame(0)
        elif key == glfw.KEY_SPACE:
            self._paused = not self._paused
        elif key == glfw.KEY_N and self._repertoire.names:
            self._clip = (self._clip + 1) % len(self._repertoire.names)
            self._show.player, self._time = self._repertoire.player(clip=self._clip), 0.0
        elif key == glfw.KEY_S:
            self._wanted = True
        elif key in (glfw.KEY_ESCAPE, glfw.KEY_Q):
            glfw.set_window_should_close(self._handle, True)

    def _frame(self, camera: int) -> None:
        aspect = self._size[0] / max(self._size[1], 1)
        self._orbit = Orbit(self._show.framed(self._asset, time=self._time, camera=camera, aspect=aspect))

    def _on_button(self, _window: Any, button: int, action: int, modifiers: int) -> None:
        if action == self._glfw.PRESS:
            self._held = button
            self._shifted = bool(modifiers & self._glfw.MOD_SHIFT)
        elif button == self._held:
            self._held = -1

    def _on_move(self, window: Any, x: float, y: float) -> None:
        # Asking for the pointer's place would give where it is now, which on a slow machine is far from this event's.
        before, self._pointer = self._pointer or (x, y), (x, y)
        if self._held < 0:
            return
        height = max(self._glfw.get_window_size(window)[1], 1)
        right, down = (x - before[0]) / height, (y - before[1]) / height
        if self._held != self._glfw.MOUSE_BUTTON_LEFT or self._shifted:
            self._orbit.move(right, -down)
        else:
            self._orbit.turn(right * math.pi, down * math.pi)

    def _on_resize(self, _window: Any, width: int, height: int) -> None:
        self._size = (width, height)

    def close(self) -> None:
        """Free everything and close the window."""
        self._stage.release()
        self._target.release()
        self.context.release()
        self._glfw.destroy_window(self._handle)
        self._glfw.terminate()

    def __enter__(self) -> Preview:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

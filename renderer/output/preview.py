"""A window that shows an avatar and listens to mouse and keys."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.assets import Asset, load
from renderer.assets.summary import summarise
from renderer.errors import AssetError, GraphicsError
from renderer.gl.overlay import Overlay
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.gl.window import open_window, start_glfw
from renderer.output.image import write_image
from renderer.output.orbit import Orbit
from renderer.output.panel import Panel, Row
from renderer.output.panel_picture import note_picture, panel_picture
from renderer.output.viewed import Viewed
from renderer.output.watch import Watch
from renderer.scene import Background, View

HELP = (
    "drag: turn   right drag: move   wheel: zoom   0-6: camera   f: fit   space: pause   n: next clip   "
    "tab: controls   s: picture   r: reload   h: this line   q: close"
)
"""What the hands can do, in one line."""

_NOTICE_SECONDS = 6.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Status:
    """What a preview shows at a moment."""

    frame: int
    name: str
    time: float
    paused: bool
    playing: tuple[str, ...]
    view: View
    size: tuple[int, int]
    pictures: int
    tab: str | None
    shapes: dict[str, float]
    state: str
    key_light: float
    notice: str
    loads: int


@dataclass(slots=True, kw_only=True)
class _Drawing:
    """What one context draws with."""

    stage: Stage
    target: Target
    overlay: Overlay

    def release(self) -> None:
        for part in (self.overlay, self.stage, self.target):
            part.release()


class Preview:
    """One window; ``run`` returns when it is closed.

    Keys: 0 to 6 the platform's cameras, F fits the avatar into the window, space pauses, N plays the next clip, Tab
    opens the controls tab by tab, S saves a picture, R reads the file again, H hides the line of help, Q and Escape
    close. The left button turns the camera, the right or middle one (or shift) moves it, the wheel zooms. A file that
    is dropped on the window is shown; the shown file is read again when it changes.

    Args:
        source: where the asset came from, if from a file.
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
        source: Path | None = None,
        fullscreen: bool = False,
        camera: int | None = None,
        clip: str | None = None,
        background: Background | None = None,
    ) -> None:
        self._name, self._pictures, self._clock, self._background = name, pictures, clock, background
        self._watch = Watch(source)
        self._fullscreen = fullscreen
        self._glfw = start_glfw()
        self._handle, self.context = open_window(self._glfw, size=size, title=name, fullscreen=fullscreen)
        self._size = self._glfw.get_framebuffer_size(self._handle)
        self._viewed = Viewed(asset, aspect=self._aspect, clip=clip, camera=camera, background=background)
        self._orbit = Orbit(self._viewed.show.view)
        self._drawing = self._prepared()
        self._panel = Panel(rows=lambda tab: tuple(self._rows(tab)), press=self._press, slide=self._slide)
        self._paused, self._saved, self._wanted, self._loads, self._helping = False, 0, False, 1, True
        self._rate, self._notice, self._noticed = 0.0, "", -math.inf
        self._pointer: tuple[float, float] | None = None
        self._held, self._shifted = -1, False
        self._facts: tuple[Viewed, tuple[str, ...]] | None = None
        self._pictured: dict[str, tuple[object, NDArray[np.uint8]]] = {}
        self._listen()

    @property
    def _aspect(self) -> float:
        width, height = self._size
        return float(width) / max(float(height), 1.0)

    def _prepared(self) -> _Drawing:
        with np.errstate(all="ignore"):
            stage = Stage(self.context, self._viewed.asset.avatar)
        return _Drawing(stage=stage, target=self._fitting_target(), overlay=Overlay(self.context))

    def _fitting_target(self) -> Target:
        width, height = self._size
        size = (max(width, 1), max(height, 1))
        return Target(self.context, size=size, samples=4, outlines=self.context.software)

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
            viewed = Viewed(load(path), aspect=self._aspect, clip=None, camera=None, background=self._background)
        except AssetError as error:
            self._tell(str(error))
            return
        again = path == self._watch.path
        before, view = self._viewed, self._orbit
        self._viewed = viewed
        if again:
            viewed.take_over(before)
        try:
            drawing = self._prepared()
        except GraphicsError as error:
            self._viewed = before
            self._tell(str(error))
            return
        self._drawing.release()
        self._drawing = drawing
        self._orbit = view if again else Orbit(viewed.show.view)
        self._watch, self._name = Watch(path), path.name
        self._loads += 1
        self._tell(f"{path.name} is shown")

    def recover(self) -> None:
        """Begin with a new window in the old one's place: the driver has lost everything that was in the old one."""
        glfw = self._glfw
        size, place = glfw.get_window_size(self._handle), glfw.get_window_pos(self._handle)
        glfw.destroy_window(self._handle)
        self._handle, self.context = open_window(glfw, size=size, title=self._name, fullscreen=self._fullscreen)
        if not self._fullscreen:
            glfw.set_window_pos(self._handle, *place)
        glfw.swap_interval(1)
        self._size = glfw.get_framebuffer_size(self._handle)
        self._drawing = self._prepared()
        self._listen()
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
            pictures=self._saved,
            tab=self._panel.tab,
            shapes=dict(viewed.shapes),
            state=viewed.state,
            key_light=viewed.lamp.key,
            notice=self._notice,
            loads=self._loads,
        )

    def _draw(self, now: float) -> None:
        drawing, size = self._drawing, self._size
        if drawing.target.size != size:
            drawing.target.release()
            drawing.target = self._fitting_target()
        stage, target = drawing.stage, drawing.target
        with np.errstate(all="ignore"):
            shown = self._viewed.shot(self._orbit.view)
            stage.pose(world=shown.pose.world(self._viewed.asset.avatar), weights=shown.pose.weights)
            stage.cast_shadow(shown.lighting)
            backdrop = stage.backdrop(shown.background, aspect=size[0] / size[1], flipped=False)
            clear = stage.clear_color(shown.background)
            there = target.begin(clear, None if backdrop is None else (shown.background, backdrop))
            stage.draw(
                view=shown.view,
                aspect=size[0] / size[1],
                lighting=shown.lighting,
                look=shown.look,
                background=None if there else shown.background,
                flipped=False,
                time=shown.time,
            )
        target.finish(lambda picture: stage.smooth(picture, view=shown.view, size=size, flipped=False))
        if self._wanted:
            self._wanted = False
            self._save()
        target.resume()
        self._lay_over(now)
        target.present(0)
        self.context.check()

    def _lay_over(self, now: float) -> None:
        """The controls at the right, and a line at the bottom."""
        width, height = self._size
        scale = self._scale
        if self._panel.tab is not None:
            tab, rows, scroll = self._panel.tab, self._panel.rows, self._panel.scroll
            picture = self._picture(
                "panel",
                (tab, rows, scroll, height, scale),
                lambda: panel_picture(rows, tab=tab, scroll=scroll, height=height, scale=scale),
            )
            left = max(0, width - picture.shape[1])
            self._drawing.overlay.draw("panel", picture, at=(left, 0), size=self._size)
        told = now - self._noticed < _NOTICE_SECONDS
        if told or self._helping:
            text = self._notice if told else HELP
            note = self._picture("note", (text, width, scale), lambda: note_picture(text, width=width, scale=scale))
            self._drawing.overlay.draw("note", note, at=(0, height - note.shape[0]), size=self._size)

    def _picture(self, name: str, key: object, make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """A picture that is made anew only when what it shows has changed."""
        known = self._pictured.get(name)
        if known is None or known[0] != key:
            known = self._pictured[name] = key, make()
        return known[1]

    @property
    def _scale(self) -> float:
        """Pixels a screen unit."""
        return float(self._size[0]) / max(float(self._glfw.get_window_size(self._handle)[0]), 1.0)

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
            self._facts = self._viewed, _facts(self._viewed.asset, self._name, self.context.renderer)
        return self._facts[1]

    def _press(self, key: str) -> None:
        self._viewed.press(key)

    def _slide(self, key: str, value: float) -> None:
        self._viewed.slide(key, value)

    def _save(self) -> None:
        """Write what is drawn as the next free ``NAME-001.png``."""
        picture = np.empty((self._size[1], self._size[0], 4), np.uint8)
        self._drawing.target.read(picture)
        stem = Path(self._name).stem or "avatar"
        paths = (self._pictures / f"{stem}-{number:03}.png" for number in itertools.count(1))
        path = next(path for path in paths if not path.exists())
        write_image(path, np.ascontiguousarray(picture[::-1]))
        self._saved += 1
        self._tell(f"{path} is written")

    def _listen(self) -> None:
        glfw, handle = self._glfw, self._handle
        glfw.set_key_callback(handle, self._on_key)
        glfw.set_mouse_button_callback(handle, self._on_button)
        glfw.set_cursor_pos_callback(handle, self._on_move)
        glfw.set_scroll_callback(handle, self._on_wheel)
        glfw.set_framebuffer_size_callback(handle, self._on_resize)
        glfw.set_drop_callback(handle, self._on_drop)

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
        elif key == glfw.KEY_N:
            self._viewed.play_next()
        elif key == glfw.KEY_TAB:
            self._panel.turn()
        elif key == glfw.KEY_H:
            self._helping = not self._helping
        elif key == glfw.KEY_R:
            self.open(self._watch.path)
        elif key == glfw.KEY_S:
            self._wanted = True
        elif key in (glfw.KEY_ESCAPE, glfw.KEY_Q):
            glfw.set_window_should_close(self._handle, True)

    def _frame(self, camera: int) -> None:
        self._orbit = Orbit(self._viewed.framed(camera, self._aspect))

    def _on_drop(self, _window: Any, paths: list[str]) -> None:
        if paths:
            self.open(Path(paths[0]))

    def _on_button(self, window: Any, button: int, action: int, modifiers: int) -> None:
        width = self._glfw.get_window_size(window)[0]
        if action == self._glfw.PRESS:
            # Before the first move only the window knows where the pointer is.
            at = self._pointer = self._pointer or self._glfw.get_cursor_pos(window)
            if self._panel.covers(at[0], width):
                self._panel.pressed(at[0], at[1], width)
                return
            self._held = button
            self._shifted = bool(modifiers & self._glfw.MOD_SHIFT)
        else:
            self._panel.released()
            if button == self._held:
                self._held = -1

    def _on_move(self, window: Any, x: float, y: float) -> None:
        # Asking for the pointer's place would give where it is now, which on a slow machine is far from this event's.
        before, self._pointer = self._pointer or (x, y), (x, y)
        width, height = self._glfw.get_window_size(window)
        if self._panel.dragged(x, width) or self._held < 0:
            return
        right, down = (x - before[0]) / max(height, 1), (y - before[1]) / max(height, 1)
        if self._held != self._glfw.MOUSE_BUTTON_LEFT or self._shifted:
            self._orbit.move(right, -down)
        else:
            self._orbit.turn(right * math.pi, down * math.pi)

    def _on_wheel(self, window: Any, _across: float, along: float) -> None:
        width, height = self._glfw.get_window_size(window)
        if self._pointer is not None and self._panel.covers(self._pointer[0], width):
            self._panel.wheel(along, height)
        else:
            self._orbit.zoom(along)

    def _on_resize(self, _window: Any, width: int, height: int) -> None:
        self._size = (width, height)

    def close(self) -> None:
        """Free everything and close the window."""
        self._drawing.release()
        self.context.release()
        self._glfw.destroy_window(self._handle)
        self._glfw.terminate()

    def __enter__(self) -> Preview:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _facts(asset: Asset, name: str, renderer: str) -> tuple[str, ...]:
    """What is in the asset, in short lines."""
    found = summarise(asset, name=name)
    problems = [f"{issue.code}" + (f" x{issue.count}" if issue.count > 1 else "") for issue in asset.issues]
    return (
        renderer,
        f"{sum(mesh.triangles for mesh in found.meshes):,} triangles in {len(found.meshes)} meshes",
        f"{sum(len(skin.joints) for skin in asset.avatar.skins)} joints, {len(asset.avatar.nodes)} nodes",
        f"{len(found.materials)} materials, {len(found.images)} pictures",
        f"{len(asset.clips)} clips of its own",
        *problems,
    )

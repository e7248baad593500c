"""A window that no visitor can change: an avatar or a flat picture, and never a black frame between two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.assets import Asset
from renderer.errors import GraphicsError
from renderer.gl.overlay import Overlay
from renderer.gl.pictures import Decoding
from renderer.gl.window import open_window, start_glfw
from renderer.output.ahead import decoding
from renderer.output.canvas import Canvas
from renderer.output.mode import HIGH, Mode
from renderer.output.viewed import Viewed
from renderer.scene import Background

Picture = NDArray[np.uint8]

FASTEST = 1.0 / 60.0
"""Seconds between two frames, at least: where no screen sets the pace, no processor is kept busy for nothing."""

AGAIN = 5.0
"""Seconds after which a still picture is shown once more, whatever a desktop has done to the window."""


LOST = "gl.lost"
"""Code of an avatar that could not be shown because the driver began anew just then."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Prepared:
    """An avatar that needs nothing but a graphics card any more; made in any thread."""

    viewed: Viewed
    pictures: Decoding


def prepare(
    asset: Asset, *, aspect: float, clip: str | None = None, camera: int | None = None,
    background: Background | None = None,
) -> Prepared:  # fmt: skip
    """Everything of an avatar that can be done without a graphics card: its first pose, its pictures decoded.

    Raises:
        AssetError: there is no such clip, or something of the asset cannot be used.
    """
    pictures = decoding(asset.avatar)
    viewed = Viewed(asset, aspect=aspect, clip=clip, camera=camera, background=background)
    pictures.wait()
    return Prepared(viewed=viewed, pictures=pictures)


class Kiosk:
    """One window. What it shows stays until the next is ready.

    Args:
        size: of the window, in screen units, without ``fullscreen``.
        clock: seconds that pass.
        mode: how many pixels are drawn for the screen's.
        closable: Q, Escape and the desktop may close it.
        watch: is given each frame before it is shown, ``(h, w, 3) uint8``, lowest row first; reading it costs time.

    Raises:
        GraphicsError: there is no screen, or no OpenGL on it.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int],
        title: str,
        clock: Callable[[], float],
        fullscreen: bool = False,
        mode: Mode = HIGH,
        closable: bool = False,
        watch: Callable[[Picture], None] | None = None,
    ) -> None:
        self._clock, self._mode, self._closable, self._watch = clock, mode, closable, watch
        self._title, self._fullscreen = title, fullscreen
        self._glfw = start_glfw()
        self._avatar: tuple[Viewed, Canvas] | None = None
        self._flat: Picture | None = None
        self._handle, self.context, self._overlay = self._opened(size)
        self.size: tuple[int, int] = self._glfw.get_framebuffer_size(self._handle)
        self._changed, self._drawn_at, self._moved_at = True, -AGAIN, clock()

    def _opened(self, size: tuple[int, int], *, scaled: bool = True) -> tuple[Any, Any, Overlay]:
        glfw = self._glfw
        handle, context = open_window(glfw, size=size, title=self._title, fullscreen=self._fullscreen, scaled=scaled)
        glfw.set_framebuffer_size_callback(handle, lambda _window, width, height: self._resized(width, height))
        glfw.set_window_refresh_callback(handle, lambda _window: self._touched())
        glfw.set_key_callback(handle, self._on_key)
        if self._fullscreen:
            glfw.set_input_mode(handle, glfw.CURSOR, glfw.CURSOR_HIDDEN)
            glfw.set_window_attrib(handle, glfw.AUTO_ICONIFY, False)
        # A Wayland desktop holds frames back for as long as nobody can see them; our own pace never waits for it.
        platform = getattr(glfw, "get_platform", None)  # GLFW 3.4 and newer
        glfw.swap_interval(0 if platform is not None and platform() == glfw.PLATFORM_WAYLAND else 1)
        return handle, context, Overlay(context)

    def _touched(self) -> None:
        self._changed = True

    def _resized(self, width: int, height: int) -> None:
        self.size, self._changed = (width, height), True

    def _on_key(self, window: Any, key: int, _scan: int, action: int, _modifiers: int) -> None:
        if self._closable and action == self._glfw.PRESS and key in (self._glfw.KEY_Q, self._glfw.KEY_ESCAPE):
            self._glfw.set_window_should_close(window, True)

    @property
    def aspect(self) -> float:
        """Width by height."""
        return max(self.size[0], 1) / max(self.size[1], 1)

    def show_picture(self, picture: Picture) -> None:
        """Show a flat picture from the next frame on, ``(h, w, 3) uint8``, sRGB, stretched over the window."""
        alpha = np.full((*picture.shape[:2], 1), 255, np.uint8)
        self._flat, self._changed = np.concatenate([picture[..., :3], alpha], axis=2), True
        self._drop()

    def show_avatar(self, prepared: Prepared) -> None:
        """Show an avatar from the next frame on.

        Raises:
            GraphicsError: the driver refuses it; what was shown stays. ``gl.lost`` says nothing about the avatar.
        """
        viewed = prepared.viewed
        try:
            canvas = self._canvas(viewed, prepared.pictures)
            try:
                canvas.draw(viewed.shot(viewed.show.view), size=self._pixels)
                canvas.check()
            except GraphicsError:
                canvas.release()
                raise
        except GraphicsError as error:
            if self.context.lost():
                self._recover()
                raise GraphicsError("the driver began anew meanwhile", code=LOST, where=error.where) from error
            raise
        self._drop()
        self._avatar, self._flat, self._moved_at = (viewed, canvas), None, self._clock()

    def _canvas(self, viewed: Viewed, pictures: Decoding | None = None) -> Canvas:
        return Canvas(
            self.context, viewed.asset.avatar, size=self._pixels, samples=self._mode.samples, pictures=pictures
        )

    def _drop(self) -> None:
        if self._avatar is not None:
            self._avatar[1].release()
            self._avatar = None

    def frame(self, *, wait_s: float) -> bool:
        """Draw what there is to draw; False once the window is closed.

        Args:
            wait_s: seconds to rest at most while nothing moves.
        """
        glfw, since = self._glfw, self._clock() - self._drawn_at
        moving = self._avatar is not None
        rest = FASTEST - since if moving else 0.0 if self._changed else min(wait_s, AGAIN - since)
        if rest > 0.0:
            glfw.wait_events_timeout(rest)
        else:
            glfw.poll_events()
        if glfw.window_should_close(self._handle):
            if self._closable:
                return False
            glfw.set_window_should_close(self._handle, False)
        if self._fullscreen:
            self._fill()
        if self.context.lost():
            self._recover()
        now = self._clock()
        if min(self.size) > 0 and (moving or self._changed or now - self._drawn_at >= AGAIN):
            try:
                self._draw(now)
            except GraphicsError:
                if not self.context.lost():
                    raise
                self._recover()  # it was lost while it drew
        return True

    def _fill(self) -> None:
        """Take the first screen when this window has none: one that is switched off for the night goes away, and GLFW
        leaves its window as an ordinary one.
        """
        glfw = self._glfw
        screen = glfw.get_primary_monitor()
        if screen and not glfw.get_window_monitor(self._handle):
            mode = glfw.get_video_mode(screen)
            glfw.set_window_monitor(self._handle, screen, 0, 0, *mode.size, mode.refresh_rate)
            self._changed = True

    def _draw(self, now: float) -> None:
        if self._avatar is not None:
            viewed, canvas = self._avatar
            viewed.time += now - self._moved_at
            self._moved_at = now
            canvas.draw(viewed.shot(viewed.show.view), size=self._pixels)
            canvas.show(size=self.size)
            canvas.check()
        elif self._flat is not None:
            window = self.context.gl.detect_framebuffer(0)
            window.viewport = (0, 0, *self.size)
            window.use()
            self._overlay.draw("flat", self._flat, at=(0, 0), size=self._flat.shape[1::-1])
            self.context.check()
        else:
            return  # nothing was ever shown: the window has not been drawn yet
        if self._watch is not None:
            self._watch(self._as_seen())
        self._glfw.swap_buffers(self._handle)
        self._changed, self._drawn_at = False, now

    def _as_seen(self) -> Picture:
        width, height = self.size
        data = self.context.gl.detect_framebuffer(0).read(viewport=(0, 0, width, height), components=3, alignment=1)
        _ = self.context.gl.error  # moderngl asks for a colour attachment, which a window has not; its back is read
        return np.frombuffer(data, np.uint8).reshape(height, width, 3)

    @property
    def _pixels(self) -> tuple[int, int]:
        """Of the avatar's picture: the performance mode's share of the window's."""
        scale = max(float(self._glfw.get_window_content_scale(self._handle)[0]), 0.1)
        share = self._mode.ratio(scale) / scale
        return max(1, round(self.size[0] * share)), max(1, round(self.size[1] * share))

    def _recover(self) -> None:
        """Begin with a new window in the old one's place: the driver has lost everything that was in the old one."""
        size = self._glfw.get_window_size(self._handle)
        self._glfw.destroy_window(self._handle)
        self._handle, self.context, self._overlay = self._opened(size, scaled=False)
        self.size = self._glfw.get_framebuffer_size(self._handle)
        if self._avatar is not None:
            viewed, _ = self._avatar
            self._avatar = viewed, self._canvas(viewed)
        self._changed = True

    def close(self) -> None:
        """Free everything and close the window."""
        self._drop()
        self._overlay.release()
        self.context.release()
        self._glfw.destroy_window(self._handle)
        self._glfw.terminate()

    def __enter__(self) -> Kiosk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

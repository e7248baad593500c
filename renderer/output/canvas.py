"""What a preview draws with: one avatar on the GPU, a picture of the window's size, and what is laid over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.gl.outlines import NO_EDGES
from renderer.gl.overlay import Overlay
from renderer.gl.pictures import Decoding
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.output.panel import WIDTH, Row
from renderer.output.panel_picture import note_picture, panel_picture
from renderer.output.shot import Shot, draw_shot
from renderer.scene import Avatar

Picture = NDArray[np.uint8]

_LEAST_NOTE = 160.0  # screen units of width below which a note is not put beside the panel


class Canvas:
    """Everything of one avatar in one context: drawn, shown in the window, then laid over.

    Args:
        size: of the picture, in pixels.
        samples: samples a pixel, 0 for none.
        pictures: those of the avatar that are decoded already.
    """

    def __init__(
        self,
        context: GraphicsContext,
        avatar: Avatar,
        *,
        size: tuple[int, int],
        samples: int,
        pictures: Decoding | None = None,
    ) -> None:
        self._context, self._avatar, self._samples = context, avatar, samples
        with np.errstate(all="ignore"):
            self._stage = Stage(context, avatar, pictures=pictures)
        self._target = self._made(size)
        self._overlay = Overlay(context)
        self._window, self._shown = context.gl.detect_framebuffer(0), size
        self._pictured: dict[str, tuple[object, Picture]] = {}

    def _made(self, size: tuple[int, int]) -> Target:
        pixels = (max(size[0], 1), max(size[1], 1))
        # A drawn outline has edges of its own, which only samples smooth.
        outlines = self._context.software and self._samples > 1 and not self._avatar.outlined
        return Target(self._context, size=pixels, samples=self._samples, outlines=outlines)

    def draw(self, shot: Shot, *, size: tuple[int, int]) -> None:
        """Draw the avatar and what is behind it, into a picture of a size in pixels."""
        if self._target.size != size:
            self._target.release()
            self._target = self._made(size)
        stage, target, aspect = self._stage, self._target, size[0] / size[1]
        with np.errstate(all="ignore"):
            draw_shot(shot, avatar=self._avatar, stage=stage, target=target, aspect=aspect, flipped=False)
            edges = stage.outlines(view=shot.view, aspect=aspect, flipped=False) if target.outlines else NO_EDGES
        target.finish(lambda picture: stage.smooth(picture, edges, size=size))

    def picture(self) -> Picture:
        """What was drawn, ``(h, w, 4) uint8``, top row first, without what is laid over it in the window."""
        width, height = self._target.size
        rows = np.empty((height, width, 4), np.uint8)
        self._target.read(rows)
        return np.ascontiguousarray(rows[::-1])

    def show(self, *, size: tuple[int, int]) -> None:
        """Copy the picture to the window, which may have another size in pixels; what is laid over it follows."""
        self._target.present(0, size=size)
        self._shown = size

    def lay_controls(self, rows: Sequence[Row], *, tab: str, scroll: float, scale: float) -> None:
        """The panel at the window's right; ``scale``: its pixels a screen unit."""
        width, height = self._shown
        picture = self._kept(
            "controls",
            (tab, tuple(rows), scroll, height, scale),
            lambda: panel_picture(rows, tab=tab, scroll=scroll, height=height, scale=scale),
        )
        self._lay("controls", picture, at=(max(0, width - picture.shape[1]), 0))

    def lay_note(self, text: str, *, scale: float, beside: bool) -> None:
        """A line of text at the window's bottom; ``beside`` the controls where these leave it room."""
        width, height = self._shown
        if beside and (left := width - round(WIDTH * scale)) > _LEAST_NOTE * scale:
            width = left
        picture = self._kept("note", (text, width, scale), lambda: note_picture(text, width=width, scale=scale))
        self._lay("note", picture, at=(0, height - picture.shape[0]))

    def _lay(self, name: str, picture: Picture, *, at: tuple[int, int]) -> None:
        self._window.viewport = (0, 0, *self._shown)
        self._window.use()
        self._overlay.draw(name, picture, at=at, size=self._shown)

    def _kept(self, name: str, key: object, make: Callable[[], Picture]) -> Picture:
        """A picture that is made anew only when what it shows has changed."""
        known = self._pictured.get(name)
        if known is None or known[0] != key:
            known = self._pictured[name] = key, make()
        return known[1]

    def check(self) -> None:
        """Raises GraphicsError when the driver refused something."""
        self._context.check()

    def release(self) -> None:
        """Free everything."""
        for part in (self._overlay, self._stage, self._target):
            part.release()

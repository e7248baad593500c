"""Pictures without a screen."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from renderer.animation.pose import Pose
from renderer.gl.context import GraphicsContext, headless
from renderer.gl.outlines import NO_EDGES
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.output.ahead import LARGEST_TEXTURE, Ahead
from renderer.output.shot import Shot, draw_shot
from renderer.scene import Avatar, Background, Lighting, Look, View

Picture = NDArray[np.uint8]
_UNDER_WAY = 3
"""Pictures at a time: one being drawn, one being finished, one being read."""

Edges = Literal["samples", "outlines"]


@dataclass(slots=True, kw_only=True, frozen=True)
class _Taken:
    """A picture under way: where it is drawn, its outlines where they are smoothed, and whether it has no alpha."""

    target: Target
    edges: NDArray[np.float32]
    solid: bool


class Offscreen:
    """Draws one avatar into pictures of one size.

    Args:
        size: width and height in pixels.
        samples: samples a pixel for smooth edges, 0 or 4; fewer where the driver has fewer.
        edges: how more than one sample is had: by taking them, or by one sample and the outlines' places in their
            pixels; without it the first on a GPU, and the second, which costs far less there, on a CPU, unless
            materials draw outlines.
        context: an existing context to draw in, which then outlives this object; a headless one is made without it.
        largest_texture: pictures of materials with a longer side are shrunk to it.
        ahead: has begun with the context and the pictures.

    Raises:
        GraphicsError: there is no OpenGL, or the size is beyond the driver.
    """

    def __init__(
        self,
        avatar: Avatar,
        *,
        size: tuple[int, int],
        samples: int = 4,
        edges: Edges | None = None,
        context: GraphicsContext | None = None,
        largest_texture: int = LARGEST_TEXTURE,
        ahead: Ahead | None = None,
    ) -> None:
        self._avatar = avatar
        self._owned = context is None
        self.context = context or (ahead.context() if ahead is not None else headless())
        self.context.make_current()
        self.size = size
        self._samples = samples
        # A drawn outline has edges of its own, which only samples smooth.
        self._edges = edges or ("outlines" if self.context.software and not avatar.outlined else "samples")
        self._targets = [self._target()]
        pictures = ahead.pictures if ahead is not None else None
        with np.errstate(all="ignore"):
            self._stage = Stage(self.context, avatar, largest_texture=largest_texture, pictures=pictures)

    def __enter__(self) -> Offscreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free what was taken on the GPU, and the context if it is ours."""
        self.context.make_current()
        self._stage.release()
        for target in self._targets:
            target.release()
        if self._owned:
            self.context.release()

    def frame(
        self,
        pose: Pose,
        *,
        view: View,
        lighting: Lighting | None = None,
        background: Background | None = None,
        look: Look | None = None,
        time: float = 0.0,
    ) -> Picture:
        """One picture ``(h, w, 4) uint8``: top row first, sRGB, straight alpha.

        Raises:
            GraphicsError: the driver refused something.
        """
        return self.take(
            Shot(
                pose=pose,
                view=view,
                lighting=lighting or Lighting(),
                background=background or Background(),
                look=look or Look(),
                time=time,
            )
        )

    def take(self, shot: Shot) -> Picture:
        """The picture of one shot, as ``frame``."""
        taken = self._draw(self._targets[0], shot)
        self._finish(taken)
        picture = np.empty((self.size[1], self.size[0], 4), np.uint8)
        taken.target.read(picture)
        self.context.check()
        if not taken.solid:
            _make_straight(picture)
        return picture

    def frames(self, shots: Iterable[Shot]) -> Iterator[Picture]:
        """Pictures of the shots, in order; while one is being taken the next two are already drawn.

        A picture is the caller's until the one after the next is asked for: then its memory is used again.

        Raises:
            GraphicsError: the driver refused something.
        """
        while len(self._targets) < _UNDER_WAY:
            self._targets.append(self._target())
        pictures = itertools.cycle([np.empty((self.size[1], self.size[0], 4), np.uint8) for _ in range(2)])
        targets = itertools.cycle(self._targets)
        drawn: _Taken | None = None
        finished: _Taken | None = None
        for shot in itertools.chain(shots, (None, None)):
            # Drawn, finished, read: each step of a picture waits only for that picture's step before, so that a driver
            # that draws on the CPU is never without work.
            taken = None if shot is None else self._draw(next(targets), shot)
            if drawn is not None:
                self._finish(drawn)
                drawn.target.start_read()
            if finished is not None:
                yield self._read(finished, next(pictures))
            drawn, finished = taken, drawn
        self.context.check()

    def _target(self) -> Target:
        outlines = self._edges == "outlines" and self._samples > 1
        return Target(self.context, size=self.size, samples=self._samples, outlines=outlines)

    def _draw(self, target: Target, shot: Shot) -> _Taken:
        # A file may place things so far away that sums overflow; then that is how its picture looks.
        with np.errstate(all="ignore"):
            return self._drawn(target, shot)

    def _drawn(self, target: Target, shot: Shot) -> _Taken:
        self.context.make_current()
        stage, aspect = self._stage, self.size[0] / self.size[1]
        draw_shot(shot, avatar=self._avatar, stage=stage, target=target, aspect=aspect, flipped=True)
        target.end()
        edges = stage.outlines(view=shot.view, aspect=aspect, flipped=True) if target.outlines else NO_EDGES
        return _Taken(target=target, edges=edges, solid=stage.solid(shot.background))

    def _finish(self, taken: _Taken) -> None:
        self.context.make_current()
        taken.target.finish(lambda picture: self._stage.smooth(picture, taken.edges, size=self.size))

    def _read(self, taken: _Taken, picture: Picture) -> Picture:
        self.context.make_current()
        taken.target.finish_read(picture)
        if not taken.solid:
            _make_straight(picture)
        return picture


def _make_straight(picture: Picture) -> None:
    """Divide colour by alpha, in place, where a pixel is neither clear nor solid."""
    alpha = picture[..., 3]
    rows, columns = np.nonzero((alpha - np.uint8(1)) < np.uint8(254))
    pixels = picture[rows, columns].astype(np.uint16)
    share = np.maximum(pixels[:, 3:], 1)
    pixels[:, :3] = np.minimum((pixels[:, :3] * np.uint16(255) + share // 2) // share, 255)
    picture[rows, columns] = pixels.astype(np.uint8)

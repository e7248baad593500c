"""Pictures without a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from renderer.animation.pose import Pose
from renderer.gl.context import GraphicsContext, headless
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.scene import Avatar, Background, Lighting, Look, View

Picture = NDArray[np.uint8]


@dataclass(slots=True, kw_only=True, frozen=True)
class Shot:
    """One picture to take."""

    pose: Pose
    view: View
    lighting: Lighting = field(default_factory=Lighting)
    background: Background = field(default_factory=Background)
    look: Look = field(default_factory=Look)


class Offscreen:
    """Draws one avatar into pictures of one size.

    Args:
        size: width and height in pixels.
        samples: samples a pixel for smooth edges, 0 or 4; fewer where the driver has fewer.
        context: an existing context to draw in, which then outlives this object; a headless one is made without it.
        largest_texture: pictures of materials with a longer side are shrunk to it.

    Raises:
        GraphicsError: there is no OpenGL, or the size is beyond the driver.
    """

    def __init__(
        self,
        avatar: Avatar,
        *,
        size: tuple[int, int],
        samples: int = 4,
        context: GraphicsContext | None = None,
        largest_texture: int = 2048,
    ) -> None:
        self._avatar = avatar
        self._owned = context is None
        self.context = context or headless()
        self.context.make_current()
        self._target = Target(self.context, size=size, samples=samples)
        self._stage = Stage(self.context, avatar, largest_texture=largest_texture)
        self._aspect = size[0] / size[1]
        self.size = size

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
        self._target.release()
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
    ) -> Picture:
        """One picture ``(h, w, 4) uint8``: top row first, sRGB, straight alpha.

        Raises:
            GraphicsError: the driver refused something.
        """
        shot = Shot(
            pose=pose,
            view=view,
            lighting=lighting or Lighting(),
            background=background or Background(),
            look=look or Look(),
        )
        self._draw(shot)
        picture = self._empty()
        self._target.read(picture)
        self.context.check()
        return _straight(picture, shot.background)

    def frames(self, shots: Iterable[Shot]) -> Iterator[Picture]:
        """Pictures of the shots, in order; while one is being taken the next is already drawn.

        Raises:
            GraphicsError: the driver refused something.
        """
        waiting: tuple[int, Shot] | None = None
        for shot in shots:
            self._draw(shot)
            begun = (self._target.start_read(), shot)
            if waiting is not None:
                yield self._finish(*waiting)
            waiting = begun
        if waiting is not None:
            yield self._finish(*waiting)
        self.context.check()

    def _draw(self, shot: Shot) -> None:
        self.context.make_current()
        self._stage.pose(world=shot.pose.world(self._avatar), weights=shot.pose.weights)
        self._target.begin(self._stage.clear_color(shot.background))
        self._stage.draw(
            view=shot.view,
            aspect=self._aspect,
            lighting=shot.lighting,
            look=shot.look,
            background=shot.background,
            flipped=True,
        )

    def _finish(self, turn: int, shot: Shot) -> Picture:
        picture = self._empty()
        self._target.finish_read(turn, picture)
        return _straight(picture, shot.background)

    def _empty(self) -> Picture:
        return np.empty((self.size[1], self.size[0], 4), np.uint8)


def _straight(picture: Picture, background: Background) -> Picture:
    """Divide colour by alpha, in place, where a pixel is neither clear nor solid."""
    if background.transparent or background.image is not None:
        words = picture.view(np.uint32)[..., 0]
        partial = np.flatnonzero((words - np.uint32(1)) < np.uint32(0xFEFFFFFF))
        flat = picture.reshape(-1, 4)
        pixels = flat[partial].astype(np.uint16)
        alpha = pixels[:, 3:]
        scaled = (pixels[:, :3] * np.uint32(255) + alpha // 2) // np.maximum(alpha, 1)
        flat[partial, :3] = np.minimum(scaled, 255)
    return picture

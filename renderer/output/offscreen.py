"""Pictures without a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from renderer.animation.pose import Pose
from renderer.gl.context import GraphicsContext, headless
from renderer.gl.footprint import Rect, whole
from renderer.gl.stage import Stage
from renderer.gl.target import Target
from renderer.output.ahead import LARGEST_TEXTURE, Ahead
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
        context: GraphicsContext | None = None,
        largest_texture: int = LARGEST_TEXTURE,
        ahead: Ahead | None = None,
    ) -> None:
        self._avatar = avatar
        self._owned = context is None
        self.context = context or (ahead.context() if ahead is not None else headless())
        self.context.make_current()
        self._target = Target(self.context, size=size, samples=samples)
        pictures = ahead.pictures if ahead is not None else None
        self._stage = Stage(self.context, avatar, largest_texture=largest_texture, pictures=pictures)
        self._behind: tuple[Background, Picture] | None = None
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
        rect = self._draw(shot)
        picture = self._backdrop(shot.background).copy()
        self._target.read(rect, picture)
        self.context.check()
        _make_straight(picture, rect, shot.background)
        return picture

    def frames(self, shots: Iterable[Shot]) -> Iterator[Picture]:
        """Pictures of the shots, in order; while one is being taken the next is already drawn.

        A picture is the caller's until the one after the next is asked for: then its memory is used again.

        Raises:
            GraphicsError: the driver refused something.
        """
        waiting: tuple[int, Rect, Background] | None = None
        pictures = [np.empty((self.size[1], self.size[0], 4), np.uint8) for _ in range(2)]
        for shot in shots:
            rect = self._draw(shot)
            begun = (self._target.start_read(rect), rect, shot.background)
            if waiting is not None:
                yield self._finish(pictures[waiting[0]], *waiting)
            waiting = begun
        if waiting is not None:
            yield self._finish(pictures[waiting[0]], *waiting)
        self.context.check()

    def _draw(self, shot: Shot) -> Rect:
        """Draw a shot, and say which part of the picture is not just background."""
        self.context.make_current()
        self._backdrop(shot.background)
        self._stage.pose(world=shot.pose.world(self._avatar), weights=shot.pose.weights)
        self._stage.cast_shadow(shot.lighting)
        rect = self._stage.rect(shot.view, size=self.size, flipped=True)
        self._target.begin(self._stage.clear_color(shot.background), rect)
        self._stage.draw(
            view=shot.view,
            aspect=self._aspect,
            lighting=shot.lighting,
            look=shot.look,
            background=shot.background,
            flipped=True,
        )
        return rect

    def _backdrop(self, background: Background) -> Picture:
        """The picture without the avatar, drawn once as long as the background stays the same."""
        if self._behind is None or self._behind[0] != background:
            everything = whole(self.size)
            picture = np.empty((self.size[1], self.size[0], 4), np.uint8)
            self._target.begin(self._stage.clear_color(background), everything)
            self._stage.draw_background(background, aspect=self._aspect, flipped=True)
            self._target.read(everything, picture)
            _make_straight(picture, everything, background)
            self._behind = (background, picture)
        return self._behind[1]

    def _finish(self, picture: Picture, turn: int, rect: Rect, background: Background) -> Picture:
        np.copyto(picture, self._backdrop(background))
        self._target.finish_read(turn, rect, picture)
        _make_straight(picture, rect, background)
        return picture


def _make_straight(picture: Picture, rect: Rect, background: Background) -> None:
    """Divide colour by alpha, in place, where a pixel is neither clear nor solid."""
    if not background.transparent and background.image is None:
        return
    part = picture[rect.top : rect.bottom, rect.left : rect.right]
    alpha = part[..., 3]
    rows, columns = np.nonzero((alpha - np.uint8(1)) < np.uint8(254))
    pixels = part[rows, columns].astype(np.uint16)
    share = np.maximum(pixels[:, 3:], 1)
    pixels[:, :3] = np.minimum((pixels[:, :3] * np.uint16(255) + share // 2) // share, 255)
    part[rows, columns] = pixels.astype(np.uint8)

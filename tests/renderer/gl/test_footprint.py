"""The part of a picture that an avatar can touch: never too small."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Perspective, View

pytestmark = pytest.mark.gl


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_drawn_outside(context: GraphicsContext, shapes: ModuleType, seed: int) -> None:
    """A ball on five joints that fly apart: what a picture without the limit shows is within the limit."""
    rng = np.random.default_rng(seed)
    ball = shapes.sphere(0.5)
    count = len(ball.positions)
    weights = rng.random((count, 4)) ** 3
    weights /= weights.sum(axis=1, keepdims=True)
    avatar = shapes.avatar(
        shapes.skinned(ball, rng.integers(0, 5, (count, 4)), weights),
        materials=(Material(unlit=True, double_sided=True),),
        skins=(shapes.skin(1, 5),),
        joints=5,
    )
    pose = shapes.rest(avatar)
    for joint in range(1, 6):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        pose.matrices[joint, :3, :3] = turn
        pose.matrices[joint, :3, 3] = rng.normal(size=3) * 0.4
    view = View(eye=(0.3, 0.2, 4.0), target=(0, 0, 0), projection=Perspective(yfov=0.9))
    with Offscreen(avatar, size=(96, 96), context=context) as offscreen:
        limited = offscreen.frame(pose, view=view)
        rect = offscreen._stage.rect(view, size=(96, 96), flipped=True)
    touched = limited[..., 3] > 0
    rows, columns = np.nonzero(touched)
    assert rect.top < rows.min()
    assert rows.max() < rect.bottom - 1
    assert rect.left < columns.min()
    assert columns.max() < rect.right - 1
    assert rect.width * rect.height < 96 * 96


def test_close_to_the_eye_the_limit_is_the_whole_picture(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = shapes.avatar(shapes.sphere(1.0), materials=(Material(unlit=True, double_sided=True),))
    view = View(eye=(0, 0, 0.2), target=(0, 0, -1), projection=Perspective(yfov=0.9))
    with Offscreen(avatar, size=(32, 32), context=context) as offscreen:
        picture = offscreen.frame(shapes.rest(avatar), view=view)
    assert picture[..., 3].min() == 255


def test_an_avatar_out_of_sight_leaves_the_background(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = shapes.avatar((shapes.sphere(0.5), (9.0, 0.0, 0.0)))
    with Offscreen(avatar, size=(32, 32), context=context) as offscreen:
        assert offscreen.frame(shapes.rest(avatar), view=shapes.FRONT).max() == 0


def test_nothing_to_draw_is_a_picture_all_the_same(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = shapes.avatar()
    with Offscreen(avatar, size=(8, 8), context=context) as offscreen:
        assert offscreen.frame(shapes.rest(avatar), view=shapes.FRONT).shape == (8, 8, 4)

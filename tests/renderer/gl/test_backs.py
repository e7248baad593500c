"""Leaving out back faces that nobody sees changes no picture."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from renderer.gl.backs import PIECE, Visibility, in_pieces
from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Perspective, Primitive, View

VIEW = View(eye=(0.4, 1.6, 2.6), target=(0, 0, 0), projection=Perspective(yfov=0.9))


def opened(ball: Primitive, *, above: float) -> Primitive:
    """A ball without its cap: one looks into it from above."""
    triangles = ball.indices.reshape(-1, 3)
    return replace(ball, indices=triangles[ball.positions[triangles][:, :, 1].max(axis=1) < above].reshape(-1))


@pytest.mark.gl
@pytest.mark.parametrize("above", [0.2, 0.7, 2.0])
def test_the_picture_is_the_same_as_with_every_back_face(
    context: GraphicsContext, shapes: ModuleType, monkeypatch: pytest.MonkeyPatch, above: float
) -> None:
    seen: list[int] = []
    answers = Visibility.answers
    monkeypatch.setattr(
        Visibility,
        "answers",
        lambda self: [seen.append(sum(n for _, n in ranges)) or ranges for ranges in answers(self)],
    )
    bowl = opened(shapes.sphere(1.0, rows=48), above=above)
    avatar = shapes.avatar(
        bowl, (shapes.sphere(0.3, rows=8), (0.5, 0.9, 0.6)), materials=(Material(double_sided=True),)
    )
    pictures = []
    for renderer in (context.renderer, "a card that leaves out hidden fragments by itself"):
        with Offscreen(avatar, size=(96, 96), context=replace(context, renderer=renderer)) as offscreen:
            pictures.append(offscreen.frame(shapes.rest(avatar), view=VIEW, lighting=shapes.LAMP))
    np.testing.assert_array_equal(*pictures)
    if context.software:
        whole = len(bowl.indices)
        assert len(seen) == 1
        assert (seen[0] == 0) if above == 2.0 else (0 < seen[0] < whole)


def test_pieces_keep_every_triangle_and_lie_close_together(shapes: ModuleType) -> None:
    ball = shapes.sphere(1.0, rows=48)
    together = in_pieces(ball)
    assert together is not None
    assert sorted(map(tuple, together.reshape(-1, 3))) == sorted(map(tuple, ball.indices.reshape(-1, 3)))
    first = ball.positions[together[: 3 * PIECE]]
    assert np.linalg.norm(first.max(axis=0) - first.min(axis=0)) < 1.2
    assert in_pieces(shapes.quad()) is None

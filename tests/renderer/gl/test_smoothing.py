"""Outlines smoothed by their place in the pixels: the share of a pixel is known, so its colour is."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.output.shot import Shot
from renderer.scene import Background, Lighting, Look, Material

pytestmark = pytest.mark.gl

DARK = Lighting(key=None, environment=None)
BLACK = Background(top_srgb=(0.0, 0.0, 0.0), bottom_srgb=(0.0, 0.0, 0.0))
WHITE = Material(unlit=True)


def drawn(context: GraphicsContext, avatar, pose, view, *, size: int = 32, background=BLACK, **how) -> np.ndarray:
    with Offscreen(avatar, size=(size, size), context=context, edges="outlines", **how) as offscreen:
        return offscreen.frame(pose, view=view, lighting=DARK, background=background, look=Look(tone="none"))


@pytest.mark.parametrize("share", [0.05, 0.25, 0.45, 0.75, 0.95])
def test_a_pixel_cut_by_an_edge_is_mixed_by_its_share(
    context: GraphicsContext, shapes: ModuleType, share: float
) -> None:
    half = (8 + share) / 16  # 32 pixels over -1..1: eight whole pixels and a part of one on each side
    avatar = shapes.avatar(shapes.quad(half), materials=(WHITE,))
    picture = drawn(context, avatar, shapes.rest(avatar), shapes.FRONT)
    middle = picture[16, :, 0].astype(int)
    assert middle[[24, 7]].tolist() == pytest.approx([255 * share] * 2, abs=1)
    assert middle[8:24].tolist() == [255] * 16
    assert not middle[:7].any()
    assert not middle[25:].any()
    assert picture[:, 16, 0].tolist() == middle.tolist()


def test_a_slanted_edge_is_a_ramp_as_exact_as_many_samples(context: GraphicsContext, shapes: ModuleType) -> None:
    pose_of = shapes.rest
    avatar = shapes.avatar(shapes.quad(0.7), materials=(WHITE,))
    pose = pose_of(avatar)
    turn = np.radians(17.0)
    pose.matrices[0, :2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    fine = drawn(context, avatar, pose, shapes.FRONT, size=512, samples=0)[..., :3].astype(float)
    exact = fine.reshape(32, 16, 32, 16, 3).mean(axis=(1, 3))
    errors = {}
    for name, how in {"none": {"samples": 0}, "outlines": {}}.items():
        errors[name] = np.sqrt(((drawn(context, avatar, pose, shapes.FRONT, **how)[..., :3] - exact) ** 2).mean())
    with Offscreen(avatar, size=(32, 32), context=context, edges="samples") as offscreen:
        four = offscreen.frame(pose, view=shapes.FRONT, lighting=DARK, background=BLACK, look=Look(tone="none"))
    errors["samples"] = np.sqrt(((four[..., :3] - exact) ** 2).mean())
    assert errors["outlines"] < errors["samples"] < errors["none"]
    assert errors["outlines"] < 0.2 * errors["none"]


def test_an_outline_before_another_surface_is_smoothed_and_one_behind_is_not(
    context: GraphicsContext, shapes: ModuleType
) -> None:
    grey = Material(unlit=True, base_color_factor=(0.2, 0.2, 0.2, 1.0))
    wall = shapes.quad(2.0, material=1)
    before = shapes.avatar((shapes.quad(8.4 / 16), (0.0, 0.0, 0.5)), wall, materials=(WHITE, grey))
    behind = shapes.avatar((shapes.quad(8.4 / 16), (0.0, 0.0, -0.5)), wall, materials=(WHITE, grey))
    row = drawn(context, before, shapes.rest(before), shapes.FRONT)[16, :, 0].astype(int)
    assert row[24] == pytest.approx(0.4 * row[16] + 0.6 * row[31], abs=1)
    assert len(set(drawn(context, behind, shapes.rest(behind), shapes.FRONT)[16, :, 0].tolist())) == 1


def test_a_transparent_picture_gets_the_share_as_alpha(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = shapes.avatar(shapes.quad(8.25 / 16), materials=(WHITE,))
    picture = drawn(context, avatar, shapes.rest(avatar), shapes.FRONT, background=Background())
    assert picture[16, 24].tolist() == [255, 255, 255, pytest.approx(64, abs=1)]


def test_moving_pictures_are_those_taken_one_by_one(context: GraphicsContext, shapes: ModuleType) -> None:
    """Two pictures are under way at a time: neither shows anything of the other, whatever is behind them."""
    avatar = shapes.avatar(shapes.sphere(0.4), materials=(WHITE,))
    image = shapes.picture(np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)).data
    backgrounds = [BLACK, Background(image=image), Background(), Background(top_srgb=(1, 0, 0), bottom_srgb=(0, 0, 1))]
    shots = []
    for index in range(7):
        pose = shapes.rest(avatar)
        pose.matrices[0, 0, 3] = 0.13 * index - 0.4
        background = backgrounds[index % len(backgrounds)]
        shots.append(Shot(pose=pose, view=shapes.FRONT, lighting=DARK, background=background, look=Look(tone="none")))
    for edges in ("outlines", "samples"):
        with Offscreen(avatar, size=(48, 64), context=context, edges=edges) as offscreen:
            moving = [picture.copy() for picture in offscreen.frames(shots)]
            still = [
                offscreen.frame(s.pose, view=s.view, lighting=s.lighting, background=s.background, look=s.look)
                for s in shots
            ]
        assert len(moving) == len(still) == 7
        for one, other in zip(moving, still, strict=True):
            np.testing.assert_array_equal(one, other)

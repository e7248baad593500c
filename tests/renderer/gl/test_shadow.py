"""The key light's shadow, where light and shade are known to the pixel."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.gl.shadow import light_projection, to_map
from renderer.output.offscreen import Offscreen
from renderer.scene import AlphaMode, Avatar, DirectionalLight, Lighting, Look, Material, Shadow, TextureRef

pytestmark = pytest.mark.gl

ABOVE = Shadow(strength=1.0, normal_bias=0.0, resolution=256)
WHITE = Material(metallic_factor=0.0, roughness_factor=1.0)


def lamp(shadow: Shadow | None, direction: tuple[float, float, float] = (0.6, 0.0, 0.8)) -> Lighting:
    return Lighting(key=DirectionalLight(direction=direction, intensity=2.0, shadow=shadow), environment=None)


def sheet_before_wall(shapes: ModuleType, sheet: Material) -> Avatar:
    """A small square half a metre before a wall; light falls from the right, so its shadow lies to the left."""
    near = shapes.quad(0.25, z=0.5, material=1)
    return shapes.avatar(shapes.quad(1.5, material=0), near, materials=(WHITE, sheet))


def row(context: GraphicsContext, shapes: ModuleType, avatar: Avatar, lighting: Lighting) -> np.ndarray:
    """Red of the middle row of 128 pixels over -1..1."""
    with Offscreen(avatar, size=(128, 128), context=context) as offscreen:
        drawn = offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=lighting, look=Look(tone="none"))
    return drawn[64, :, 0].astype(int)


def at(x: float) -> int:
    return round((x + 1.0) * 64)


def test_a_shadow_lies_where_the_light_puts_it(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = sheet_before_wall(shapes, Material(metallic_factor=0.0, roughness_factor=1.0, double_sided=True))
    lit, shaded = (row(context, shapes, avatar, lamp(shadow)) for shadow in (None, ABOVE))
    # Half a metre away towards (0.6, 0, 0.8) moves the edges by 0.5 * 0.6 / 0.8 = 0.375 to the left.
    dark = np.flatnonzero(shaded == 0)
    assert dark.min() - at(-0.625) in (0, 1, 2)  # two thirds of a texel of the map, 12 mm each
    assert at(-0.25) - dark.max() in (0, 1, 2)  # from here on the sheet itself covers its shadow
    beside = [at(-0.8), at(-0.7), at(0.3), at(0.5), at(0.9)]
    assert shaded[beside].tolist() == lit[beside].tolist()


def test_the_edge_is_a_ramp_three_texels_wide(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = sheet_before_wall(shapes, Material(metallic_factor=0.0, roughness_factor=1.0, double_sided=True))
    coarse = row(context, shapes, avatar, lamp(Shadow(strength=1.0, resolution=64)))
    ramp = coarse[at(-0.625) - 8 : at(-0.625) + 9]
    assert (np.diff(ramp) <= 0).all()
    assert len(set(ramp.tolist())) >= 6  # 47 mm a texel seen from the side: 59 mm on the wall, four pixels


def test_a_shadow_stronger_than_one_is_black_and_not_bright(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = sheet_before_wall(shapes, Material(metallic_factor=0.0, roughness_factor=1.0, double_sided=True))
    assert row(context, shapes, avatar, lamp(Shadow(strength=1.5)))[at(-0.45)] == 0


@pytest.mark.parametrize(
    ("material", "casts"),
    [
        (Material(), False),  # seen from the light, a single sheet shows no back face
        (Material(double_sided=True), True),
        (Material(casts_both_sides=True), True),
    ],
)
def test_one_sided_surfaces_cast_with_their_back_faces(
    context: GraphicsContext, shapes: ModuleType, material: Material, casts: bool
) -> None:
    avatar = sheet_before_wall(shapes, material)
    assert bool(row(context, shapes, avatar, lamp(ABOVE))[at(-0.45)] == 0) is casts


def test_a_cut_out_casts_what_is_left_of_it(context: GraphicsContext, shapes: ModuleType) -> None:
    pixels = np.full((2, 4, 4), 255, np.uint8)
    pixels[:, :2, 3] = 0  # the left half is cut away
    material = Material(
        alpha_mode=AlphaMode.MASK, base_color_texture=TextureRef(texture=0), double_sided=True, roughness_factor=1.0
    )
    near = shapes.quad(0.25, z=0.5, material=1)
    avatar = shapes.avatar(shapes.quad(1.5), near, materials=(WHITE, material), images=(shapes.picture(pixels),))
    shaded = row(context, shapes, avatar, lamp(ABOVE))
    assert shaded[at(-0.5)] > 0  # under the left half
    assert shaded[at(-0.3)] == 0  # under the right half


def test_beyond_the_map_everything_is_lit(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = sheet_before_wall(shapes, Material(double_sided=True))
    away = Shadow(strength=1.0, left=3.0, right=4.0, resolution=64)
    lit, shaded = (row(context, shapes, avatar, lamp(shadow)) for shadow in (None, away))
    assert shaded.tolist() == lit.tolist()


def test_the_map_is_drawn_again_when_something_moved(context: GraphicsContext, shapes: ModuleType) -> None:
    avatar = sheet_before_wall(shapes, Material(metallic_factor=0.0, roughness_factor=1.0, double_sided=True))
    here = shapes.rest(avatar)
    aside = shapes.rest(avatar)
    aside.matrices[1, 0, 3] = 5.0
    with Offscreen(avatar, size=(128, 128), context=context) as offscreen:
        dark = [
            int(offscreen.frame(pose, view=shapes.FRONT, lighting=lamp(ABOVE))[64, at(-0.45), 0])
            for pose in (here, aside, here)
        ]
    assert dark[0] == dark[2] == 0
    assert dark[1] > 0


def test_the_light_stands_at_its_distance_and_sees_the_origin_in_the_middle() -> None:
    light = DirectionalLight(direction=(0.0, 0.70710678, 0.70710678))
    shadow = Shadow(distance=7.0, near=1.0, far=13.0, top=2.0, bottom=-2.0)
    matrix = to_map(light_projection(light, shadow))
    np.testing.assert_allclose(matrix @ (0, 0, 0, 1), (0.5, 0.5, 0.5, 1), atol=1e-6)
    eye = np.array(light.direction) * (7.0 - 1.0)  # a metre before the eye: the near plane
    np.testing.assert_allclose(matrix @ (*eye, 1), (0.5, 0.5, 0.0, 1), atol=1e-6)
    np.testing.assert_allclose(matrix @ (1.5, 0, 0, 1), (1.0, 0.5, 0.5, 1), atol=1e-6)

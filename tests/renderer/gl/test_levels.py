"""One mipmap level for a whole surface: the right one, and none where one does not do."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.gl.levels import Nearness, density
from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Mode, Orthographic, Perspective, TextureRef, View

REFERENCE = TextureRef(texture=0)
AROUND = View(eye=(0.0, 0.0, 5.0), target=(0.0, 0.0, 0.0), projection=Perspective(yfov=math.pi / 2))


def test_density_of_a_square(shapes: ModuleType) -> None:
    """Two units a side hold the texture once: half a texture a unit."""
    assert density(shapes.quad(), REFERENCE) == pytest.approx(-1.0)
    assert density(shapes.quad(4.0), REFERENCE) == pytest.approx(-3.0)
    assert density(shapes.quad(), TextureRef(texture=0, scale=(-4.0, 1.0))) == pytest.approx(0.0)


def test_surfaces_without_one_density(shapes: ModuleType) -> None:
    assert density(shapes.quad(uvs=()), REFERENCE) is None
    assert density(shapes.quad(mode=Mode.LINES), REFERENCE) is None
    assert density(shapes.quad(uvs=(np.zeros((4, 2), np.float32),)), REFERENCE) is None
    assert density(shapes.quad(positions=np.zeros((4, 3), np.float32)), REFERENCE) is None
    uneven = np.array([[0, 0], [0, 1], [1, 1], [0.5, 0.0]], np.float32)
    assert density(shapes.quad(uvs=(uneven,)), REFERENCE) is not None
    uneven[3] = (0.02, 0.0)
    assert density(shapes.quad(uvs=(uneven,)), REFERENCE) is None


def test_pixels_of_a_unit_of_length() -> None:
    """A view a right angle wide is twice as tall as far: 10 units at the target, 100 pixels."""
    nearness = Nearness(AROUND, height=100)
    assert nearness.pixels(np.zeros(3, np.float32), 1.0) == pytest.approx(math.log2(10.0))
    assert nearness.pixels(np.array((3.0, 3.0, 2.5), np.float32), 0.1) == pytest.approx(math.log2(20.0))
    flat = Nearness(View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=4.0)), height=100)
    assert flat.pixels(np.full(3, 99.0, np.float32), 1e9) == pytest.approx(math.log2(25.0))


@pytest.mark.parametrize(
    ("depth", "radius"), [(5.0, 2.0), (5.0, 5.0), (1.0, 9.0), (-5.0, 1.0), (0.0, 0.0), (math.inf, 1.0), (math.nan, 1.0)]
)
def test_what_is_near_and_far_at_once_has_no_one_level(depth: float, radius: float) -> None:
    assert Nearness(AROUND, height=100).pixels(np.array((0.0, 0.0, 5.0 - depth), np.float32), radius) is None


@pytest.mark.gl
def test_a_fine_pattern_is_even_from_afar_and_itself_from_near(context: GraphicsContext, shapes: ModuleType) -> None:
    """Going there and back gives the same pictures, byte for byte: the level follows the view."""
    if not context.software:
        pytest.skip("a GPU reads mipmaps by itself")
    board = np.full((64, 64, 4), 255, np.uint8)
    board[(np.add.outer(np.arange(64), np.arange(64)) % 2) == 1, 2] = 0
    material = Material(metallic_roughness_texture=REFERENCE)
    avatar = shapes.avatar(shapes.quad(), materials=(material,), images=(shapes.picture(board),))
    heights = (0.25, 16.0, 0.25, 16.0)
    views = [View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=height)) for height in heights]
    with Offscreen(avatar, size=(256, 256), context=context, edges="outlines") as offscreen:
        near, far, near_again, far_again = (
            offscreen.frame(shapes.rest(avatar), view=view, lighting=shapes.LAMP) for view in views
        )
    assert np.ptp(near[..., 0]) > 25
    assert np.ptp(far[116:140, 116:140, 0]) <= 1
    assert near.tobytes() == near_again.tobytes()
    assert far.tobytes() == far_again.tobytes()

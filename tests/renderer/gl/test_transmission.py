"""Surfaces that light passes through: what is behind is seen, as it is, dimmed, and over nothing not at all."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.scene import Background, Environment, Lighting, Look, Material
from renderer.scene.material import Clearcoat, Specular, Transmission

pytestmark = pytest.mark.gl

DARK = Lighting(key=None, environment=None)
WHITE = (1.0, 1.0, 1.0)
FURNACE = Lighting(key=None, environment=Environment(sky=WHITE, horizon=WHITE, ground=WHITE))
CLEAR = {"metallic_factor": 0.0, "roughness_factor": 0.0}


def behind(
    context: GraphicsContext, shapes: ModuleType, glass: Material, *, color=(0.3, 0.5, 0.1), lighting=DARK, **more
) -> np.ndarray:
    """The glass as a small square before a larger one that glows in ``color``."""
    wall = Material(base_color_factor=(0, 0, 0, 1), specular=Specular(factor=0.0), emissive_factor=color, **CLEAR)
    parts = (shapes.quad(0.9, z=-0.5, material=0), shapes.quad(0.5, z=0.5, material=1))
    avatar = shapes.avatar(*parts, materials=(wall, glass))
    with Offscreen(avatar, size=(64, 64), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=lighting, **more)


@pytest.mark.parametrize("tone", ["aces", "neutral", "none"])
@pytest.mark.parametrize("color", [(0.3, 0.5, 0.1), (0.02, 0.01, 0.04), (0.7, 0.2, 0.6)])
def test_air_is_not_seen(context: GraphicsContext, shapes: ModuleType, color: tuple[float, ...], tone: str) -> None:
    air = Material(transmission=Transmission(factor=1.0), specular=Specular(ior=1.0, factor=0.0), **CLEAR)
    picture = behind(context, shapes, air, color=color, look=Look(tone=tone)).astype(int)  # type: ignore[arg-type]
    assert np.abs(picture[32, 32] - picture[32, 8]).max() <= 2


def test_a_furnace_with_a_white_wall_behind_returns_white(context: GraphicsContext, shapes: ModuleType) -> None:
    for coat in (None, Clearcoat(factor=1.0, roughness_factor=0.3)):
        glass = Material(transmission=Transmission(factor=0.7), clearcoat=coat, **CLEAR)
        picture = behind(context, shapes, glass, color=WHITE, lighting=FURNACE, look=Look(tone="none"))
        assert picture[32, 32, :3].min() >= 254


def test_a_body_dims_what_passes_by_its_length(context: GraphicsContext, shapes: ModuleType) -> None:
    glass = Transmission(factor=1.0, thickness=0.5, attenuation_distance=0.5, attenuation_color=(0.5, 0.25, 1.0))
    body = Material(transmission=glass, specular=Specular(ior=1.0, factor=0.0), **CLEAR)
    picture = behind(context, shapes, body, color=(0.4, 0.4, 0.4), look=Look(tone="none"))
    light = ((picture[32, 32, :3] / 255.0 + 0.055) / 1.055) ** 2.4
    assert light.tolist() == pytest.approx([0.2, 0.1, 0.4], abs=0.01)


def test_over_nothing_glass_is_nothing_but_its_reflection(context: GraphicsContext, shapes: ModuleType) -> None:
    glass = Material(transmission=Transmission(factor=1.0), **CLEAR)
    avatar = shapes.avatar(shapes.quad(0.5), materials=(glass,))
    with Offscreen(avatar, size=(64, 64), context=context) as offscreen:
        picture = offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=DARK, background=Background())
    assert picture[32, 32, 3] == pytest.approx(0.04 * 255, abs=3)


def test_metal_lets_nothing_through(context: GraphicsContext, shapes: ModuleType) -> None:
    metal = Material(metallic_factor=1.0, roughness_factor=0.0, transmission=Transmission(factor=1.0))
    assert behind(context, shapes, metal)[32, 32].tolist() == [0, 0, 0, 255]

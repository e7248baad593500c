"""What an avatar hides from itself: nothing of an open surface, half of a corner, nearly all under a lid."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.gl.openness import frames
from renderer.gl.prefilter import radiance_towards
from renderer.output.offscreen import Offscreen
from renderer.scene import Environment, Lighting, Look, Material, Panorama, Primitive

WHITE = (1.0, 1.0, 1.0)
EVEN = Environment(sky=WHITE, horizon=WHITE, ground=WHITE)
PLAIN = Look(tone="none")
DARK_PAINT = Material(base_color_factor=(0.2, 0.2, 0.2, 1.0), metallic_factor=0.0, roughness_factor=1.0)


def drawn(
    context: GraphicsContext, shapes: ModuleType, *parts: Primitive, material: Material, occlusion: bool = True
) -> np.ndarray:
    avatar = shapes.avatar(*parts, materials=(material,))
    lighting = Lighting(key=None, environment=EVEN, occlusion=occlusion)
    with Offscreen(avatar, size=(48, 48), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=lighting, look=PLAIN)


def light(picture: np.ndarray) -> np.ndarray:
    """Linear light of the red channel."""
    value = picture[..., 0] / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def wall(x: float, *, height: float) -> Primitive:
    """A square that stands on z = 0 and faces -X."""
    corners = [[x, 1, 0], [x, 1, height], [x, -1, height], [x, -1, 0]]
    return Primitive(
        positions=np.array(corners, np.float32),
        normals=np.tile(np.array([-1, 0, 0], np.float32), (4, 1)),
        indices=np.array([0, 1, 2, 0, 2, 3], np.uint32),
        material=0,
    )


@pytest.mark.gl
@pytest.mark.parametrize("metallic", [0.0, 1.0])
def test_a_furnace_stays_white_on_a_ball(context: GraphicsContext, shapes: ModuleType, metallic: float) -> None:
    material = Material(metallic_factor=metallic, roughness_factor=0.7)
    picture = drawn(context, shapes, shapes.sphere(0.9, rows=64), material=material)
    inside = picture[picture[..., 3] == 255]
    assert inside.min() >= 254


@pytest.mark.gl
def test_an_open_surface_is_as_bright_as_without(context: GraphicsContext, shapes: ModuleType) -> None:
    pictures = [
        drawn(context, shapes, shapes.quad(), material=DARK_PAINT, occlusion=hidden).astype(int)
        for hidden in (True, False)
    ]
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


@pytest.mark.gl
def test_a_corner_sees_half_and_more_with_distance(context: GraphicsContext, shapes: ModuleType) -> None:
    open_light = light(drawn(context, shapes, shapes.quad(), material=DARK_PAINT))[24, 24]
    row = light(drawn(context, shapes, shapes.quad(), wall(1.0, height=2.0), material=DARK_PAINT))[24] / open_light
    # At a wall without end half of what a floor sees is hidden; of that a fifth of a half comes back.
    assert row[46] == pytest.approx(0.55, abs=0.06)
    assert row[2] > 0.85
    assert (np.diff(row[4:46]) < 0.03).all()


@pytest.mark.gl
def test_under_a_lid_it_is_dark(context: GraphicsContext, shapes: ModuleType) -> None:
    open_light = light(drawn(context, shapes, shapes.quad(), material=DARK_PAINT))[24, 24]
    sides = [wall(0.5, height=1.0), wall(-0.5, height=1.0)]
    between = light(drawn(context, shapes, shapes.quad(), *sides, material=DARK_PAINT))[24, 24]
    assert between < 0.75 * open_light


def test_directions_are_frames_spread_evenly() -> None:
    across, up, towards = frames(256)
    assert np.abs(np.cross(across, up) - towards).max() < 1e-5
    assert np.abs(towards.mean(axis=0)).max() < 0.01
    nearest = np.sort(towards @ towards.T, axis=1)[:, -2]
    assert np.degrees(np.arccos(nearest)).min() > 8.0


def test_no_light_is_lost_among_the_directions() -> None:
    _, _, towards = frames(256)
    rows = (np.arange(32) + 0.5) / 32 * np.pi
    pixels = np.ones((32, 64, 3), np.float32)
    pixels[4:8, 10:20] = 40.0
    whole = (pixels[..., 0] * np.sin(rows)[:, None]).sum() / (np.sin(rows).sum() * 64)
    found = radiance_towards(Panorama(pixels=pixels, intensity=0.5), towards)
    assert found.mean(axis=0) == pytest.approx(np.full(3, 0.5 * whole), rel=0.06)


def test_light_comes_from_where_the_panorama_has_it() -> None:
    _, _, towards = frames(256)
    pixels = np.zeros((32, 64, 3), np.float32)
    pixels[14:18, 30:34] = 9.0  # the middle is +X
    quarter = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)  # +Z of the world is the map's +X
    plain = radiance_towards(Panorama(pixels=pixels), towards)
    turned = radiance_towards(Panorama(pixels=pixels, rotation=quarter), towards)
    assert towards[plain[:, 0].argmax()] @ (1, 0, 0) > 0.95
    assert towards[turned[:, 0].argmax()] @ (0, 0, 1) > 0.95


def test_a_gradient_is_looked_up_as_it_is() -> None:
    sky = Environment(sky=(1.0, 0.0, 0.0), horizon=(0.0, 1.0, 0.0), ground=(0.0, 0.0, 1.0), intensity=2.0)
    found = radiance_towards(sky, np.array([[0, 1, 0], [1, 0, 0], [0, -1, 0]], np.float32))
    assert np.array_equal(found, 2.0 * np.eye(3))

"""A file's own lights: each held to the key light, whose value is known, or to darkness."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.scene import Avatar, DirectionalLight, Lighting, Look, Material, PunctualLight
from renderer.scene.light import MOST_LAMPS

pytestmark = pytest.mark.gl

DARK = Lighting(key=None, environment=None)
PLAIN = Look(tone="none")
LAMP_NODE = 1


def lit_by(shapes: ModuleType, *lights: PunctualLight) -> Avatar:
    """A rough white square, and a bare node for each light."""
    made = shapes.avatar(
        shapes.quad(), materials=(Material(metallic_factor=0.0, roughness_factor=0.8),), joints=len(lights)
    )
    made.lights = lights
    for index in range(len(lights)):
        made.nodes[LAMP_NODE + index].light = index
    return made


def drawn(
    context: GraphicsContext, shapes: ModuleType, avatar: Avatar, *, at=(0.0, 0.0, 2.0), lighting: Lighting = DARK
) -> np.ndarray:
    """With every lamp at ``at``, shining along -Z."""
    pose = shapes.rest(avatar)
    pose.matrices[LAMP_NODE:, :3, 3] = at
    with Offscreen(avatar, size=(32, 32), context=context) as offscreen:
        return offscreen.frame(pose, view=shapes.FRONT, lighting=lighting, look=PLAIN)


def middle(picture: np.ndarray) -> list[int]:
    return picture[16, 16, :3].tolist()


def by_key(context: GraphicsContext, shapes: ModuleType, intensity: float) -> np.ndarray:
    key = DirectionalLight(direction=(0.0, 0.0, 1.0), intensity=intensity)
    return drawn(context, shapes, lit_by(shapes), lighting=Lighting(key=key, environment=None))


def test_a_directional_light_is_a_key_light(context: GraphicsContext, shapes: ModuleType) -> None:
    lamp = lit_by(shapes, PunctualLight(kind="directional", intensity=1.5))
    assert np.array_equal(drawn(context, shapes, lamp), by_key(context, shapes, 1.5))


@pytest.mark.parametrize("kind", ["point", "spot"])
@pytest.mark.parametrize("distance", [1.0, 3.0])
def test_light_falls_off_with_the_square_of_the_distance(
    context: GraphicsContext, shapes: ModuleType, distance: float, kind: str
) -> None:
    lamp = lit_by(shapes, PunctualLight(kind=kind, intensity=1.5 * distance**2))
    picture = drawn(context, shapes, lamp, at=(0.0, 0.0, distance))
    assert middle(picture) == pytest.approx(middle(by_key(context, shapes, 1.5)), abs=1)
    assert picture[16, 1, 0] < picture[16, 16, 0]


def test_nothing_is_lit_beyond_the_range(context: GraphicsContext, shapes: ModuleType) -> None:
    short, long = (lit_by(shapes, PunctualLight(kind="point", intensity=9.0, range=reach)) for reach in (1.9, 100.0))
    assert drawn(context, shapes, short)[..., :3].max() == 0
    assert middle(drawn(context, shapes, long)) == pytest.approx(middle(by_key(context, shapes, 9.0 / 4)), abs=1)


def test_a_spot_lights_its_cone_only(context: GraphicsContext, shapes: ModuleType) -> None:
    lamp = lit_by(shapes, PunctualLight(kind="spot", intensity=4.0, inner_cone=0.1, outer_cone=0.3))
    row = drawn(context, shapes, lamp)[16, :, 0].astype(int)
    edge = 2.0 * np.tan(0.3)  # from two metres away
    outside = np.abs((np.arange(32) + 0.5) / 16 - 1.0) > edge + 0.05
    assert row[outside].max() == 0
    assert row[16] > 150
    assert (np.diff(row[16:]) <= 0).all()


def test_lights_follow_their_nodes(context: GraphicsContext, shapes: ModuleType) -> None:
    lamp = lit_by(shapes, PunctualLight(kind="point", intensity=0.5))
    left = drawn(context, shapes, lamp, at=(-0.8, 0.0, 0.5))[16, :, 0]
    right = drawn(context, shapes, lamp, at=(0.8, 0.0, 0.5))[16, :, 0]
    assert int(left.argmax()) < 8
    assert int(right.argmax()) > 23


def test_a_picture_can_do_without_them(context: GraphicsContext, shapes: ModuleType) -> None:
    lamp = lit_by(shapes, PunctualLight(kind="point", intensity=9.0))
    unlit = Lighting(key=None, environment=None, lamps=False)
    assert drawn(context, shapes, lamp, lighting=unlit)[..., :3].max() == 0
    assert lamp.lit


def test_of_too_many_the_first_shine(context: GraphicsContext, shapes: ModuleType) -> None:
    dim = [PunctualLight(kind="directional", intensity=0.1)] * MOST_LAMPS
    lamp = lit_by(shapes, *dim, PunctualLight(kind="directional", intensity=50.0))
    lit = middle(drawn(context, shapes, lamp))
    assert lit == pytest.approx(middle(by_key(context, shapes, 0.1 * MOST_LAMPS)), abs=1)

"""The colour table at a picture's end, held to what the platform's own renderer was measured to make of one."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Look, Material

pytestmark = pytest.mark.gl

DARK = Lighting(key=None, environment=None)


def table() -> np.ndarray:
    red, green, blue = np.meshgrid(np.arange(16), np.arange(16), np.arange(16), indexing="ij")
    graded = np.stack(
        (
            255 * (red / 15) ** 1.3,
            255 * (0.2 + 0.8 * green / 15) * (1 - 0.3 * blue / 15),
            np.minimum(255, 255 * 0.9 * (1 - blue / 15) + 10 * red / 15),
        ),
        axis=-1,
    )
    pixels = np.zeros((16, 256, 3), np.uint8)
    pixels[green, red + 16 * blue] = np.round(graded).astype(np.uint8)
    return pixels


def shown(context: GraphicsContext, shapes: ModuleType, color: tuple[int, int, int], **material: object) -> list[int]:
    """What an unlit square of a display-coded colour becomes."""
    coded = np.array(color) / 255.0
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    flat = Material(base_color_factor=(*linear.tolist(), 1.0), unlit=True, **material)  # type: ignore[arg-type]
    avatar = shapes.avatar(shapes.quad(2.0), materials=(flat,))
    with Offscreen(avatar, size=(8, 8), context=context) as offscreen:
        picture = offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=DARK, look=Look(lut=table()))
    return picture[4, 4, :3].tolist()


@pytest.mark.parametrize(
    ("color", "expected"),
    [((204, 38, 11), (181, 74, 227)), ((160, 197, 129), (129, 172, 119)), ((35, 54, 230), (14, 64, 24))],
)
def test_measured_colours(
    context: GraphicsContext, shapes: ModuleType, color: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    drawn = shown(context, shapes, color)
    assert max(abs(a - b) for a, b in zip(drawn, expected, strict=True)) <= 1


def test_what_is_not_graded_stays(context: GraphicsContext, shapes: ModuleType) -> None:
    assert shown(context, shapes, (160, 197, 129), graded=False) == [160, 197, 129]

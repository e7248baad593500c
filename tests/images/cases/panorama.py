"""Balls from smooth to rough, metal above and white plastic below, in a room with a window and a red wall."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, Panorama, View


def room():
    """A dim room: a bright window behind the viewer's left shoulder, a red wall to the right, a dark floor."""
    pixels = np.full((32, 64, 3), 0.25, np.float32)
    pixels[20:] = 0.05
    pixels[8:20, 24:40] = (0.9, 0.06, 0.04)  # around +X
    pixels[6:14, 50:56] = 12.0  # around +Z, towards -X
    return Panorama(pixels=pixels)


def draw(context, shapes):
    rough = (0.0, 0.25, 0.5, 1.0)
    materials = tuple(
        Material(base_color_factor=(0.9, 0.9, 0.9, 1.0), metallic_factor=metal, roughness_factor=value)
        for metal in (1.0, 0.0)
        for value in rough
    )
    balls = [(shapes.sphere(0.45, material=i), (i % 4 - 1.5, 0.5 - i // 4, 0.0)) for i in range(8)]
    avatar = shapes.avatar(*balls, materials=materials)
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    lighting = Lighting(key=None, environment=room())
    with Offscreen(avatar, size=(192, 96), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=lighting)

"""One letter under an offset, a quarter turn (seen clockwise), a scale, and all three together (reading order)."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Orthographic, TextureRef, View


def draw(context, shapes):
    pixels = np.zeros((8, 8, 3), np.uint8) + np.array([40, 40, 60], np.uint8)
    for row, line in enumerate(("........", ".####...", ".#......", ".###....", ".#......", ".#......", ".#....#.")):
        for column, mark in enumerate(line):
            if mark == "#":
                pixels[row, column] = (250, 200, 40)
    pixels[0] = (200, 40, 40)
    changes = (
        {"offset": (0.25, 0.125)},
        {"rotation": np.pi / 2},
        {"scale": (2.0, 0.5)},
        {"offset": (0.5, 0.0), "rotation": np.pi / 4, "scale": (1.5, 1.5)},
    )
    materials = tuple(Material(unlit=True, base_color_texture=TextureRef(texture=0, **change)) for change in changes)
    parts = [(shapes.quad(0.46, material=i), (i % 2 - 0.5, 0.5 - i // 2, 0.0)) for i in range(4)]
    avatar = shapes.avatar(*parts, materials=materials, images=(shapes.picture(pixels),))
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view)

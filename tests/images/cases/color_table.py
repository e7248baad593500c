"""Balls, plain and through a table that raises red and green and halves blue: what is behind stays as it is."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Background, Look, Material, Orthographic, View


def table():
    """16 slices of 16 x 16, red and green raised, blue halved."""
    red, green, blue = np.meshgrid(np.arange(16), np.arange(16), np.arange(16), indexing="ij")
    graded = np.stack((255 * (red / 15) ** 0.7, 60 + 195 * green / 15, 128 * blue / 15), axis=-1)
    pixels = np.zeros((16, 256, 3), np.uint8)
    pixels[green, red + 16 * blue] = np.round(graded).astype(np.uint8)
    return pixels


def draw(context, shapes):
    colors = ((0.8, 0.1, 0.1), (0.1, 0.7, 0.2), (0.1, 0.2, 0.8), (0.6, 0.6, 0.6))
    materials = tuple(Material(base_color_factor=(*color, 1.0), metallic_factor=0.0) for color in colors)
    balls = [(shapes.sphere(0.42, material=i), (i % 2 - 0.5, 0.5 - i // 2, 0.0)) for i in range(4)]
    avatar = shapes.avatar(*balls, materials=materials)
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    behind = Background(top_srgb=(0.3, 0.5, 0.7), bottom_srgb=(0.2, 0.2, 0.3))
    pictures = []
    with Offscreen(avatar, size=(96, 96), context=context, edges="samples") as offscreen:
        for look in (Look(), Look(lut=table())):
            pictures.append(
                offscreen.frame(
                    shapes.rest(avatar), view=view, lighting=shapes.LAMP, background=behind, look=look
                ).copy()
            )
    return np.hstack(pictures)

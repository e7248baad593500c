"""The seven primitive modes: points, lines, a loop, a strip of lines, triangles, a strip and a fan."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Background, Material, Orthographic, View


def draw(context, shapes):
    around = np.linspace(0, 2 * np.pi, 7)[:-1]
    ring = np.stack((np.cos(around), np.sin(around), np.zeros(6)), axis=1).astype(np.float32) * 0.4
    zigzag = np.array([[-0.4, -0.3, 0], [-0.2, 0.3, 0], [0, -0.3, 0], [0.2, 0.3, 0], [0.4, -0.3, 0]], np.float32)
    from renderer.scene import Primitive

    parts = []
    for index, mode in enumerate(shapes.Mode):
        points = zigzag[[1, 0, 3, 2, 4]] if mode is shapes.Mode.TRIANGLE_STRIP else ring
        if mode is shapes.Mode.TRIANGLE_STRIP:
            points = zigzag
        parts.append((Primitive(positions=points, mode=mode, material=0), (index % 4 - 1.5, 0.5 - index // 4, 0.0)))
    avatar = shapes.avatar(
        *parts, materials=(Material(unlit=True, base_color_factor=(0.9, 0.5, 0.1, 1), double_sided=True),)
    )
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    dark = Background(top_srgb=(0.1, 0.1, 0.1), bottom_srgb=(0.1, 0.1, 0.1))
    with Offscreen(avatar, size=(192, 96), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, background=dark)

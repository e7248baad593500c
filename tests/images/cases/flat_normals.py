"""A primitive without normals is lit by its triangles' own; vertex colours blend across it."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Perspective, View


def draw(context, shapes):
    ball = shapes.sphere(0.9, rows=9)
    ball.colors = np.concatenate((ball.normals * 0.5 + 0.5, np.ones((len(ball.positions), 1))), axis=1).astype("f4")
    ball.normals = None
    avatar = shapes.avatar(ball, materials=(Material(metallic_factor=0.0, roughness_factor=0.9),))
    view = View(eye=(0.5, 1.0, 4.0), target=(0, 0, 0), projection=Perspective(yfov=0.5))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=shapes.LAMP)

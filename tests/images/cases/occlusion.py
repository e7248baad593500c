"""Two balls and a lid on a floor, with what they hide from each other and without it, side by side."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Perspective, View


def draw(context, shapes):
    floor = shapes.quad(1.6, z=-0.5)
    balls = [(shapes.sphere(0.4, material=1), (x, 0.0, -0.1)) for x in (-0.42, 0.42)]
    materials = (
        Material(base_color_factor=(0.8, 0.8, 0.8, 1.0), metallic_factor=0.0, roughness_factor=0.9),
        Material(base_color_factor=(0.8, 0.3, 0.2, 1.0), metallic_factor=0.0, roughness_factor=0.4),
    )
    lid = (shapes.quad(0.3, material=0), (0.0, 1.0, -0.3))
    avatar = shapes.avatar(floor, lid, *balls, materials=materials)
    view = View(eye=(0, -2.0, 3.5), target=(0, 0.1, -0.2), projection=Perspective(yfov=0.6))
    pictures = []
    with Offscreen(avatar, size=(120, 120), context=context, edges="samples") as offscreen:
        for occlusion in (True, False):
            lighting = Lighting(key=None, occlusion=occlusion)
            pictures.append(offscreen.frame(shapes.rest(avatar), view=view, lighting=lighting).copy())
    return np.hstack(pictures)

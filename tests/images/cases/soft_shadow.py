"""A ball and a slanted sheet cast soft shadows on a floor: whole on the left, of half the strength on the right."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import DirectionalLight, Environment, Lighting, Material, Perspective, Shadow, View


def draw(context, shapes):
    sheet = shapes.quad(0.35, material=1)
    sheet.positions[:] = sheet.positions @ np.array(((1, 0, 0), (0, 0.5, 0.87), (0, -0.87, 0.5)), np.float32)
    sheet.normals[:] = (0.0, -0.87, 0.5)
    avatar = shapes.avatar(
        shapes.quad(1.6, z=-0.5),
        (shapes.sphere(0.4), (-0.4, 0.0, 0.0)),
        (sheet, (0.55, 0.1, 0.3)),
        materials=(
            Material(base_color_factor=(0.8, 0.8, 0.8, 1.0), metallic_factor=0.0),
            Material(base_color_factor=(0.3, 0.5, 0.9, 1.0), metallic_factor=0.0, double_sided=True),
        ),
    )
    view = View(eye=(0, -2.0, 3.5), target=(0, 0.1, -0.2), projection=Perspective(yfov=0.65))
    pictures = []
    with Offscreen(avatar, size=(128, 112), context=context, edges="samples") as offscreen:
        for strength in (1.0, 0.5):
            shadow = Shadow(strength=strength, normal_bias=0.01, resolution=256)
            key = DirectionalLight(direction=(0.5, 0.33, 0.8), intensity=2.5, shadow=shadow)
            lighting = Lighting(key=key, environment=Environment(intensity=0.3))
            pictures.append(offscreen.frame(shapes.rest(avatar), view=view, lighting=lighting).copy())
    return np.hstack(pictures)

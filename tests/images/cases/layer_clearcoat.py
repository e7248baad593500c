"""Red balls, rough: bare, under a smooth coat, under a rough coat, and under a coat with waves of its own."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, TextureRef, View
from renderer.scene.material import Clearcoat


def draw(context, shapes):
    v, u = np.mgrid[0:64, 0:64]
    waves = np.stack((128 + 60 * np.sin(u * 1.2), 128 + 60 * np.sin(v * 1.2), np.full((64, 64), 230)), axis=-1)
    coats = (
        None,
        Clearcoat(factor=1.0),
        Clearcoat(factor=1.0, roughness_factor=0.5),
        Clearcoat(factor=1.0, normal_texture=TextureRef(texture=0, scale=(3.0, 1.5)), normal_scale=0.6),
    )
    materials = tuple(
        Material(base_color_factor=(0.6, 0.02, 0.02, 1.0), metallic_factor=0.0, roughness_factor=0.7, clearcoat=coat)
        for coat in coats
    )
    balls = [(shapes.sphere(0.45, material=i), (i % 2 - 0.5, 0.5 - i // 2, 0.0)) for i in range(4)]
    avatar = shapes.avatar(*balls, materials=materials, images=(shapes.picture(waves),))
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=Lighting(key=shapes.LAMP.key))

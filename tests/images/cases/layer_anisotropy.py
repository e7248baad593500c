"""Brushed metal: not at all, along the ball's circles of latitude, across them, and as a picture tells."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, TextureRef, View
from renderer.scene.material import Anisotropy


def draw(context, shapes):
    turned = np.linspace(0.0, np.pi, 64)[None, :].repeat(64, axis=0)
    told = np.stack((128 + 127 * np.cos(turned), 128 + 127 * np.sin(turned), np.full((64, 64), 255)), axis=-1)
    brushed = (
        None,
        Anisotropy(strength=0.9),
        Anisotropy(strength=0.9, rotation=np.pi / 2),
        Anisotropy(strength=0.9, texture=TextureRef(texture=0, scale=(4.0, 1.0))),
    )
    materials = tuple(
        Material(base_color_factor=(0.75, 0.7, 0.65, 1.0), metallic_factor=1.0, roughness_factor=0.3, anisotropy=one)
        for one in brushed
    )
    balls = [(shapes.sphere(0.45, material=i), (i % 2 - 0.5, 0.5 - i // 2, 0.0)) for i in range(4)]
    avatar = shapes.avatar(*balls, materials=materials, images=(shapes.picture(told),))
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=Lighting(key=shapes.LAMP.key))

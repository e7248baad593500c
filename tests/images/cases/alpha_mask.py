"""A round hole is cut where alpha is below the cut-off, and both sides of a two-sided sheet are seen through it."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import AlphaMode, Background, Material, Perspective, TextureRef, View


def draw(context, shapes):
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3] = (210, 160, 60)
    pixels[..., 3] = np.clip((np.hypot(x, y) - 0.4) * 400 + 128, 0, 255)
    material = Material(
        base_color_texture=TextureRef(texture=0),
        metallic_factor=0.0,
        roughness_factor=0.7,
        alpha_mode=AlphaMode.MASK,
        double_sided=True,
    )
    avatar = shapes.avatar(
        (shapes.quad(0.7), (-0.3, 0.0, 0.3)),
        (shapes.quad(0.9, material=1), (0.2, 0.0, -0.5)),
        materials=(material, Material(base_color_factor=(0.1, 0.2, 0.6, 1.0), metallic_factor=0.0)),
        images=(shapes.picture(pixels),),
    )
    view = View(eye=(1.2, 0.8, 4.0), target=(0.0, 0.0, 0.0), projection=Perspective(yfov=0.5))
    grey = Background(top_srgb=(0.7, 0.7, 0.7), bottom_srgb=(0.7, 0.7, 0.7))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=shapes.LAMP, background=grey)

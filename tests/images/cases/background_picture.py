"""A background picture covers the frame, centred, behind an anti-aliased ball and through a pane of glass."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import AlphaMode, Background, Material, Orthographic, View


def draw(context, shapes):
    y, x = np.mgrid[0:48, 0:96]
    stripes = np.stack((x * 2.6, y * 5.0, np.where((x // 8 + y // 8) % 2, 220, 90)), axis=-1).astype(np.uint8)
    glass = Material(
        base_color_factor=(0.4, 1.0, 0.6, 0.4), metallic_factor=0.0, roughness_factor=0.2, alpha_mode=AlphaMode.BLEND
    )
    avatar = shapes.avatar(
        (shapes.sphere(0.5), (-0.3, 0.1, 0.0)),
        (shapes.quad(0.5, material=1), (0.4, -0.3, 1.0)),
        materials=(Material(metallic_factor=0.0), glass),
    )
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    background = Background(image=shapes.picture(stripes).data)
    with Offscreen(avatar, size=(112, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=shapes.LAMP, background=background)

"""Glass balls before a checkered wall: thin, thick with an index of 1.5, frosted, and green all the way through."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, TextureRef, View
from renderer.scene.material import Transmission


def draw(context, shapes):
    v, u = np.mgrid[0:64, 0:64]
    check = np.where(((u // 8 + v // 8) % 2)[..., None], (230, 180, 60), (30, 60, 140))
    glasses = (
        (0.0, Transmission(factor=1.0)),
        (0.0, Transmission(factor=1.0, thickness=0.6)),
        (0.5, Transmission(factor=1.0)),
        (0.0, Transmission(factor=1.0, thickness=0.8, attenuation_distance=0.5, attenuation_color=(0.2, 0.9, 0.3))),
    )
    wall = Material(base_color_texture=TextureRef(texture=0), metallic_factor=0.0)
    balls = tuple(
        Material(metallic_factor=0.0, roughness_factor=roughness, transmission=glass) for roughness, glass in glasses
    )
    spheres = [(shapes.sphere(0.42, material=1 + i), (i % 2 - 0.5, 0.5 - i // 2, 1.0)) for i in range(4)]
    back = shapes.quad(0.95, z=-0.5, material=0)
    avatar = shapes.avatar(back, *spheres, materials=(wall, *balls), images=(shapes.picture(check),))
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(160, 160), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=Lighting(key=shapes.LAMP.key))

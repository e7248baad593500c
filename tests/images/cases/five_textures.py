"""All five textures on one ball, each with a pattern of its own: none is swapped, each in its own colour space."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import DirectionalLight, Lighting, Material, Perspective, TextureRef, View


def draw(context, shapes):
    v, u = np.mgrid[0:64, 0:64]
    check = ((u // 8 + v // 8) % 2)[..., None]
    base = np.where(check, (220, 120, 70), (60, 110, 200))
    rough = np.zeros((64, 64, 3))
    rough[..., 1] = np.where(v < 32, 40, 230)  # smooth above, rough below
    rough[..., 2] = np.where(u < 32, 255, 0)  # metal on one half
    occlusion = np.full((64, 64, 3), 255)
    occlusion[28:36, :, 0] = 30  # a dark belt
    bumps = np.stack((128 + 70 * np.sin(u * 0.8), 128 + 70 * np.sin(v * 0.8), np.full((64, 64), 220)), axis=-1)
    emissive = np.zeros((64, 64, 3))
    emissive[8:12, ::4] = (255, 230, 60)  # lamps near the top
    material = Material(
        base_color_texture=TextureRef(texture=0),
        metallic_roughness_texture=TextureRef(texture=1),
        normal_texture=TextureRef(texture=2),
        occlusion_texture=TextureRef(texture=3),
        emissive_texture=TextureRef(texture=4),
        emissive_factor=(1.0, 1.0, 1.0),
    )
    images = tuple(shapes.picture(np.asarray(p, np.uint8)) for p in (base, rough, bumps, occlusion, emissive))
    avatar = shapes.avatar(shapes.sphere(0.9), materials=(material,), images=images)
    lighting = Lighting(key=DirectionalLight(direction=(-0.48, 0.64, 0.6), intensity=2.0))
    view = View(eye=(0.0, 0.6, 4.0), target=(0, 0, 0), projection=Perspective(yfov=0.5))
    with Offscreen(avatar, size=(144, 144), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=lighting)

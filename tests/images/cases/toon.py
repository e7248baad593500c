"""Cartoon balls: a hard border, a soft one that a texture shifts, a matcap with a green rim, outlines of both kinds."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import DirectionalLight, Environment, Lighting, Material, Perspective, TextureRef, View
from renderer.scene.material import Toon


def draw(context, shapes):
    v, u = np.mgrid[0:64, 0:64]
    bands = np.where((v // 8 % 2)[..., None], (255, 255, 255), (60, 60, 60))
    ball = np.stack(
        (np.hypot(u - 22, v - 20) < 9, np.hypot(u - 22, v - 20) < 9, np.hypot(u - 22, v - 20) < 14), axis=-1
    )
    common = {"shade_color": (0.35, 0.12, 0.2), "gi_equalization": 0.9}
    toons = (
        Toon(shading_toony=0.95, **common),
        Toon(shading_toony=0.4, shading_shift=-0.4, shading_shift_texture=TextureRef(texture=0), **common),
        Toon(matcap_texture=TextureRef(texture=1), rim_color=(0.1, 0.8, 0.2), rim_power=4.0, **common),
        Toon(outline="world", outline_width=0.03, outline_color=(0.5, 0.2, 0.2), **common),
        Toon(outline="screen", outline_width=0.012, outline_lighting_mix=0.0, **common),
    )
    materials = tuple(Material(base_color_factor=(0.9, 0.55, 0.4, 1.0), toon=toon) for toon in toons)
    places = ((-1.0, 0.55), (0.0, 0.55), (1.0, 0.55), (-0.5, -0.5), (0.5, -0.5))
    balls = [(shapes.sphere(0.42, material=i), (x, y, 0.0)) for i, (x, y) in enumerate(places)]
    images = (shapes.picture(bands), shapes.picture(ball * 200))
    avatar = shapes.avatar(*balls, materials=materials, images=images)
    lighting = Lighting(
        key=DirectionalLight(direction=(-0.6, 0.64, 0.48), intensity=2.0), environment=Environment(intensity=0.4)
    )
    view = View(eye=(0, 0, 4), target=(0, 0, 0), projection=Perspective(yfov=0.55))
    with Offscreen(avatar, size=(216, 144), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=lighting)

"""A file's own lights on a floor and a ball: a red point to the left, a blue spot from above, a dim sun."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Perspective, PunctualLight, View


def draw(context, shapes):
    floor = shapes.quad(2.0, z=-0.4)
    materials = (Material(metallic_factor=0.0, roughness_factor=0.5),)
    avatar = shapes.avatar(floor, shapes.sphere(0.4), materials=materials, joints=3)
    avatar.lights = (
        PunctualLight(kind="point", color=(1.0, 0.2, 0.1), intensity=3.0, range=4.0),
        PunctualLight(kind="spot", color=(0.2, 0.4, 1.0), intensity=20.0, inner_cone=0.2, outer_cone=0.35),
        PunctualLight(kind="directional", intensity=0.5),
    )
    pose = shapes.rest(avatar)
    for index, place in enumerate(((-1.2, 0.2, 0.5), (0.9, 0.9, 2.0), (0.0, 0.0, 1.0))):
        avatar.nodes[2 + index].light = index
        pose.matrices[2 + index, :3, 3] = place
    turn = np.sqrt(0.5)
    pose.matrices[4, :3, :3] = ((turn, 0, turn), (0, 1, 0), (-turn, 0, turn))
    view = View(eye=(0, -1.5, 4), target=(0, 0, 0), projection=Perspective(yfov=0.6))
    with Offscreen(avatar, size=(160, 120), context=context, edges="samples") as offscreen:
        return offscreen.frame(pose, view=view, lighting=Lighting(key=None, environment=None))

"""A ball with two shapes half on: a nose pulled out with its normals, a dent pressed in."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Perspective, View


def draw(context, shapes):
    ball = shapes.sphere(0.8, rows=48)
    p = ball.positions
    nose = np.exp(-10 * ((p[:, 0] + 0.2) ** 2 + p[:, 1] ** 2)) * (p[:, 2] > 0)
    dent = np.exp(-14 * ((p[:, 0] - 0.3) ** 2 + (p[:, 1] - 0.3) ** 2)) * (p[:, 2] > 0)
    out, zero = np.zeros_like(p), np.zeros_like(p)
    out[:, 2] = nose
    tilt = zero.copy()
    tilt[:, 0], tilt[:, 1] = 6 * (p[:, 0] + 0.2) * nose, 6 * p[:, 1] * nose
    hollow = zero.copy()
    hollow[:, 0], hollow[:, 1] = -9 * (p[:, 0] - 0.3) * dent, -9 * (p[:, 1] - 0.3) * dent
    pressed = ball.normals * -0.5 * dent[:, None]
    ball.targets = (
        shapes.MorphTarget(positions=out, normals=tilt),
        shapes.MorphTarget(positions=pressed.astype(np.float32), normals=hollow),
        shapes.MorphTarget(positions=zero),
    )
    avatar = shapes.avatar(ball, materials=(Material(base_color_factor=(0.8, 0.6, 0.5, 1), metallic_factor=0.0),))
    view = View(eye=(1.6, 0.8, 4.0), target=(0, 0, 0), projection=Perspective(yfov=0.45))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar, node0=[0.5, 0.5, 0.0]), view=view, lighting=shapes.LAMP)

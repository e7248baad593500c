"""A bar on two joints, the upper one turned by 70 degrees: it bends smoothly and its shading follows."""

import math

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Material, Perspective, View


def draw(context, shapes):
    ball = shapes.sphere(1.0, rows=40, material=0)
    ball.positions = ball.positions * np.array([0.25, 1.0, 0.25], np.float32)
    normals = ball.normals * np.array([4.0, 1.0, 4.0], np.float32)
    ball.normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    upper = np.clip(ball.positions[:, 1] * 1.5 + 0.5, 0, 1)
    weights = np.stack((1 - upper, upper, upper * 0, upper * 0), axis=1)
    joints = np.tile(np.array([0, 1, 0, 0]), (len(upper), 1))
    avatar = shapes.avatar(
        shapes.skinned(ball, joints, weights),
        materials=(Material(base_color_factor=(0.3, 0.6, 0.35, 1), metallic_factor=0.0, roughness_factor=0.4),),
        skins=(shapes.skin(1, 2),),
        joints=2,
    )
    pose = shapes.rest(avatar)
    turn = math.radians(70)
    pose.matrices[2, :2, :2] = ((math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn)))
    view = View(eye=(0.3, 0.4, 5.0), target=(0.2, 0.0, 0.0), projection=Perspective(yfov=0.45))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(pose, view=view, lighting=shapes.LAMP)

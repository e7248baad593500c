"""Eyes that follow a point, by bones, by VRM expressions and by ARKit channels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from renderer.animation.gaze import ARKIT_GAZE
from renderer.animation.player import Player
from renderer.maths import quaternion_from_axis_angle, quaternion_multiply
from renderer.scene import Avatar, Expression, MorphBind
from renderer.scene.rig import LookAt, Range, Rig

WIDE = Range(limit=math.radians(90), scale=math.radians(90))


def look(kind: str = "bone", **ranges: Range) -> Rig:
    plain = {"inner": WIDE, "outer": WIDE, "up": WIDE, "down": WIDE, **ranges}
    return Rig(look_at=LookAt(kind=kind, offset=(0, 0, 0), **plain))


def person(make: Any, rig: Rig, *names: str, expressions: dict[str, Expression] | None = None) -> Avatar:
    """A head that is turned at rest by its bones' own axes, not in the world, with two eyes."""
    nodes = [
        make.node("root", children=(1,)),
        make.node("head", parent=0, children=(2, 3), mesh=0 if names else -1),
        make.node("eyeL", parent=1),
        make.node("eyeR", parent=1),
    ]
    nodes[0].translation[:] = (0, 1.5, 0)
    nodes[1].rotation[:] = quaternion_from_axis_angle((1, 2, 0), 0.8)
    nodes[2].rotation[:] = quaternion_from_axis_angle((0, 2, 1), 0.7)
    meshes = [make.face(*names)] if names else []
    avatar = make.avatar(*nodes, meshes=meshes)
    humanoid = {"head": 1, "leftEye": 2, "rightEye": 3}
    return replace(avatar, rig=rig, humanoid=humanoid, expressions=expressions or {})


def ahead(avatar: Avatar, player: Player, eye: int) -> np.ndarray:
    """Where an eye looks: what pointed along +Z in the world at rest."""
    rest = Player(avatar=avatar, blink=False).pose(0).world(avatar)[eye, :3, :3].copy()
    return player.pose(0).world(avatar)[eye, :3, :3] @ np.linalg.inv(rest) @ np.array((0, 0, 1), np.float32)


@pytest.mark.parametrize("target", [(1.0, 1.5, 2.0), (-0.5, 2.0, 1.0), (0.2, 0.9, 1.5), (0, 1.5, 3)])
def test_eye_bones_point_at_the_target(make: Any, target: tuple[float, float, float]) -> None:
    avatar = person(make, look())
    player = Player(avatar=avatar, look_at=target, blink=False)
    way = np.array(target) - (0, 1.5, 0)
    for eye in (2, 3):
        assert ahead(avatar, player, eye) @ way / np.linalg.norm(way) == pytest.approx(1, abs=1e-4)


def test_inner_and_outer_are_each_eyes_own(make: Any) -> None:
    """To the avatar's left, the left eye turns outwards and the right one inwards."""
    limits = {"outer": Range(limit=math.pi, scale=math.radians(60)), "inner": Range(limit=math.pi, scale=0.0)}
    avatar = person(make, look(**limits))
    player = Player(avatar=avatar, look_at=(5, 1.5, 0), blink=False)
    left, right = ahead(avatar, player, 2), ahead(avatar, player, 3)
    assert math.degrees(math.atan2(left[0], left[2])) == pytest.approx(30, abs=0.1)
    assert math.degrees(math.atan2(right[0], right[2])) == pytest.approx(0, abs=0.1)


def test_the_head_carries_the_gaze_along(make: Any) -> None:
    """A head that already faces the target leaves the eyes at rest."""
    avatar = person(make, look())
    player = Player(avatar=avatar, look_at=(3, 1.5, 0.001), blink=False)
    body = player._body

    def turned(time: float) -> Any:
        pose = body(time)
        pose.rotations[0] = quaternion_multiply(quaternion_from_axis_angle((0, 1, 0), math.pi / 2), pose.rotations[0])
        return pose

    player._body = turned  # type: ignore[method-assign]
    eyes = player.pose(0).rotations[2]
    assert abs(float(eyes @ avatar.nodes[2].rotation)) == pytest.approx(1, abs=1e-5)


def test_expressions_do_it_where_the_file_says_so(make: Any) -> None:
    names = ("lookLeft", "lookRight", "lookUp", "lookDown")
    expressions = {
        name: Expression(name=name, binds=(MorphBind(node=1, target=i),), preset=True) for i, name in enumerate(names)
    }
    ranges = {"outer": Range(limit=math.radians(60), scale=1.0), "up": Range(limit=math.radians(60), scale=0.5)}
    avatar = person(make, look("expression", **ranges), "a", "b", "c", "d", expressions=expressions)
    yaw = math.radians(30)
    target = (math.sin(yaw), 1.5, math.cos(yaw))
    pose = Player(avatar=avatar, look_at=target, blink=False).pose(0)
    assert pose.weights[1].tolist() == pytest.approx([0.5, 0, 0, 0], abs=1e-4)
    pose = Player(avatar=avatar, look_at=(0, 1.5 + math.tan(yaw), 1), blink=False).pose(0)
    assert pose.weights[1].tolist() == pytest.approx([0, 0, 0.25, 0], abs=1e-4)


def test_channels_of_arkit_go_together(make: Any) -> None:
    avatar = person(make, Rig(), *ARKIT_GAZE)
    pose = Player(avatar=avatar, look_at=(1, 1.5 + 0.06, 2), blink=False).pose(0)
    on = {name for name, weight in zip(ARKIT_GAZE, pose.weights[1], strict=True) if weight > 0.1}
    assert on >= {"eyeLookOutLeft", "eyeLookInRight"}
    assert not on & {"eyeLookInLeft", "eyeLookOutRight"}
    assert pose.rotations[2].tolist() == avatar.nodes[2].rotation.tolist()


def test_without_a_head_nothing_happens(make: Any) -> None:
    avatar = replace(person(make, look()), humanoid={})
    pose = Player(avatar=avatar, look_at=(1, 1, 1), blink=False).pose(0)
    assert pose.rotations[2].tolist() == avatar.nodes[2].rotation.tolist()

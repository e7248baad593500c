"""VRMC_node_constraint: what each kind does to a node, in cases that can be told without its formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from renderer.animation.constraints import Constraints
from renderer.animation.pose import Pose
from renderer.maths import quaternion_from_axis_angle, quaternion_multiply, quaternion_rotate
from renderer.scene import Avatar
from renderer.scene.rig import Constraint, Rig


def turn(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    return quaternion_from_axis_angle(axis, math.radians(degrees))


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    return math.degrees(2 * math.acos(min(1.0, abs(float(np.dot(a, b))))))


def made(make: Any, *constraints: Constraint, count: int = 4) -> Avatar:
    """Nodes 1.. below a turned root, each with a turn of its own."""
    nodes = [make.node("root", children=tuple(range(1, count)))]
    nodes += [make.node(f"n{i}", parent=0) for i in range(1, count)]
    for i, node in enumerate(nodes):
        node.translation[:] = (0.5 * i, 0.1 * i * i, -0.3 * i)
        node.rotation[:] = turn((1, i, 2), 20.0 * i + 10)
    return replace(make.avatar(*nodes), rig=Rig(constraints=constraints))


def applied(avatar: Avatar, turned: dict[int, np.ndarray]) -> tuple[Pose, Pose]:
    """The rest pose, and one in which nodes have been turned about their own axes first."""
    rest = Pose.rest(avatar)
    pose = rest.copy()
    for node, by in turned.items():
        pose.rotations[node] = quaternion_multiply(rest.rotations[node], by)
    Constraints(avatar).apply(pose)
    return rest, pose


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_rotation_copies_the_turn_by_weight(make: Any, weight: float) -> None:
    avatar = made(make, Constraint(kind="rotation", node=2, source=1, weight=weight))
    rest, pose = applied(avatar, {1: turn((0.3, 1, 0), 80)})
    expected = quaternion_multiply(rest.rotations[2], turn((0.3, 1, 0), 80 * weight))
    assert angle_between(pose.rotations[2], expected) < 0.1


@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_roll_takes_the_twist_and_leaves_the_swing(make: Any, axis: str) -> None:
    """Both at rest alike: a turn about the axis is taken over whole, one across it not at all."""
    avatar = made(make, Constraint(kind="roll", node=2, source=1, axis=axis, weight=0.5))
    avatar.nodes[2].rotation[:] = avatar.nodes[1].rotation
    own = np.eye(3)["XYZ".index(axis)]
    across = np.roll(own, 1)
    rest, pose = applied(avatar, {1: turn(tuple(own), 70)})
    assert angle_between(pose.rotations[2], quaternion_multiply(rest.rotations[2], turn(tuple(own), 35))) < 0.1
    rest, pose = applied(avatar, {1: turn(tuple(across), 70)})
    assert angle_between(pose.rotations[2], rest.rotations[2]) < 0.1
    rest, pose = applied(avatar, {1: quaternion_multiply(turn(tuple(across), 50), turn(tuple(own), 60))})
    assert angle_between(pose.rotations[2], quaternion_multiply(rest.rotations[2], turn(tuple(own), 30))) < 0.1


@pytest.mark.parametrize(
    ("axis", "vector"), [("PositiveX", (1, 0, 0)), ("NegativeY", (0, -1, 0)), ("PositiveZ", (0, 0, 1))]
)
def test_aim_points_at_its_source(make: Any, axis: str, vector: tuple[int, int, int]) -> None:
    avatar = made(make, Constraint(kind="aim", node=2, source=3, axis=axis))
    _, pose = applied(avatar, {0: turn((0, 1, 0), 40)})
    world = pose.world(avatar)
    way = world[3, :3, 3] - world[2, :3, 3]
    pointing = world[2, :3, :3] @ np.array(vector, np.float32)
    assert float(pointing @ way / np.linalg.norm(way)) > 0.9999


def test_half_an_aim_goes_half_the_way(make: Any) -> None:
    whole = made(make, Constraint(kind="aim", node=2, source=3, axis="PositiveZ"))
    half = made(make, Constraint(kind="aim", node=2, source=3, axis="PositiveZ", weight=0.5))
    rest, all_of_it = applied(whole, {})
    _, some = applied(half, {})
    full = angle_between(rest.rotations[2], all_of_it.rotations[2])
    assert full > 10
    assert angle_between(rest.rotations[2], some.rotations[2]) == pytest.approx(full / 2, abs=0.1)


def test_what_is_followed_is_worked_out_first(make: Any) -> None:
    """3 follows 2, which follows 1, though the file lists them the other way round."""
    avatar = made(make, Constraint(kind="rotation", node=3, source=2), Constraint(kind="rotation", node=2, source=1))
    rest, pose = applied(avatar, {1: turn((1, 0, 0), 50)})
    assert angle_between(pose.rotations[3], quaternion_multiply(rest.rotations[3], turn((1, 0, 0), 50))) < 0.1


def test_a_circle_is_left_out(make: Any) -> None:
    avatar = made(
        make,
        Constraint(kind="rotation", node=1, source=2),
        Constraint(kind="rotation", node=2, source=1),
        Constraint(kind="rotation", node=3, source=3),
    )
    assert not Constraints(avatar)


def test_an_aim_at_its_own_place_stays_at_rest(make: Any) -> None:
    avatar = made(make, Constraint(kind="aim", node=2, source=3, axis="PositiveX"))
    avatar.nodes[3].translation[:] = avatar.nodes[2].translation
    rest, pose = applied(avatar, {})
    np.testing.assert_allclose(pose.rotations, rest.rotations, atol=1e-6)
    assert quaternion_rotate(pose.rotations[2], np.array((1.0, 0, 0))).shape == (3,)

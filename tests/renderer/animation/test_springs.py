"""Springs beside a plain, one bone at a time reading of VRMC_springBone-1.0, and what must hold of any of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from renderer.animation.overlay import FaceOverlay
from renderer.animation.pose import Pose
from renderer.animation.rigging import Rigging
from renderer.animation.springs import STEP, Springs
from renderer.maths import quaternion_from_axis_angle, quaternion_rotate
from renderer.scene import Avatar
from renderer.scene.rig import Collider, Rig, Spring, SpringJoint

BALL = Collider(node=0, offset=(0.02, -0.05, 0.1), radius=0.14)
AT = ((0, 1, 0), (0, 0.2, 0.05), (0, -0.3, 0.1), (0.05, -0.25, 0))


def chain(make: Any, *, colliders: tuple[Collider, ...] = (), center: int = -1, **joint: Any) -> Avatar:
    """A body and, hanging from it, three bones of which the last is only an end; turned and scaled all over."""
    nodes = [make.node(f"n{i}", parent=i - 1, children=(i + 1,) if i < 3 else ()) for i in range(4)]
    for i, node in enumerate(nodes):
        node.translation[:] = AT[i]
        node.rotation[:] = quaternion_from_axis_angle((1, i + 1, -1), 0.3 * i)
        node.scale[:] = 1.0 + 0.1 * i
    joints = tuple(SpringJoint(node=i, tail=i + 1, **joint) for i in (1, 2))
    rig = Rig(
        springs=(Spring(name="s", joints=joints, colliders=tuple(range(len(colliders))), center=center),),
        colliders=colliders,
    )
    return replace(make.avatar(*nodes), rig=rig)


def moving(avatar: Avatar) -> Any:
    """A body that goes to and fro and turns, as a function of time."""
    rest = Pose.rest(avatar)

    def at(time: float) -> Pose:
        pose = rest.copy()
        pose.translations[0, 0] = 0.3 * math.sin(5 * time)
        pose.rotations[0] = quaternion_from_axis_angle((0, 1, 0.5), math.sin(3 * time))
        return pose

    return at


def mat(pose: Pose, node: int) -> np.ndarray:
    """A node's local matrix, by columns."""
    result = np.eye(4)
    for column, axis in enumerate(np.eye(3)):
        result[:3, column] = quaternion_rotate(pose.rotations[node], axis) * pose.scales[node, column]
    result[:3, 3] = pose.translations[node]
    return result


class Reference:
    """One bone after the other, as the specification writes it down."""

    def __init__(self, avatar: Avatar, pose: Pose) -> None:
        self.avatar, self.spring = avatar, avatar.rig.springs[0]
        self.rest = Pose.rest(avatar)
        world = self.world(pose, {})
        self.now = {j.node: self.center_inverse(world) @ np.append(world[j.tail][:3, 3], 1) for j in self.spring.joints}
        self.before = dict(self.now)

    def world(self, pose: Pose, turned: dict[int, np.ndarray]) -> list[np.ndarray]:
        result: list[np.ndarray] = []
        for i, node in enumerate(self.avatar.nodes):
            local = turned[i] if i in turned else mat(pose, i)
            result.append(result[node.parent] @ local if node.parent >= 0 else local)
        return result

    def center_inverse(self, world: list[np.ndarray]) -> np.ndarray:
        return np.linalg.inv(world[self.spring.center]) if self.spring.center >= 0 else np.eye(4)

    def step(self, pose: Pose) -> dict[int, np.ndarray]:
        turned: dict[int, np.ndarray] = {}
        start = self.world(pose, {})
        into = self.center_inverse(start)
        out = np.linalg.inv(into)
        for joint in self.spring.joints:
            world = self.world(pose, turned)
            parent = world[self.avatar.nodes[joint.node].parent]
            resting = self.rest.copy()
            resting.translations[joint.node] = pose.translations[joint.node]
            frame = parent @ mat(resting, joint.node)
            head = frame[:3, 3]
            arm = frame[:3, :3] @ self.avatar.nodes[joint.tail].translation
            length = np.linalg.norm(arm)
            now, before = (out @ self.now[joint.node])[:3], (out @ self.before[joint.node])[:3]
            tail = now + (now - before) * (1 - joint.drag) + arm / length * joint.stiffness * STEP
            tail = tail + np.array(joint.gravity) * STEP
            tail = head + (tail - head) / np.linalg.norm(tail - head) * length
            for index in self.spring.colliders:
                collider = self.avatar.rig.colliders[index]
                a = (start[collider.node] @ np.append(collider.offset, 1))[:3]
                b = (start[collider.node] @ np.append(collider.tail or collider.offset, 1))[:3]
                share = np.clip((tail - a) @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
                near = a + share * (b - a)
                scale = max(np.linalg.norm(start[collider.node][:3, c]) for c in range(3))
                reach = collider.radius * scale + joint.radius
                if np.linalg.norm(tail - near) < reach:
                    tail = near + (tail - near) / np.linalg.norm(tail - near) * reach
                    tail = head + (tail - head) / np.linalg.norm(tail - head) * length
            self.before[joint.node], self.now[joint.node] = self.now[joint.node], into @ np.append(tail, 1)
            # The turn about the shortest way, found here by an axis and an angle (Rodrigues).
            u, v = arm / length, (tail - head) / length
            axis, cosine = np.cross(u, v), u @ v
            across = np.cross(np.eye(3), axis)
            swung = np.eye(4)
            swung[:3, :3] += across + across @ across / (1.0 + cosine)
            turned[joint.node] = mat(resting, joint.node)
            turned[joint.node][:3, :3] = np.linalg.inv(parent[:3, :3]) @ swung[:3, :3] @ frame[:3, :3]
        return turned


@pytest.mark.parametrize(
    "case",
    [
        {"stiffness": 1.0, "drag": 0.4},
        {"stiffness": 0.5, "drag": 0.1, "gravity": (0.2, -1.5, 0.1)},
        {"stiffness": 0.2, "drag": 0.3, "gravity": (0.0, -2.0, 0.0), "center": 0},
        {
            "stiffness": 0.3,
            "drag": 0.2,
            "gravity": (0.0, -1.0, 0.0),
            "radius": 0.03,
            "colliders": (
                Collider(node=0, offset=(0.02, -0.05, 0.1), radius=0.14),
                Collider(node=0, offset=(0.2, 0.1, 0), tail=(0.2, -0.3, 0.2), radius=0.1),
            ),
        },
    ],
)
def test_agrees_with_the_specification(make: Any, case: dict[str, Any]) -> None:
    avatar = chain(make, **case)
    at = moving(avatar)
    springs, reference = Springs(avatar), Reference(avatar, at(0.0))
    springs.reset(at(0.0))
    for step in range(1, 90):
        springs.step(at(step * STEP))
        turned = reference.step(at(step * STEP))
        pose = at(step * STEP)
        springs.apply(pose, 1.0)
        found, expected = pose.world(avatar), reference.world(pose, turned)
        for node in range(4):
            np.testing.assert_allclose(found[node, :3, 3], expected[node][:3, 3], atol=2e-6, err_msg=f"step {step}")
    swing = np.linalg.norm(at(90 * STEP).world(avatar)[3, :3, 3] - found[3, :3, 3])
    assert swing > 0.005  # the test would be worth nothing if it did not swing


def test_agrees_where_bones_hang_side_by_side_and_others_lie_between(make: Any) -> None:
    """Three chains of different lengths; the second has a bone in it that does not swing."""
    parents = (-1, 0, 1, 2, 0, 4, 5, 6, 0, 8)
    nodes = []
    for i, parent in enumerate(parents):
        children = tuple(child for child, above in enumerate(parents) if above == i)
        nodes.append(make.node(f"n{i}", parent=parent, children=children))
        nodes[i].translation[:] = (0.03 * (i % 4 - 1), -0.2, 0.05 * (i % 3))
        nodes[i].rotation[:] = quaternion_from_axis_angle((1, i + 1, -1), 0.2 * i)
    at_joints = ((1, 2), (2, 3), (4, 5), (6, 7), (8, 9))
    joints = tuple(SpringJoint(node=i, tail=j, stiffness=0.3, drag=0.2, gravity=(0, -1, 0)) for i, j in at_joints)
    rig = Rig(
        springs=(Spring(name="s", joints=joints, colliders=(0, 1)),),
        colliders=(Collider(node=0, offset=(0, -0.3, 0), radius=0.12), Collider(node=2, radius=0.05)),
    )
    avatar = replace(make.avatar(*nodes), rig=rig)
    at = moving(avatar)
    springs, reference = Springs(avatar), Reference(avatar, at(0.0))
    springs.reset(at(0.0))
    for step in range(1, 120):
        springs.step(at(step * STEP))
        turned = reference.step(at(step * STEP))
    pose = at(119 * STEP)
    springs.apply(pose, 1.0)
    found, expected = pose.world(avatar)[:, :3, 3], np.array(reference.world(pose, turned))[:, :3, 3]
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.abs(found - at(119 * STEP).world(avatar)[:, :3, 3]).max() > 0.02


def test_a_body_that_is_hardly_stretched_swings_as_one_that_is_not(make: Any) -> None:
    found = []
    for stretch in (1.0, 1.0 + 2e-6):
        avatar = chain(make, stiffness=0.3, drag=0.2, gravity=(0, -1, 0.5), radius=0.02, colliders=(BALL,))
        avatar.nodes[0].scale[1] *= stretch
        at, springs = moving(avatar), Springs(avatar)
        springs.reset(at(0.0))
        for step in range(1, 60):
            springs.step(at(step * STEP))
        pose = at(1.0)
        springs.apply(pose, 1.0)
        found.append(pose.rotations)
    np.testing.assert_allclose(found[1], found[0], atol=2e-5)


def test_a_tail_that_is_pulled_onto_its_head_goes_to_rest(make: Any) -> None:
    """One that has no direction, and one whose direction is opposite to that of rest, do not spoil the others."""
    avatar = chain(make, stiffness=0.0, drag=1.0)
    springs, rest = Springs(avatar), Pose.rest(avatar)
    springs.reset(rest)
    moved = rest.copy()
    world = rest.world(avatar)
    # The body moves so that the first bone's head comes to where its tail was.
    moved.translations[0] += world[2, :3, 3] - world[1, :3, 3]
    springs.step(moved)
    pose = moved.copy()
    springs.apply(pose, 1.0)
    assert np.isfinite(pose.rotations).all()
    lengths = np.linalg.norm(np.diff(pose.world(avatar)[1:, :3, 3], axis=0), axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(np.diff(world[1:, :3, 3], axis=0), axis=1), rtol=1e-5)


def test_at_rest_nothing_moves(make: Any) -> None:
    avatar = chain(make)
    springs, rest = Springs(avatar), Pose.rest(avatar)
    springs.reset(rest)
    for _ in range(30):
        springs.step(rest)
    pose = rest.copy()
    springs.apply(pose, 1.0)
    np.testing.assert_allclose(pose.rotations, rest.rotations, atol=1e-6)


def test_gravity_pulls_down_and_bones_keep_their_length(make: Any) -> None:
    avatar = chain(make, stiffness=0.01, drag=0.2, gravity=(0.0, -9.0, 0.0))
    springs, rest = Springs(avatar), Pose.rest(avatar)
    springs.reset(rest)
    for _ in range(400):
        springs.step(rest)
    pose = rest.copy()
    springs.apply(pose, 1.0)
    before, after = rest.world(avatar)[:, :3, 3], pose.world(avatar)[:, :3, 3]
    for head, tail in ((1, 2), (2, 3)):
        way = after[tail] - after[head]
        assert np.linalg.norm(way) == pytest.approx(np.linalg.norm(before[tail] - before[head]), rel=1e-5)
        assert way[1] / np.linalg.norm(way) < -0.999


def test_a_loose_end_is_seven_centimetres_long(make: Any) -> None:
    nodes = (make.node("a", children=(1,)), make.node("b", parent=0))
    nodes[1].translation[:] = (0, 0.5, 0)
    avatar = replace(
        make.avatar(*nodes),
        rig=Rig(springs=(Spring(name="", joints=(SpringJoint(node=1, stiffness=0, gravity=(9, 0, 0)),)),)),
    )
    springs, rest = Springs(avatar), Pose.rest(avatar)
    springs.reset(rest)
    for _ in range(300):
        springs.step(rest)
    pose = rest.copy()
    springs.apply(pose, 1.0)
    assert quaternion_rotate(pose.rotations[1], np.array((0, 1, 0.0))).tolist() == pytest.approx([1, 0, 0], abs=1e-3)


def test_bones_without_length_or_volume_are_left_alone(make: Any) -> None:
    nodes = (make.node("a", children=(1, 2)), make.node("b", parent=0), make.node("c", parent=0))
    nodes[2].scale[:] = 0
    nodes[2].translation[:] = (0, 1, 0)
    joints = (SpringJoint(node=0, tail=1), SpringJoint(node=1), SpringJoint(node=2))
    avatar = replace(make.avatar(*nodes), rig=Rig(springs=(Spring(name="", joints=joints),)))
    springs, rest = Springs(avatar), Pose.rest(avatar)
    assert springs.nodes.tolist() == [2]
    springs.reset(rest)
    for _ in range(5):
        springs.step(rest)
    pose = rest.copy()
    springs.apply(pose, 0.5)
    assert np.isfinite(pose.rotations).all()


def rigging(avatar: Avatar) -> Rigging:
    return Rigging(avatar, overlay=FaceOverlay(avatar))


def test_the_rate_of_frames_does_not_change_what_swings(make: Any) -> None:
    avatar = chain(make, stiffness=0.4, drag=0.2, gravity=(0.0, -1.0, 0.0))
    at = moving(avatar)
    runs = {rate: rigging(avatar) for rate in (15, 30, 60, 144)}
    final = {}
    for rate, run in runs.items():
        for frame in range(2 * rate + 1):
            final[rate] = run.pose(frame / rate, at).rotations.copy()
    for rate in (15, 30, 144):
        np.testing.assert_array_equal(final[rate], final[60])
    assert not np.allclose(final[60], at(2.0).rotations, atol=1e-2)


def test_between_two_steps_it_hangs_between_them(make: Any) -> None:
    avatar = chain(make, stiffness=0.4, drag=0.2)
    at = moving(avatar)
    run = rigging(avatar)
    tails = [run.pose(time, at).world(avatar)[3, :3, 3] for time in np.arange(60, 62.01, 0.25) * STEP]
    steps = np.diff(tails, axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 2 * np.linalg.norm(tails[-1] - tails[0]) / len(steps)


def test_a_jump_back_starts_anew_and_is_reproducible(make: Any) -> None:
    avatar = chain(make, stiffness=0.4, drag=0.2)
    at = moving(avatar)
    fresh, used = rigging(avatar), rigging(avatar)
    for frame in range(60):
        used.pose(5 + frame / 30, at)
    np.testing.assert_array_equal(used.pose(3.0, at).rotations, fresh.pose(3.0, at).rotations)

"""Clips from bone to bone: seen in the world, both humanoids do the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from renderer.animation.clip import Channel, Clip, Interpolation, Path
from renderer.animation.player import Player
from renderer.animation.pose import Pose
from renderer.animation.transfer import transfer
from renderer.maths import quaternion_from_axis_angle, quaternion_multiply
from renderer.scene import Avatar, Expression, MorphBind

BONES = ("hips", "spine", "leftUpperArm", "leftLowerArm")


def person(make: Any, seed: int, size: float, *, parents: tuple[int, ...]) -> Avatar:
    """Bones at the same places but for size, each with axes of its own; the nodes' order and names differ by seed."""
    rng = np.random.default_rng(seed)
    at = np.array([(0, 0, 0), (0, 1, 0), (0, 1.3, 0), (0.2, 1.5, 0), (0.5, 1.5, 0)]) * size
    turns = [quaternion_from_axis_angle(rng.normal(size=3), float(rng.uniform(0, 2))) for _ in at]
    nodes = [make.node(f"{seed}-{i}", parent=parent, children=[j for j, p in enumerate(parents) if p == i])
             for i, parent in enumerate(parents)]  # fmt: skip
    world = [np.eye(4)] * len(nodes)
    for i, parent in enumerate(parents):
        here = np.eye(4)
        here[:3, :3] = np.stack([_rotate(turns[i], e) for e in np.eye(3)], axis=1)
        here[:3, 3] = at[i]
        local = np.linalg.inv(world[parent]) @ here if parent >= 0 else here
        world[i] = here
        nodes[i].translation[:] = local[:3, 3]
        nodes[i].rotation[:] = _quaternion(local[:3, :3])
    return replace(make.avatar(*nodes), humanoid={bone: i + 1 for i, bone in enumerate(BONES)})


def _rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    from renderer.maths import quaternion_rotate

    return quaternion_rotate(q, v)


def _quaternion(m: np.ndarray) -> np.ndarray:
    from renderer.maths import quaternion_from_matrix

    return quaternion_from_matrix(m)


def channel(avatar: Avatar, node: int, path: Path, values: Any, kind: Interpolation = Interpolation.LINEAR) -> Channel:
    values = np.asarray(values, np.float32)
    times = np.arange(len(values), dtype=np.float32)
    return Channel(
        node=node, node_name=avatar.nodes[node].name, path=path, interpolation=kind, times=times, values=values
    )


def moves(avatar: Avatar) -> Clip:
    """Every bone turned by something, and the hips moved."""
    rng = np.random.default_rng(5)
    channels = []
    for node in avatar.humanoid.values():
        turns = [quaternion_from_axis_angle(rng.normal(size=3), float(rng.uniform(-1, 1))) for _ in range(4)]
        rotations = [quaternion_multiply(avatar.nodes[node].rotation, turn) for turn in turns]
        channels.append(channel(avatar, node, "rotation", rotations))
    hips = avatar.humanoid["hips"]
    steps = rng.normal(size=(4, 3)) * 0.1
    channels.append(channel(avatar, hips, "translation", avatar.nodes[hips].translation + steps))
    return Clip(name="moves", duration=3.0, channels=tuple(channels))


def turned(avatar: Avatar, clips: tuple[Clip, ...], time: float) -> dict[str, np.ndarray]:
    """For each bone by what its rest is turned in the world, and where it is."""
    rest = Pose.rest(avatar).world(avatar)
    world = Player(avatar=avatar, clips=clips, clip=0, blink=False).pose(time).world(avatar)
    return {
        bone: np.column_stack((world[node, :3, :3] @ np.linalg.inv(rest[node, :3, :3]), world[node, :3, 3]))
        for bone, node in avatar.humanoid.items()
    }


@pytest.mark.parametrize("time", [0.0, 1.0, 2.5])
def test_bones_turn_alike_and_go_in_proportion(make: Any, time: float) -> None:
    source = person(make, 1, 1.0, parents=(-1, 0, 1, 2, 3))
    target = person(make, 2, 2.0, parents=(-1, 0, 1, 2, 3))
    clip = moves(source)
    theirs = turned(source, (clip,), time)
    ours = turned(target, transfer([clip], source=source, target=target), time)
    for bone in BONES:
        np.testing.assert_allclose(ours[bone][:, :3], theirs[bone][:, :3], atol=2e-5 if time != 2.5 else 5e-3)
        np.testing.assert_allclose(ours[bone][:, 3], 2.0 * theirs[bone][:, 3], atol=1e-4 if time != 2.5 else 1e-2)


def test_bones_that_one_side_lacks_are_left_out(make: Any) -> None:
    source = person(make, 1, 1.0, parents=(-1, 0, 1, 2, 3))
    target = person(make, 2, 1.0, parents=(-1, 0, 1, 2, 3))
    target.humanoid.pop("spine")
    (clip,) = transfer([moves(source)], source=source, target=target)
    assert sorted({c.node for c in clip.channels}) == sorted(target.humanoid.values())


def test_splines_keep_their_course(make: Any) -> None:
    """A turn about a fixed axis by splines: half way between the keys too."""
    source = person(make, 1, 1.0, parents=(-1, 0, 1, 2, 3))
    target = person(make, 2, 1.0, parents=(-1, 0, 1, 2, 3))
    node = source.humanoid["leftLowerArm"]
    keys = [quaternion_multiply(source.nodes[node].rotation, quaternion_from_axis_angle((0, 0, 1), a)) for a in (0, 1)]
    slope = keys[1] - keys[0]
    values = np.array([[slope * 0, keys[0], slope * 2], [slope * -1, keys[1], slope * 0]])
    clip = Clip(name="", duration=1, channels=(channel(source, node, "rotation", values, Interpolation.CUBICSPLINE),))
    for time in (0.0, 0.3, 0.7, 1.0):
        theirs = turned(source, (clip,), time)["leftLowerArm"]
        ours = turned(target, transfer([clip], source=source, target=target), time)["leftLowerArm"]
        np.testing.assert_allclose(ours[:, :3], theirs[:, :3], atol=2e-5)


def test_expressions_become_morph_weights(make: Any) -> None:
    source = make.avatar(make.node("happy"), make.node("nobody"))
    expressions = {
        "happy": Expression(name="happy", binds=(MorphBind(node=0, target=1, weight=0.5),), preset=True),
    }
    target = replace(make.avatar(make.node(mesh=0), meshes=[make.face("a", "b")]), expressions=expressions)
    curve = channel(source, 0, "translation", [[0, 0, 0], [1, 0, 0], [0.4, 0, 0]])
    clip = Clip(name="", duration=2.0, channels=(curve, replace(curve, node=1)))
    moved = transfer([clip], source=source, target=target, expressions={"happy": 0, "unheardOf": 1})
    player = Player(avatar=target, clips=moved, clip=0, loop=False, blink=False)
    found = [player.pose(time).weights[0].tolist() for time in (0.0, 0.5, 1.0, 2.0)]
    assert found == [pytest.approx([0, w]) for w in (0, 0.25, 0.5, 0.2)]


def test_arms_that_hang_at_rest_do_the_same(make: Any) -> None:
    """An A-pose body on a T-pose one: what counts is where the forearm points, also when the clip leaves it alone."""
    t_pose = person(make, 2, 1.0, parents=(-1, 0, 1, 2, 3))
    a_pose = person(make, 1, 1.0, parents=(-1, 0, 1, 2, 3))
    down = quaternion_from_axis_angle((0, 0, 1), -0.8)
    upper = a_pose.humanoid["leftUpperArm"]
    above = _quaternion(Pose.rest(a_pose).world(a_pose)[a_pose.nodes[upper].parent, :3, :3])
    world = quaternion_multiply(down, quaternion_multiply(above, a_pose.nodes[upper].rotation))
    a_pose.nodes[upper].rotation[:] = quaternion_multiply(above * (-1, -1, -1, 1), world)

    def forearm(avatar: Avatar, pose: Pose) -> np.ndarray:
        at = pose.world(avatar)[:, :3, 3]
        way = at[avatar.humanoid["leftLowerArm"]] - at[avatar.humanoid["leftUpperArm"]]
        return way / np.linalg.norm(way)

    spine = a_pose.humanoid["spine"]
    still = Clip(name="", duration=0, channels=(channel(a_pose, spine, "rotation", [a_pose.nodes[spine].rotation]),))
    for clip in (still, moves(a_pose)):
        theirs = forearm(a_pose, Player(avatar=a_pose, clips=[clip], clip=0).pose(0).copy())
        (moved,) = transfer([clip], source=a_pose, target=t_pose)
        np.testing.assert_allclose(
            forearm(t_pose, Player(avatar=t_pose, clips=[moved], clip=0).pose(0)), theirs, atol=1e-4
        )
    assert forearm(a_pose, Pose.rest(a_pose))[1] < -0.6

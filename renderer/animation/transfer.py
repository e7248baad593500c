"""Clips of one humanoid on another, whatever their bones are called and however they are turned at rest.

As VRMC_vrm_animation 1.0 has it: what a bone is turned by in the world, against a T-pose facing +Z, is what the
other's bone is turned by. VRM avatars rest in that pose; of others the arms are brought to it by the shortest way. The
hips' way is taken over in proportion to the hips' heights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.expression import Face
from renderer.animation.pose import Pose
from renderer.maths import quaternion_between, quaternion_conjugate, quaternion_from_matrix, quaternion_multiply
from renderer.scene.avatar import Avatar

Floats = NDArray[np.float32]


def transfer(
    clips: Sequence[Clip],
    *,
    source: Avatar,
    target: Avatar,
    source_in_t_pose: bool = False,
    target_in_t_pose: bool = False,
    expressions: Mapping[str, int] | None = None,
) -> tuple[Clip, ...]:
    """The clips of ``source`` for ``target``; bones that one of them lacks are left out.

    Args:
        source_in_t_pose, target_in_t_pose: that the file itself calls its rest a T-pose (VRM).
        expressions: name of an expression to the node of ``source`` whose X translation is its value.
    """
    moved = _Transfer(source, target, dict(expressions or {}))
    if not source_in_t_pose:
        moved.source_arms = _to_t_pose(source, moved.source_world)
    if not target_in_t_pose:
        moved.target_arms = _to_t_pose(target, moved.target_world)
    return tuple(replace(clip, channels=tuple(moved.channels(clip))) for clip in clips)


class _Transfer:
    def __init__(self, source: Avatar, target: Avatar, expressions: dict[str, int]) -> None:
        self._target = target
        self._expressions = expressions
        self._bone_of = {node: bone for bone, node in source.humanoid.items() if bone in target.humanoid}
        self.source_world, self.target_world = (Pose.rest(avatar).world(avatar) for avatar in (source, target))
        self.source_arms: dict[int, Floats] = {}
        self.target_arms: dict[int, Floats] = {}
        self._source, self._face = source, Face(target)

    def channels(self, clip: Clip) -> Iterator[Channel]:
        turned = {channel.node for channel in clip.channels if channel.path == "rotation"}
        for node in self.source_arms:
            bone = self._bone_of.get(node)
            if bone is not None and node not in turned:
                # An arm that the clip leaves alone hangs as it rests in the clip's own file.
                yield self._turned(self._still(node), self._target.humanoid[bone])
        for channel in clip.channels:
            moving = self._bone_of.get(channel.node)
            if moving is None or self._target.nodes[self._target.humanoid[moving]].matrix is not None:
                continue
            if channel.path == "rotation":
                yield self._turned(channel, self._target.humanoid[moving])
            elif channel.path == "translation" and moving == "hips":
                yield self._shifted(channel, self._target.humanoid[moving])
        yield from self._faces(clip)

    def _turned(self, channel: Channel, node: int) -> Channel:
        theirs, ours = self._source_turned, self._target_turned
        above = quaternion_multiply(
            quaternion_conjugate(ours(self._target.nodes[node].parent)),
            theirs(self._source.nodes[channel.node].parent),
        )
        below = quaternion_multiply(quaternion_conjugate(theirs(channel.node)), ours(node))
        # Linear in the key's quaternion, so that it holds for the tangents of splines as well.
        values = quaternion_multiply(quaternion_multiply(above, channel.values), below)
        return replace(channel, node=node, node_name=self._target.nodes[node].name, values=values)

    def _source_turned(self, node: int) -> Floats:
        """How a node of the source is turned in the world when its body stands in the T-pose."""
        return quaternion_multiply(_lift(self._source, self.source_arms, node), _rotation(self.source_world, node))

    def _target_turned(self, node: int) -> Floats:
        return quaternion_multiply(_lift(self._target, self.target_arms, node), _rotation(self.target_world, node))

    def _still(self, node: int) -> Channel:
        rest = self._source.nodes[node]
        return Channel(
            node=node,
            node_name=rest.name,
            path="rotation",
            interpolation=Interpolation.STEP,
            times=np.zeros(1, np.float32),
            values=rest.rotation[None].copy(),
        )

    def _shifted(self, channel: Channel, node: int) -> Channel:
        theirs, ours = self.source_world, self.target_world
        from_rest = channel.values.astype(np.float64)
        keys = from_rest[:, 1] if channel.interpolation is Interpolation.CUBICSPLINE else from_rest
        keys -= self._source.nodes[channel.node].translation
        height = float(theirs[channel.node, 1, 3])
        share = float(ours[node, 1, 3]) / height if abs(height) > 1e-6 else 1.0
        into = np.linalg.pinv(_linear(ours, self._target.nodes[node].parent).astype(np.float64))
        change = share * into @ _linear(theirs, self._source.nodes[channel.node].parent)
        moved = from_rest @ change.T
        keys = moved[:, 1] if channel.interpolation is Interpolation.CUBICSPLINE else moved
        keys += self._target.nodes[node].translation
        return replace(channel, node=node, node_name=self._target.nodes[node].name, values=moved.astype(np.float32))

    def _faces(self, clip: Clip) -> Iterator[Channel]:
        """The expressions' curves as morph weights, with a key wherever one of them has one."""
        curves = {
            name: channel
            for name, node in self._expressions.items()
            for channel in clip.channels
            if channel.node == node and channel.path == "translation" and self._face.has(name)
        }
        if not curves:
            return
        times = np.unique(np.concatenate([channel.times for channel in curves.values()]))
        values = np.stack([_curve(channel, times) for channel in curves.values()], axis=1)
        driver, pose = self._face.driver(curves), Pose.rest(self._target)
        moved = {bind.node for name in curves for bind in self._face.binds(name)}
        rows: dict[int, list[Floats]] = {node: [] for node in sorted(moved)}
        for row in values:
            driver.apply(pose, row)
            for node, keys in rows.items():
                keys.append(pose.weights[node].copy())
        for node, keys in rows.items():
            yield Channel(
                node=node,
                node_name=self._target.nodes[node].name,
                path="weights",
                interpolation=Interpolation.LINEAR,
                times=times,
                values=np.stack(keys),
            )


def _to_t_pose(avatar: Avatar, world: Floats) -> dict[int, Floats]:
    """For the arms' bones the turn in the world that takes them from their rest to straight out to the side."""
    found: dict[int, Floats] = {}
    for side, out in (("left", (1.0, 0.0, 0.0)), ("right", (-1.0, 0.0, 0.0))):
        arm = [avatar.humanoid.get(f"{side}{part}", -1) for part in ("UpperArm", "LowerArm", "Hand")]
        for bone, end in pairwise(arm):
            if bone >= 0 and end >= 0:
                found[bone] = quaternion_between(world[end, :3, 3] - world[bone, :3, 3], out)
    return found


def _lift(avatar: Avatar, arms: Mapping[int, Floats], node: int) -> Floats:
    """The turn of the nearest of the arms' bones that carries a node, itself included."""
    while node >= 0 and node not in arms:
        node = avatar.nodes[node].parent
    return arms[node] if node >= 0 else np.array((0.0, 0.0, 0.0, 1.0), np.float32)


def _curve(channel: Channel, times: Floats) -> Floats:
    """An expression's values at these times; splines are taken as straight between their keys."""
    keys = channel.values[:, 1, 0] if channel.interpolation is Interpolation.CUBICSPLINE else channel.values[:, 0]
    if channel.interpolation is Interpolation.STEP:
        return keys[np.clip(np.searchsorted(channel.times, times, side="right") - 1, 0, len(keys) - 1)]
    return np.interp(times, channel.times, keys).astype(np.float32)


def _linear(world: Floats, node: int) -> Floats:
    return world[node, :3, :3] if node >= 0 else np.eye(3, dtype=np.float32)


def _rotation(world: Floats, node: int) -> Floats:
    linear = _linear(world, node)
    lengths = np.linalg.norm(linear, axis=0)
    return quaternion_from_matrix(linear / np.where(lengths > 0.0, lengths, 1.0))

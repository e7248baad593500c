"""Nodes that follow other nodes: VRMC_node_constraint 1.0 (roll, aim, rotation)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np

from renderer.animation.pose import Pose
from renderer.maths import (
    quaternion_between,
    quaternion_conjugate,
    quaternion_from_matrix,
    quaternion_multiply,
    quaternion_rotate,
    slerp,
)
from renderer.scene.avatar import Avatar
from renderer.scene.rig import Constraint

_AXES = MappingProxyType(
    {
        "X": (1.0, 0.0, 0.0),
        "Y": (0.0, 1.0, 0.0),
        "Z": (0.0, 0.0, 1.0),
        "PositiveX": (1.0, 0.0, 0.0),
        "NegativeX": (-1.0, 0.0, 0.0),
        "PositiveY": (0.0, 1.0, 0.0),
        "NegativeY": (0.0, -1.0, 0.0),
        "PositiveZ": (0.0, 0.0, 1.0),
        "NegativeZ": (0.0, 0.0, -1.0),
    }
)


class Constraints:
    """The constraints of one avatar, those that others depend on first; alike ones are worked out together."""

    def __init__(self, avatar: Avatar) -> None:
        self._avatar = avatar
        rest = Pose.rest(avatar)
        self._rest = rest.rotations
        self._batches = tuple(_Batch(avatar, members) for members in _batches(avatar))

    def __bool__(self) -> bool:
        return bool(self._batches)

    def apply(self, pose: Pose) -> None:
        """Turn the constrained nodes as their sources are turned in this pose."""
        for batch in self._batches:
            if batch.kind == "aim":
                self._aim(batch, pose)
            else:
                self._follow(batch, pose)

    def _follow(self, batch: _Batch, pose: Pose) -> None:
        ours, theirs = self._rest[batch.nodes], self._rest[batch.sources]
        turn = quaternion_multiply(quaternion_conjugate(theirs), pose.rotations[batch.sources])
        if batch.kind == "roll":
            # The source's turn as seen from the node at rest, less what swings the axis itself.
            turn = quaternion_multiply(quaternion_multiply(theirs, turn), quaternion_conjugate(theirs))
            turn = quaternion_multiply(quaternion_multiply(quaternion_conjugate(ours), turn), ours)
            swing = quaternion_between(batch.axes, quaternion_rotate(turn, batch.axes))
            turn = quaternion_multiply(quaternion_conjugate(swing), turn)
        pose.rotations[batch.nodes] = slerp(ours, quaternion_multiply(ours, turn), batch.weights)

    def _aim(self, batch: _Batch, pose: Pose) -> None:
        world = pose.world(self._avatar)
        ours = self._rest[batch.nodes]
        linear = np.where(
            (batch.parents >= 0)[:, None, None], world[batch.parents, :3, :3], np.eye(3, dtype=np.float32)
        )
        lengths = np.linalg.norm(linear, axis=1, keepdims=True)
        parent = quaternion_from_matrix(linear / np.where(lengths > 0.0, lengths, 1.0))
        resting = quaternion_multiply(parent, ours)
        towards = world[batch.sources, :3, 3] - world[batch.nodes, :3, 3]
        swing = quaternion_between(quaternion_rotate(resting, batch.axes), towards)
        target = quaternion_multiply(quaternion_conjugate(parent), quaternion_multiply(swing, resting))
        there = np.linalg.norm(towards, axis=1) > 1e-9
        pose.rotations[batch.nodes] = slerp(ours, target, np.where(there, batch.weights, 0.0))


class _Batch:
    """Constraints of one kind that do not depend on each other."""

    def __init__(self, avatar: Avatar, members: Sequence[Constraint]) -> None:
        self.kind = members[0].kind
        self.nodes = np.array([c.node for c in members], np.intp)
        self.sources = np.array([c.source for c in members], np.intp)
        self.parents = np.array([avatar.nodes[c.node].parent for c in members], np.intp)
        self.axes = np.array([_AXES.get(c.axis, _AXES["X"]) for c in members], np.float32)
        self.weights = np.array([c.weight for c in members], np.float32)


def _batches(avatar: Avatar) -> Iterator[list[Constraint]]:
    """Constraints in an order in which each comes after what it depends on; those in a circle are left out."""
    left = {c.node: c for c in avatar.rig.constraints if avatar.nodes[c.node].matrix is None}
    while left:
        ready = [c for c in left.values() if not any(node in left and node != c.node for node in _needs(avatar, c))]
        ready = [c for c in ready if c.node != c.source]
        if not ready:
            return
        for kind in ("roll", "rotation", "aim"):
            members = [c for c in ready if c.kind == kind]
            if members:
                yield members
        for constraint in ready:
            del left[constraint.node]


def _needs(avatar: Avatar, constraint: Constraint) -> Iterator[int]:
    """Nodes whose rotation decides what the constraint does."""
    yield constraint.source
    if constraint.kind == "aim":
        for start in (constraint.source, constraint.node):
            node = avatar.nodes[start].parent
            while node >= 0:
                yield node
                node = avatar.nodes[node].parent

"""Which bones swing, in which order, and what they carry: laid out once for all steps of the springs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.scene.avatar import Avatar
from renderer.scene.hierarchy import Hierarchy
from renderer.scene.rig import Spring, SpringJoint

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

LOOSE_END = 0.07
"""Metres; the length of a bone that ends in nothing (VRM 0.x)."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Level:
    """The nodes of one depth that swing, and those that are merely carried along.

    The springs' working space is one array of world matrices: the trunk's, an identity for what hangs from nothing, and
    those of everything that moves, by depth.

    Attributes:
        nodes: those that swing.
        parents: of each of them, its parent's place in the working space.
        rows: their rows in arrays of all joints.
        places: their places in the working space.
        carried: nodes that hang from something that moves and do not swing.
        carriers: of each of these, its parent's place in the working space.
        carried_places: their places in the working space.
    """

    nodes: Indices
    parents: Indices
    rows: slice
    places: slice
    carried: Indices
    carriers: Indices
    carried_places: slice


def spring_joints(avatar: Avatar) -> list[tuple[Spring, SpringJoint]]:
    """Every joint that can swing, once: the first spring that names a node has it."""
    found: dict[int, tuple[Spring, SpringJoint]] = {}
    for spring in avatar.rig.springs:
        for joint in spring.joints:
            if avatar.nodes[joint.node].matrix is None:
                found.setdefault(joint.node, (spring, joint))
    return list(found.values())


def tail_at_rest(avatar: Avatar, joint: SpringJoint, world: Array) -> Array | None:
    """The joint's tail at rest, in its own frame; None where it has no direction."""
    if joint.tail >= 0:
        frame = world[joint.node]
        if abs(np.linalg.det(frame[:3, :3])) < 1e-18:
            return None
        tail = np.linalg.solve(frame[:3, :3], world[joint.tail, :3, 3] - frame[:3, 3])
    else:
        tail = avatar.nodes[joint.node].translation.astype(np.float64)
        tail = tail / max(float(np.linalg.norm(tail)), 1e-12) * LOOSE_END
    return tail if np.isfinite(tail).all() and float(np.linalg.norm(tail)) > 1e-6 else None


def depths_of(avatar: Avatar, swinging: Collection[int]) -> list[tuple[list[int], list[int]]]:
    """What swings and what it carries, by depth."""
    depth: dict[int, int] = {}
    moved: set[int] = set()
    levels: dict[int, tuple[list[int], list[int]]] = {}
    for index in avatar.hierarchy.order.tolist():
        parent = avatar.nodes[index].parent
        depth[index] = depth.get(parent, -1) + 1
        if index in swinging or parent in moved:
            moved.add(index)
            swung, carried = levels.setdefault(depth[index], ([], []))
            (swung if index in swinging else carried).append(index)
    return [found for _, found in sorted(levels.items())]


def levels_of(avatar: Avatar, depths: list[tuple[list[int], list[int]]], trunk: Hierarchy) -> Iterator[Level]:
    """The depths, laid out in the springs' working space."""
    places = {node: place for place, node in enumerate(trunk.order.tolist())} | {-1: len(trunk.order)}
    begin, end = 0, len(trunk.order) + 1
    for swung, carried in depths:
        middle = end + len(swung)
        yield Level(
            nodes=np.array(swung, np.intp),
            parents=np.array([places[avatar.nodes[i].parent] for i in swung], np.intp),
            rows=slice(begin, begin + len(swung)),
            places=slice(end, middle),
            carried=np.array(carried, np.intp),
            carriers=np.array([places[avatar.nodes[i].parent] for i in carried], np.intp),
            carried_places=slice(middle, middle + len(carried)),
        )
        places |= {node: end + i for i, node in enumerate((*swung, *carried))}
        begin, end = begin + len(swung), middle + len(carried)


def all_above(avatar: Avatar, nodes: Indices) -> Indices:
    """The nodes and all that they hang from."""
    found: set[int] = set()
    for node in nodes.tolist():
        while node >= 0 and node not in found:
            found.add(node)
            node = avatar.nodes[node].parent
    return np.array(sorted(found), np.intp)

"""Which part of a picture an avatar can touch, so that nothing is spent on the rest of it.

A skinned vertex is a weighted mean of what its joints make of it, so it lies within the hull of the boxes that each
joint's vertices fill in the bind pose, moved by that joint. Eight corners a joint are enough to know, in any pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.scene import Avatar, Primitive

Floats = NDArray[np.float32]

_SIGNS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)


@dataclass(slots=True, kw_only=True, frozen=True)
class Rect:
    """Pixels from ``left`` to before ``right`` and ``top`` to before ``bottom``."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.bottom - self.top


def whole(size: tuple[int, int]) -> Rect:
    """All of a picture."""
    return Rect(left=0, top=0, right=size[0], bottom=size[1])


class Footprint:
    """Boxes of an avatar's vertices by what moves them: the joints of each skin, and the nodes of rigid meshes."""

    def __init__(self, avatar: Avatar) -> None:
        joints: dict[tuple[int, int], list[Floats]] = {}
        nodes: dict[int, list[Floats]] = {}
        for node in avatar.order:
            holder = avatar.nodes[node]
            for primitive in avatar.meshes[holder.mesh].primitives if holder.mesh >= 0 else ():
                if not len(primitive.positions):
                    continue
                if holder.skin >= 0 and primitive.joints is not None and primitive.weights is not None:
                    for joint, box in _joint_boxes(primitive, len(avatar.skins[holder.skin].joints)):
                        joints.setdefault((holder.skin, joint), []).append(box)
                else:
                    nodes.setdefault(node, []).append(_box(primitive.positions))
        self._joints = sorted(joints)
        self._nodes = sorted(nodes)
        boxes = [*(_merged(joints[key]) for key in self._joints), *(_merged(nodes[key]) for key in self._nodes)]
        stacked = np.array(boxes, np.float32).reshape(-1, 2, 3)
        self._center = stacked.mean(axis=1)
        self._half = (stacked[:, 1] - stacked[:, 0]) / 2

    def sources(self, first_joint: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where the boxes' matrices come from: rows of the joint texture, then nodes."""
        rows = np.array([first_joint[skin] + joint for skin, joint in self._joints], np.intp)
        return rows, np.array(self._nodes, np.intp)

    def rect(self, matrices: Floats, view_projection: Floats, *, size: tuple[int, int], margin: float) -> Rect | None:
        """The pixels that can be touched, row 0 at the bottom of clip space; None when that is not known.

        Args:
            matrices: ``(boxes, 3, 4)`` in the order of ``sources``.
            margin: metres by which morphing may move a vertex, in the meshes' own frames.
        """
        if not len(self._center):
            return Rect(left=0, top=0, right=0, bottom=0)
        corners = self._center[:, None] + _SIGNS * (self._half + np.float32(margin))[:, None]
        world = np.matmul(corners, matrices[:, :, :3].transpose(0, 2, 1)) + matrices[:, None, :, 3]
        rows = view_projection[[0, 1, 3]]
        clip = world.reshape(-1, 3) @ rows[:, :3].T + rows[:, 3]
        depth = clip[:, 2:]
        if not float(depth.min()) > 1e-6:
            return None
        flat = clip[:, :2] / depth
        low, high = flat.min(axis=0), flat.max(axis=0)
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            return None
        # Two pixels more for the widths of lines and points, and for rounding.
        edges = [(float(low[axis]) * 0.5 + 0.5) * size[axis] - 2.0 for axis in (0, 1)] + [
            (float(high[axis]) * 0.5 + 0.5) * size[axis] + 2.0 for axis in (0, 1)
        ]
        left, top = (min(max(int(edge), 0), limit) for edge, limit in zip(edges[:2], size, strict=True))
        right, bottom = (min(max(int(edge) + 1, 0), limit) for edge, limit in zip(edges[2:], size, strict=True))
        if right <= left or bottom <= top:
            return Rect(left=0, top=0, right=0, bottom=0)
        return Rect(left=left, top=top, right=right, bottom=bottom)


def _box(points: Floats) -> Floats:
    return np.stack((points.min(axis=0), points.max(axis=0)))


def _merged(boxes: list[Floats]) -> Floats:
    stacked = np.stack(boxes)
    return np.stack((stacked[:, 0].min(axis=0), stacked[:, 1].max(axis=0)))


def _joint_boxes(primitive: Primitive, count: int) -> list[tuple[int, Floats]]:
    """Each joint that carries weight, with the box of the vertices it has a share in."""
    assert primitive.joints is not None
    assert primitive.weights is not None
    vertex, column = np.nonzero(primitive.weights > 0.0)
    joint = primitive.joints[vertex, column]
    order = np.argsort(joint, kind="stable")
    joint, points = joint[order], primitive.positions[vertex[order]]
    used, starts = np.unique(joint, return_index=True)
    if not len(used):
        return []
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    return [(int(j), np.stack((low[i], high[i]))) for i, j in enumerate(used) if j < count]

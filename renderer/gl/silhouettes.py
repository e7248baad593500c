"""Where a mesh's outline lies in a picture: edges between a triangle that faces the viewer and one that does not. Ours.

Only arrays; nothing here touches OpenGL. Positions are skinned here a second time, for the edges alone: one small
product per joint, over the vertices that it carries.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from renderer.gl.triangles import triangles
from renderer.scene import Primitive

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

_OPEN = -1
_PLACES = 1 << 20
_NEAREST = 1e-4  # clip-space w below which a point is at or behind the viewer


class Silhouettes:
    """The edges of one primitive.

    Vertices that lie in one place and move together count as one: where a texture's seam cuts a surface is no edge.
    """

    def __init__(self, primitive: Primitive, *, skinned: bool) -> None:
        used, place = _welded(primitive)
        corners = place[triangles(primitive)]
        corners = corners[(corners != np.roll(corners, 1, axis=1)).all(axis=1)]
        self._edges, sides = _edges(corners)
        self._corners = np.ascontiguousarray(corners.T)
        self._sides = np.ascontiguousarray(np.where(sides == _OPEN, len(corners), sides).T)
        self._open = sides[:, 1] == _OPEN
        self._vertices = used
        self._base = np.ones((len(used), 4), np.float32)
        self._base[:, :3] = primitive.positions[used]
        self._joints: list[tuple[int, slice]] = []
        if skinned and primitive.joints is not None and primitive.weights is not None:
            self._sort_by_joint(primitive.joints[used], primitive.weights[used])

    def _sort_by_joint(self, joints: NDArray[np.uint16], weights: Floats) -> None:
        vertex, column = np.nonzero(weights > 0.0)
        joint = joints[vertex, column]
        order = np.argsort(joint, kind="stable")
        self._pair_vertex = vertex[order]
        self._pair_weight = weights[vertex[order], column[order]][:, None].astype(np.float32)
        bounds = np.flatnonzero(np.diff(joint[order].astype(np.int64), prepend=-1, append=-1))
        self._joints = [(int(joint[order[a]]), slice(a, b)) for a, b in itertools.pairwise(bounds)]
        # A vertex's pairs are summed as one run, so they have to lie together.
        self._by_vertex = np.argsort(self._pair_vertex, kind="stable")
        self._runs = np.flatnonzero(np.diff(self._pair_vertex[self._by_vertex], prepend=-1))
        self._rows = self._pair_vertex[self._by_vertex][self._runs]
        self._weighted = self._base[self._pair_vertex] * self._pair_weight
        self._moved = np.empty_like(self._weighted)

    def morph(self, positions: Floats) -> None:
        """Take the primitive's positions ``(n, 3)`` as morphing made them."""
        self._base[:, :3] = positions[self._vertices]
        if self._joints:
            self._weighted = self._base[self._pair_vertex] * self._pair_weight

    def clip(self, matrices: Floats, view_projection: Floats) -> Floats:
        """``(vertices, 4)`` in clip space.

        Args:
            matrices: ``(joints, 3, 4)`` of the skin, or ``(1, 3, 4)`` of a node without one, to the world.
            view_projection: ``(4, 4)`` world to clip.
        """
        to_clip: Floats = np.matmul(view_projection[:, :3], matrices, dtype=np.float32)
        to_clip[:, :, 3] += view_projection[:, 3]
        if not self._joints:
            rigid: Floats = self._base @ to_clip[0].T
            return rigid
        for joint, pairs in self._joints:
            np.dot(self._weighted[pairs], to_clip[joint].T, out=self._moved[pairs])
        clip = np.zeros_like(self._base)
        clip[self._rows] = np.add.reduceat(self._moved[self._by_vertex], self._runs, axis=0)
        return clip

    def outline(self, clip: Floats) -> Floats:
        """``(edges, 2, 4)``: both ends in clip space of each edge on the outline, or open, that may be in the picture.

        Args:
            clip: ``(vertices, 4)`` as from ``clip``.
        """
        x, y = (clip[:, :2] / np.maximum(clip[:, 3:], _NEAREST)).T.copy()
        a, b, c = self._corners
        ax, ay = x.take(a), y.take(a)
        front = np.zeros(len(a) + 1, bool)  # the last is the side that an open edge has not
        front[:-1] = (x.take(b) - ax) * (y.take(c) - ay) > (y.take(b) - ay) * (x.take(c) - ax)
        first, second = self._sides
        edges = self._edges[(front.take(first) != front.take(second)) | self._open]
        ends_x, ends_y = x.take(edges), y.take(edges)
        seen = (ends_x.min(axis=1) < 1.0) & (ends_x.max(axis=1) > -1.0)
        seen &= (ends_y.min(axis=1) < 1.0) & (ends_y.max(axis=1) > -1.0)
        found: Floats = clip[edges[seen]]
        return found[(found[:, :, 3] > _NEAREST).all(axis=1)]


def _welded(primitive: Primitive) -> tuple[Indices, Indices]:
    """One vertex for each place, to a millionth of the mesh's size, and for each vertex which of them it became."""
    positions = primitive.positions
    size = float(np.ptp(positions, axis=0).max()) if len(positions) else 0.0
    parts: list[NDArray[np.generic]] = [np.round(positions * np.float32(_PLACES / max(size, 1e-30))) + np.float32(0.0)]
    if primitive.joints is not None and primitive.weights is not None:
        parts += [primitive.joints.astype(np.float32), primitive.weights]
    rows = np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, used, place = np.unique(keys, return_index=True, return_inverse=True)
    return used, place.reshape(-1)


def _edges(corners: Indices) -> tuple[Indices, Indices]:
    """``(edges, 2)`` vertices, and ``(edges, 2)`` the triangles on both sides, ``_OPEN`` where there is no second."""
    ends = np.concatenate((corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]))
    triangle = np.tile(np.arange(len(corners)), 3)
    ends.sort(axis=1)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, triangle = ends[order], triangle[order]
    new = np.ones(len(ends), bool)
    new[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    sides = np.full((len(starts), 2), _OPEN, np.int64)
    sides[:, 0] = triangle[starts]
    # Where more than two triangles meet, the edge is kept as an open one, which is always drawn.
    pair = np.diff(starts, append=len(ends)) == 2
    sides[pair, 1] = triangle[starts[pair] + 1]
    return ends[starts], sides

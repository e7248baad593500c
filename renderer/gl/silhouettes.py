"""Where a mesh's outline lies in a picture: edges between a triangle that faces the viewer and one that does not. Ours.

Only arrays; nothing here touches OpenGL. Positions are skinned here a second time, for the edges alone: one small
product per joint, over the vertices that it carries.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.scene import Primitive
from renderer.scene.triangles import triangles

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

_OPEN = -1
_PLACES = 1 << 20
_NEAREST = 1e-4  # clip-space w below which a point is at or behind the viewer


@dataclass(slots=True, kw_only=True, frozen=True)
class Piece:
    """A primitive, and where its transforms begin in the stack that ``Silhouettes.clip`` takes."""

    primitive: Primitive
    first: int
    skinned: bool


class Silhouettes:
    """The edges of several primitives, which are one set of arrays: a step for all costs little more than for one.

    Vertices that lie in one place and move together count as one: where a texture's seam cuts a surface is no edge.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        bases, edges, corners, sides, joints, weights = [], [], [], [], [], []
        self._vertices: list[tuple[Indices, slice]] = []
        vertex_count = corner_count = 0
        for piece in pieces:
            primitive = piece.primitive
            used, place = _welded(primitive)
            corner = triangles(primitive)
            faces = place[corner] if corner is not None else np.zeros((0, 3), np.int64)
            faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
            ends, beside = _edges(faces)
            base = np.ones((len(used), 4), np.float32)
            base[:, :3] = primitive.positions[used]
            bases.append(base)
            edges.append(ends + vertex_count)
            corners.append(faces + vertex_count)
            sides.append(np.where(beside == _OPEN, _OPEN, beside + corner_count))
            self._vertices.append((used, slice(vertex_count, vertex_count + len(used))))
            joint, weight = _carried(piece, used)
            joints.append(joint)
            weights.append(weight)
            vertex_count += len(used)
            corner_count += len(faces)
        self._base = np.concatenate(bases) if bases else np.ones((0, 4), np.float32)
        self._edges = np.concatenate(edges) if edges else np.zeros((0, 2), np.int64)
        beside = np.concatenate(sides) if sides else np.zeros((0, 2), np.int64)
        self._open = beside[:, 1] == _OPEN
        self._sides = np.ascontiguousarray(np.where(beside == _OPEN, corner_count, beside).T)
        self._corners = np.ascontiguousarray(np.concatenate(corners).T if corners else np.zeros((3, 0), np.int64))
        self._sort_by_joint(joints, weights)

    def _sort_by_joint(self, joints: list[NDArray[np.int64]], weights: list[Floats]) -> None:
        pairs = [
            (vertices.start + np.nonzero(w > 0.0)[0], j[w > 0.0], w[w > 0.0])
            for (_, vertices), j, w in zip(self._vertices, joints, weights, strict=True)
        ]
        vertex = np.concatenate([pair[0] for pair in pairs] or [np.zeros(0, np.int64)])
        joint = np.concatenate([pair[1] for pair in pairs] or [np.zeros(0, np.int64)])
        weight = np.concatenate([pair[2] for pair in pairs] or [np.zeros(0, np.float32)])
        order = np.argsort(joint, kind="stable")
        self._pair_vertex = vertex[order]
        self._pair_weight = weight[order][:, None].astype(np.float32)
        bounds = np.flatnonzero(np.diff(joint[order], prepend=-1, append=-1))
        self._joints = [(int(joint[order[a]]), slice(a, b)) for a, b in itertools.pairwise(bounds)]
        # A vertex's pairs are summed as one run, so they have to lie together.
        self._by_vertex = np.argsort(self._pair_vertex, kind="stable")
        self._runs = np.flatnonzero(np.diff(self._pair_vertex[self._by_vertex], prepend=-1))
        self._rows = self._pair_vertex[self._by_vertex][self._runs]
        self._weighted = self._base[self._pair_vertex] * self._pair_weight
        self._moved = np.empty_like(self._weighted)
        self._stale = False

    def morph(self, piece: int, positions: Floats) -> None:
        """Take one piece's positions ``(n, 3)`` as morphing made them."""
        used, vertices = self._vertices[piece]
        self._base[vertices, :3] = positions[used]
        self._stale = True

    def clip(self, matrices: Floats, view_projection: Floats) -> Floats:
        """``(vertices, 4)`` in clip space.

        Args:
            matrices: ``(transforms, 3, 4)`` to the world, of every skin's joints and of every node without a skin.
            view_projection: ``(4, 4)`` world to clip.
        """
        if self._stale:
            np.multiply(self._base[self._pair_vertex], self._pair_weight, out=self._weighted)
            self._stale = False
        to_clip: Floats = np.matmul(view_projection[:, :3], matrices, dtype=np.float32)
        to_clip[:, :, 3] += view_projection[:, 3]
        for joint, pairs in self._joints:
            np.dot(self._weighted[pairs], to_clip[joint].T, out=self._moved[pairs])
        clip = np.zeros_like(self._base)
        if len(self._runs):
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


def _carried(piece: Piece, used: Indices) -> tuple[Indices, Floats]:
    """``(vertices, influences)`` transforms and weights; without a skin all the weight is the node's."""
    primitive = piece.primitive
    if piece.skinned and primitive.joints is not None and primitive.weights is not None:
        return primitive.joints[used].astype(np.int64) + piece.first, primitive.weights[used]
    return np.full((len(used), 1), piece.first, np.int64), np.ones((len(used), 1), np.float32)


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

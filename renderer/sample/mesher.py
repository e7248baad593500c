"""Meshes of implicit surfaces: surface nets on a grid whose lines need not be evenly spaced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.sample.field import Array, Field, gradient

Faces = NDArray[np.int64]

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
EDGES = [(a, b) for a in range(8) for b in range(8) if a < b and np.abs(CORNERS[a] - CORNERS[b]).sum() == 1]


@dataclass(slots=True, kw_only=True)
class Shape:
    """Vertices ``(n, 3)``, triangles ``(m, 3)`` counter-clockwise from outside, unit normals ``(n, 3)``."""

    points: Array
    faces: Faces
    normals: Array


def surface_nets(field: Field, xs: Array, ys: Array, zs: Array, *, relax: int = 2) -> Shape:
    """The zero surface inside the box spanned by the grid lines.

    One vertex per cell that the surface crosses, at the mean of its crossings; a few rounds of evening out, each
    followed by a walk back onto the surface; normals are the field's gradient, so few triangles already look smooth.
    """
    grid = np.stack(np.meshgrid(xs, ys, zs, indexing="ij"), axis=-1)
    values = field(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    shape: tuple[int, int, int] = (len(xs) - 1, len(ys) - 1, len(zs) - 1)
    corner_values = np.stack([values[x : x + shape[0], y : y + shape[1], z : z + shape[2]] for x, y, z in CORNERS], -1)
    inside = corner_values < 0
    active = inside.any(-1) & ~inside.all(-1)
    cells = np.argwhere(active)
    number = np.full(shape, -1)
    number[active] = np.arange(len(cells))

    picked = corner_values[active]
    spots = grid[tuple((cells[:, None, :] + CORNERS[None]).transpose(2, 0, 1))]
    total, count = np.zeros((len(cells), 3)), np.zeros((len(cells), 1))
    for a, b in EDGES:
        crossed = ((picked[:, a] < 0) != (picked[:, b] < 0))[:, None]
        share = (picked[:, a] / np.where(picked[:, a] == picked[:, b], 1.0, picked[:, a] - picked[:, b]))[:, None]
        total += np.where(crossed, spots[:, a] + share * (spots[:, b] - spots[:, a]), 0.0)
        count += crossed
    points = total / np.maximum(count, 1)

    quads = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        low = [slice(None)] * 3
        low[u], low[v] = slice(1, -1), slice(1, -1)
        here = (values < 0)[tuple(low)]
        first = [slice(None)] * 3
        first[axis] = slice(0, -1)
        second = [slice(None)] * 3
        second[axis] = slice(1, None)
        start, end = here[tuple(first)], here[tuple(second)]
        for sign, crossing in ((1, start & ~end), (-1, ~start & end)):
            at = np.argwhere(crossing)
            at[:, u] += 1
            at[:, v] += 1
            ring = []
            for du, dv in ((-1, -1), (0, -1), (0, 0), (-1, 0)):
                cell = at.copy()
                cell[:, u] += du
                cell[:, v] += dv
                ring.append(number[tuple(cell.T)])
            quad = np.stack(ring[::sign], axis=1)
            quads.append(quad)
    loops = np.concatenate(quads)
    spacing = float(min(np.diff(axis).min() for axis in (xs, ys, zs)))
    faces = split_quads(points, loops)
    for _ in range(relax):
        points = 0.5 * points + 0.5 * neighbour_mean(points, faces)
        points = points - gradient(field, points, step=spacing * 0.05) * field(points)[:, None]
    return Shape(points=points, faces=split_quads(points, loops), normals=gradient(field, points, step=spacing * 0.1))


def split_quads(points: Array, quads: Faces) -> Faces:
    """Two triangles per quad, along the shorter diagonal."""
    a, b, c, d = (points[quads[:, i]] for i in range(4))
    along = np.linalg.norm(a - c, axis=1) <= np.linalg.norm(b - d, axis=1)
    first = np.where(along[:, None], quads[:, [0, 1, 2]], quads[:, [0, 1, 3]])
    second = np.where(along[:, None], quads[:, [0, 2, 3]], quads[:, [1, 2, 3]])
    return np.concatenate([first, second])


def neighbour_mean(points: Array, faces: Faces) -> Array:
    """Every vertex's mean of its neighbours."""
    total, count = np.zeros_like(points), np.zeros(len(points))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        for start, end in ((a, b), (b, a)):
            np.add.at(total, faces[:, start], points[faces[:, end]])
            np.add.at(count, faces[:, start], 1)
    return np.asarray(total / np.maximum(count, 1)[:, None])


def vertex_normals(points: Array, faces: Faces) -> Array:
    """Area-weighted unit normals; vertices at the same place share theirs, so seams do not show."""
    a, b, c = (points[faces[:, i]] for i in range(3))
    flat = np.cross(b - a, c - a)
    _, place = np.unique(np.round(points, 7), axis=0, return_inverse=True)
    place = place.reshape(-1)
    total = np.zeros((int(place.max()) + 1, 3))
    for corner in range(3):
        np.add.at(total, place[faces[:, corner]], flat)
    normals = total[place]
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-12, normals / np.maximum(length, 1e-12), [0.0, 1.0, 0.0])


def grid_faces(rows: int, columns: int, *, closed: bool = False) -> Faces:
    """Triangles over a ``rows x columns`` lattice of vertices; closed joins the last column to the first."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    after = (c + 1) % columns
    a, b, d, e = r * columns + c, r * columns + after, (r + 1) * columns + c, (r + 1) * columns + after
    return np.concatenate([np.stack([a, b, e], -1).reshape(-1, 3), np.stack([a, e, d], -1).reshape(-1, 3)])

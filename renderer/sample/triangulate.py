"""Triangles between points of a plane: an even scatter of points, and their Delaunay triangulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from renderer.sample.field import Array
from renderer.sample.mesher import Faces


def scatter(fixed: Array, candidates: Array, spacing: Callable[[Array], Array]) -> Array:
    """Candidates, taken in order, that keep ``spacing`` (at the candidate) from the fixed points and each other."""
    wanted = spacing(candidates)
    cell = float(wanted.max())
    kept = np.empty((len(fixed) + len(candidates), 2))
    kept[: len(fixed)] = fixed
    count = len(fixed)
    bins: dict[tuple[int, int], list[int]] = {}
    for index in range(count):
        bins.setdefault((int(kept[index, 0] // cell), int(kept[index, 1] // cell)), []).append(index)
    for point, gap in zip(candidates, wanted, strict=True):
        column, row = int(point[0] // cell), int(point[1] // cell)
        near = [i for x in (-1, 0, 1) for y in (-1, 0, 1) for i in bins.get((column + x, row + y), ())]
        if near and ((kept[near] - point) ** 2).sum(axis=1).min() < gap * gap:
            continue
        kept[count] = point
        bins.setdefault((column, row), []).append(count)
        count += 1
    return kept[len(fixed) : count].copy()


def delaunay(points: Array) -> Faces:
    """Counter-clockwise Delaunay triangles of ``(n, 2)`` points (Bowyer, Watson), n of a few thousand."""
    low, high = points.min(axis=0), points.max(axis=0)
    size, middle = float((high - low).max()), (low + high) / 2
    outer = middle + size * np.array([[-30.0, -20.0], [30.0, -20.0], [0.0, 40.0]])
    count = len(points)
    spots = np.concatenate([points, outer])
    room = 4 * count + 64
    corners = np.zeros((room, 3), np.int64)
    circles = np.zeros((room, 3))  # centre and squared radius; a radius below 0 marks a free row
    circles[:, 2] = -1.0
    corners[0] = (count, count + 1, count + 2)
    circles[0] = _circles(spots, corners[:1])[0]
    free = list(range(room - 1, 0, -1))
    top = 1
    for index in range(count):
        x, y = spots[index]
        part = circles[:top]
        hit = np.flatnonzero((part[:, 0] - x) ** 2 + (part[:, 1] - y) ** 2 < part[:, 2])
        edges = np.concatenate([corners[hit][:, [0, 1]], corners[hit][:, [1, 2]], corners[hit][:, [2, 0]]])
        shared = {(int(b), int(a)) for a, b in edges}
        border = [(int(a), int(b)) for a, b in edges if (int(a), int(b)) not in shared]
        circles[hit, 2] = -1.0
        free.extend(int(row) for row in hit[::-1])
        rows = [free.pop() for _ in border]
        corners[rows] = [(a, b, index) for a, b in border]
        circles[rows] = _circles(spots, corners[rows])
        top = max(top, max(rows) + 1)
    alive = (circles[:, 2] >= 0) & (corners < count).all(axis=1)
    return corners[alive]


def _circles(spots: Array, corners: Faces) -> Array:
    a, b, c = (spots[corners[:, i]] for i in range(3))
    u, v = b - a, c - a
    twice = 2 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    twice = np.where(np.abs(twice) < 1e-12, 1e-12, twice)
    uu, vv = (u * u).sum(1), (v * v).sum(1)
    x = (v[:, 1] * uu - u[:, 1] * vv) / twice
    y = (u[:, 0] * vv - v[:, 0] * uu) / twice
    return np.stack([a[:, 0] + x, a[:, 1] + y, x * x + y * y], axis=1)


def inside(polygon: Array, points: Array) -> Array:
    """Which points ``(n, 2)`` a closed polygon ``(m, 2)`` holds (even-odd rule)."""
    odd = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        spans = (ay > points[:, 1]) != (by > points[:, 1])
        cross = (bx - ax) * (points[:, 1] - ay) / (by - ay if by != ay else 1.0) + ax
        odd ^= spans & (points[:, 0] < cross)
    return odd

"""Implicit surfaces: signed distances (negative inside) of points ``(n, 3)``, and ways to blend them.

Formulas are the well-known ones for spheres, ellipsoids (first-order bound), cones with round ends, and the quadratic
smooth minimum (I. Quilez, "distance functions").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float64 in all of this package, but for masks
Field = Callable[[Array], Array]
Point = Sequence[float] | Array


def mirrored(points: Array) -> Array:
    """The same points with x >= 0, so that one primitive makes a pair."""
    folded = points.copy()
    folded[:, 0] = np.abs(folded[:, 0])
    return folded


def sphere(points: Array, centre: Point, radius: float) -> Array:
    """Distance to a sphere."""
    return np.asarray(np.linalg.norm(points - np.asarray(centre), axis=1) - radius)


def ellipsoid(points: Array, centre: Point, radii: Point) -> Array:
    """Distance to an axis-aligned ellipsoid, exact on its surface and close nearby."""
    local = (points - np.asarray(centre)) / np.asarray(radii)
    inner = np.linalg.norm(local, axis=1)
    outer = np.linalg.norm(local / np.asarray(radii), axis=1)
    return np.asarray(inner * (inner - 1.0) / np.maximum(outer, 1e-9))


def limb(points: Array, start: Point, end: Point, radius: float, end_radius: float | None = None) -> Array:
    """Distance to a segment with a thickness that goes linearly from one end to the other."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    axis = b - a
    share = np.clip((points - a) @ axis / (axis @ axis), 0.0, 1.0)
    away = np.linalg.norm(points - a - share[:, None] * axis, axis=1)
    return np.asarray(away - radius - share * ((radius if end_radius is None else end_radius) - radius))


def union(a: Array, b: Array, blend: float) -> Array:
    """Smooth minimum; surfaces closer than ``blend`` flow into each other."""
    near = np.maximum(blend - np.abs(a - b), 0.0) / blend
    return np.asarray(np.minimum(a, b) - near * near * blend * 0.25)


def without(a: Array, b: Array, blend: float) -> Array:
    """``a`` with ``b`` taken away, the edge rounded."""
    return -union(-a, b, blend)


def ramp(low: float, high: float, values: Array) -> Array:
    """Smooth step from 0 at ``low`` to 1 at ``high`` (which may be the smaller one)."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share))


def gradient(field: Field, points: Array, *, step: float) -> Array:
    """Unit gradients by central differences: the surface's outward normals."""
    out = np.empty_like(points)
    for axis in range(3):
        offset = np.zeros(3)
        offset[axis] = step
        out[:, axis] = field(points + offset) - field(points - offset)
    return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12))


def first_hit(field: Field, origins: Array, directions: Array, *, reach: float, rounds: int = 26) -> Array:
    """Where rays that start inside leave the surface for the last time, by bisection of coarse steps."""
    count = 48
    spots = np.linspace(0.0, reach, count)
    inside = np.zeros((len(origins), count), bool)
    for index, spot in enumerate(spots):
        inside[:, index] = field(origins + directions * spot) < 0
    last = count - 1 - np.argmax(inside[:, ::-1], axis=1)
    low = spots[last]
    high = spots[np.minimum(last + 1, count - 1)]
    for _ in range(rounds):
        middle = 0.5 * (low + high)
        within = field(origins + directions * middle[:, None]) < 0
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return np.asarray(origins + directions * (0.5 * (low + high))[:, None])

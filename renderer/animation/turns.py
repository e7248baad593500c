"""Rotations along a time line, as ``(k, 3, 3)`` matrices for k instants, and their way into keyframes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def axis_turn(axis: Array | tuple[float, float, float], angle: Array) -> Array:
    """Rotations by ``angle`` (k,) radians about one axis (3,), as ``(k, 3, 3)`` (Rodrigues)."""
    x, y, z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.asarray(np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross))


def euler_turn(angles: Array) -> Array:
    """``(k, 3)`` radians: nod (about X), then turn (about Y), then tilt (about Z), outermost first: Y X Z."""
    nod, turn, tilt = angles.T
    return axis_turn((0, 1, 0), turn) @ axis_turn((1, 0, 0), nod) @ axis_turn((0, 0, 1), tilt)


def arc(start: Array, end: Array) -> Array:
    """The shortest rotation ``(3, 3)`` that takes one direction to another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(a, b)
    if np.linalg.norm(axis) < 1e-9:
        if a @ b > 0:
            return np.eye(3)
        axis = np.cross(a, [0.0, 0.0, 1.0] if abs(a[2]) < 0.9 else [0.0, 1.0, 0.0])
    return np.asarray(axis_turn(axis, np.array([np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)]))[0])


def unit(vectors: Array) -> Array:
    """Vectors of length one along the last axis."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def frames(direction: Array, hinge: Array) -> Array:
    """Orthonormal bases whose columns are a direction ``(..., 3)``, the hinge made square to it, and their product."""
    first = unit(direction)
    second = unit(hinge - first * np.sum(first * hinge, axis=-1, keepdims=True))
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def quaternions(turns: Array) -> Array:
    """``(k, 3, 3)`` to ``(k, 4)`` xyzw, neighbours on the same side so that interpolation takes the short way."""
    m = turns
    trace = m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2]
    # the four candidates; the one with the largest pivot is exact everywhere (Shepperd)
    pivots = np.stack([*(2 * m[:, i, i] - trace for i in range(3)), trace], axis=1)
    best = np.argmax(pivots, axis=1)
    d = np.stack([m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], axis=1)
    out = np.empty((len(m), 4))
    for axis in range(3):
        rows = best == axis
        out[rows, :3] = (m[rows] + np.swapaxes(m[rows], 1, 2))[:, axis]
        out[rows, axis] = 1 + pivots[rows, axis]
        out[rows, 3] = d[rows, axis]
    rows = best == 3
    out[rows, :3], out[rows, 3] = d[rows], 1 + trace[rows]
    out = unit(out)
    flips = np.where(np.sum(out[1:] * out[:-1], axis=1) < 0, -1.0, 1.0)
    out[1:] *= np.cumprod(flips)[:, None]
    return out


def thinned(times: Array, values: Array, tolerance: float) -> tuple[Array, Array]:
    """The fewest keys, by greedy halving (Ramer, Douglas, Peucker), whose straight lines stay within the tolerance."""
    keep = {0, len(times) - 1}
    spans = [(0, len(times) - 1)]
    while spans:
        low, high = spans.pop()
        if high - low < 2:
            continue
        share = ((times[low:high] - times[low]) / (times[high] - times[low]))[:, None]
        miss = np.abs(values[low:high] - (values[low] + share * (values[high] - values[low]))).max(axis=1)
        worst = low + int(np.argmax(miss))
        if miss.max() > tolerance:
            keep.add(worst)
            spans += [(low, worst), (worst, high)]
    rows = sorted(keep)
    if len(rows) == 2 and np.abs(values[rows[1]] - values[rows[0]]).max() <= tolerance:
        rows = rows[:1] if len(times) == 1 else rows
    return times[rows], values[rows]

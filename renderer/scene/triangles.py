"""A primitive's triangles, whichever way its vertices are joined (glTF 2.0, section 3.7.2.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.scene.mesh import Mode, Primitive

Triangles = NDArray[np.uint32]


def triangles(primitive: Primitive) -> Triangles | None:
    """Vertex indices of the primitive's triangles ``(t, 3)`` in drawing order; None for points and lines."""
    order = primitive.indices
    if order is None:
        order = np.arange(len(primitive.positions), dtype=np.uint32)
    if primitive.mode is Mode.TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    if len(order) < 3 or primitive.mode not in (Mode.TRIANGLE_STRIP, Mode.TRIANGLE_FAN):
        return None if primitive.mode < Mode.TRIANGLES else np.zeros((0, 3), np.uint32)
    if primitive.mode is Mode.TRIANGLE_FAN:
        return np.stack((order[1:-1], order[2:], np.full(len(order) - 2, order[0])), axis=1)
    result = np.stack((order[:-2], order[1:-1], order[2:]), axis=1)
    result[1::2, 1:] = result[1::2, :0:-1]
    return result

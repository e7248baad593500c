"""A primitive's triangles, whichever way its indices say them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.scene import Mode, Primitive


def triangles(primitive: Primitive) -> NDArray[np.int64]:
    """``(n, 3)`` vertices of each triangle, counter-clockwise; none for points and lines."""
    indices = primitive.indices
    order = np.arange(len(primitive.positions)) if indices is None else indices.astype(np.int64)
    if primitive.mode is Mode.TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    if primitive.mode is Mode.TRIANGLE_STRIP and len(order) > 2:
        strip = np.stack((order[:-2], order[1:-1], order[2:]), axis=1)
        strip[1::2] = strip[1::2, [1, 0, 2]]
        return strip
    if primitive.mode is Mode.TRIANGLE_FAN and len(order) > 2:
        return np.stack((np.full(len(order) - 2, order[0]), order[1:-1], order[2:]), axis=1)
    return np.zeros((0, 3), np.int64)

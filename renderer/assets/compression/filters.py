"""The filters of EXT_meshopt_compression (appendix B): what decoded attributes are turned into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.assets.compression.damage import Damaged

Bytes = NDArray[np.uint8]


def apply_filter(name: str, elements: Bytes) -> Bytes:
    """Elements ``(count, stride)`` after the filter, in the same layout. Raises ``Damaged``."""
    stride = elements.shape[1]
    if name == "NONE":
        return elements
    if name == "OCTAHEDRAL" and stride in (4, 8):
        return _octahedral(elements.view("<i1" if stride == 4 else "<i2"))
    if name == "QUATERNION" and stride == 8:
        return _quaternion(elements.view("<i2"))
    if name == "EXPONENTIAL":
        return _exponential(elements.view("<i4"))
    raise Damaged(f"filter {name} for elements of {stride} bytes")


def _octahedral(packed: NDArray[np.signedinteger]) -> Bytes:
    """x, y on an octahedron and the integer that stands for 1; the fourth component passes through."""
    most = np.iinfo(packed.dtype).max
    one = np.maximum(packed[:, 2].astype(np.float32), np.float32(1.0))
    x, y = packed[:, 0] / one, packed[:, 1] / one
    z = 1.0 - np.abs(x) - np.abs(y)
    fold = np.minimum(z, 0.0)
    x = x - np.copysign(fold, x)
    y = y - np.copysign(fold, y)
    scale = most / np.maximum(np.sqrt(x * x + y * y + z * z), np.float32(1e-12))
    result = packed.copy()
    for column, values in enumerate((x, y, z)):
        result[:, column] = np.clip(_rounded(values * scale), -most, most)
    return result.view(np.uint8)


def _quaternion(packed: NDArray[np.signedinteger]) -> Bytes:
    """Three components over sqrt(2); the largest is left out and its place kept in two bits of the fourth."""
    one = np.maximum((packed[:, 3] | 3).astype(np.float32), np.float32(1.0))
    scale = np.float32(1.0 / np.sqrt(2.0)) / one
    x, y, z = (packed[:, i] * scale for i in range(3))
    w = np.sqrt(np.maximum(0.0, 1.0 - x * x - y * y - z * z))
    place = packed[:, 3] & 3
    result = np.empty_like(packed)
    rows = np.arange(len(packed))
    for step, values in enumerate((w, x, y, z)):
        result[rows, (place + step) % 4] = np.clip(_rounded(values * 32767.0), -32767, 32767)
    return result.view(np.uint8)


def _exponential(packed: NDArray[np.signedinteger]) -> Bytes:
    """A signed exponent of 8 bits over a signed mantissa of 24; what is too large is infinite, which is told later."""
    exponent = packed >> 24
    mantissa = (packed << 8) >> 8
    with np.errstate(over="ignore"):
        values: NDArray[np.float32] = np.ldexp(mantissa.astype(np.float32), exponent).astype("<f4")
    return values.view(np.uint8)


def _rounded(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """To the nearest integer, halves away from zero as C's round does."""
    result: NDArray[np.floating] = np.trunc(values + np.copysign(0.5, values))
    return result

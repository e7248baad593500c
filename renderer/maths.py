"""Quaternions, transforms and projections, vectorised over any leading dimensions.

Frames and layouts are those of ``renderer.scene``: right handed, +Y up, radians, quaternions xyzw, matrices that act
on column vectors. Inputs may be any floating type; results are ``float32``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Array = NDArray[np.float32]
Vector = Sequence[float] | Floats


_FEW = 128
"""Rows up to which it is the number of numpy's calls that counts, and not what they do."""


def normalize(vectors: Floats) -> Array:
    """Unit vectors along the last axis ``(..., c)``; a zero vector stays zero."""
    if vectors.ndim == 2 and len(vectors) <= _FEW:
        sizes = np.sqrt(np.vecdot(vectors, vectors))
        sizes[sizes == 0.0] = 1.0
        unit: Array = (vectors / sizes[:, None]).astype(np.float32, copy=False)
        return unit
    # Component by component: numpy is slow along rows as short as these.
    squares = vectors[..., 0] * vectors[..., 0]
    for i in range(1, vectors.shape[-1]):
        squares = squares + vectors[..., i] * vectors[..., i]
    lengths = np.sqrt(squares)
    result: Array = (vectors / np.where(lengths > 0.0, lengths, np.float32(1.0))[..., None]).astype(
        np.float32, copy=False
    )
    return result


def _product() -> Array:
    """``(16, 4)``: from the products of two quaternions' components to the components of their product."""
    x, y, z, w = range(4)
    result = np.zeros((4, 4, 4), np.float32)
    for i, j, k in ((x, y, z), (y, z, x), (z, x, y)):
        result[w, i, i] = result[i, w, i] = result[j, k, i] = 1.0
        result[k, j, i] = result[i, i, w] = -1.0
    result[w, w, w] = 1.0
    return result.reshape(16, 4)


_PRODUCT = _product()


def quaternion_multiply(a: Floats, b: Floats) -> Array:
    """Hamilton product ``a * b`` of ``(..., 4)``: the rotation b followed by the rotation a."""
    if a.ndim == b.ndim == 2 and len(a) == len(b) <= _FEW:
        products = (a[:, :, None] * b[:, None, :]).reshape(-1, 16)
        return (products @ _PRODUCT).astype(np.float32, copy=False)
    ax, ay, az, aw = (a[..., i] for i in range(4))
    bx, by, bz, bw = (b[..., i] for i in range(4))
    w = aw * bw - ax * bx - ay * by - az * bz
    result = np.empty((*w.shape, 4), np.float32)
    result[..., 0] = aw * bx + ax * bw + ay * bz - az * by
    result[..., 1] = aw * by - ax * bz + ay * bw + az * bx
    result[..., 2] = aw * bz + ax * by - ay * bx + az * bw
    result[..., 3] = w
    return result


def quaternion_conjugate(q: Floats) -> Array:
    """The opposite rotation of unit quaternions ``(..., 4)``."""
    return (q * np.array((-1.0, -1.0, -1.0, 1.0), np.float32)).astype(np.float32, copy=False)


def quaternion_rotate(q: Floats, vectors: Floats) -> Array:
    """Vectors ``(..., 3)`` turned by unit quaternions ``(..., 4)``."""
    axis = q[..., :3]
    twice = 2.0 * np.cross(axis, vectors)
    return (vectors + q[..., 3:] * twice + np.cross(axis, twice)).astype(np.float32, copy=False)


def quaternion_from_axis_angle(axis: Vector, angle: float | Floats) -> Array:
    """The turn by ``angle`` (radians, ``(...)``) about ``axis`` ``(..., 3)``, which need not be of unit length."""
    half = np.asarray(angle, np.float64)[..., None] * 0.5
    unit = normalize(np.asarray(axis, np.float64))
    shape = np.broadcast_shapes(unit.shape[:-1], half.shape[:-1])
    result = np.empty((*shape, 4), np.float32)
    result[..., :3] = unit * np.sin(half)
    result[..., 3:] = np.cos(half)
    return result


def quaternion_from_euler(angles: Vector) -> Array:
    """Intrinsic X, then Y, then Z (matrix ``Rx @ Ry @ Rz``), radians ``(..., 3)``: the order of glTF editors and
    of the avatar package's ``rotation`` and ``camRot``.
    """
    turns = np.asarray(angles, np.float64)
    axes = np.eye(3)
    x, y, z = (quaternion_from_axis_angle(axes[i], turns[..., i]) for i in range(3))
    return quaternion_multiply(quaternion_multiply(x, y), z)


def quaternion_between(a: Vector, b: Vector) -> Array:
    """The smallest rotation that turns direction ``a`` into direction ``b``, both ``(..., 3)``."""
    u, v = np.broadcast_arrays(normalize(np.asarray(a, np.float64)), normalize(np.asarray(b, np.float64)))
    u, v = u.astype(np.float64), v.astype(np.float64)
    real = 1.0 + np.einsum("...i,...i->...", u, v)
    # Opposite directions leave the axis open: any perpendicular one will do.
    spare = np.where(np.abs(u[..., :1]) > 0.9, np.array((0.0, 1.0, 0.0)), np.array((1.0, 0.0, 0.0)))
    opposite = (real < 1e-6)[..., None]
    axis = np.where(opposite, np.cross(u, spare), np.cross(u, v))
    return normalize(np.concatenate((axis, np.where(opposite, 0.0, real[..., None])), axis=-1))


def slerp(a: Floats, b: Floats, t: float | Floats) -> Array:
    """Spherical interpolation of unit quaternions ``(..., 4)`` along the shorter arc; ``t`` 0..1 ``(...)``."""
    dot = np.einsum("...i,...i->...", a, b)
    angle = np.arccos(np.minimum(np.abs(dot), 1.0))
    sine = np.sin(angle)
    near = sine < 1e-4
    # Where the two are all but equal, the sine ratio is 0/0 and its limit is the plain ratio.
    safe = np.where(near, 1.0, sine)
    first = np.where(near, 1.0 - t, np.sin((1.0 - t) * angle) / safe)
    second = np.where(near, t, np.sin(t * angle) / safe) * np.where(dot < 0.0, -1.0, 1.0)
    return normalize(a * first[..., None] + b * second[..., None])


def _from_products() -> Array:
    """``(16, 9)``: from the products of a quaternion's components to its rotation matrix less the identity."""
    x, y, z, w = range(4)
    result = np.zeros((4, 4, 3, 3), np.float32)
    for i, j, k in ((x, y, z), (y, z, x), (z, x, y)):
        result[j, j, i, i] = result[k, k, i, i] = -2.0
        result[i, j, i, j] = result[i, j, j, i] = 2.0
        result[k, w, i, j], result[k, w, j, i] = -2.0, 2.0
    return result.reshape(16, 9)


_FROM_PRODUCTS = _from_products()
_FLAT_IDENTITY = np.eye(3, dtype=np.float32).reshape(9)


def quaternion_to_matrix(q: Floats) -> Array:
    """Rotation matrices ``(..., 3, 3)`` of unit quaternions ``(..., 4)``."""
    if q.ndim == 2 and len(q) <= _FEW:
        products = (q[:, :, None] * q[:, None, :]).reshape(-1, 16)
        turned: Array = (products @ _FROM_PRODUCTS + _FLAT_IDENTITY).astype(np.float32, copy=False)
        return turned.reshape(-1, 3, 3)
    x, y, z, w = (q[..., i] for i in range(4))
    x2, y2, z2 = x + x, y + y, z + z
    xx, yy, zz, xy, xz, yz = x * x2, y * y2, z * z2, x * y2, x * z2, y * z2
    wx, wy, wz = w * x2, w * y2, w * z2
    result = np.empty((*q.shape[:-1], 3, 3), np.float32)
    result[..., 0, 0] = 1.0 - (yy + zz)
    result[..., 0, 1] = xy - wz
    result[..., 0, 2] = xz + wy
    result[..., 1, 0] = xy + wz
    result[..., 1, 1] = 1.0 - (xx + zz)
    result[..., 1, 2] = yz - wx
    result[..., 2, 0] = xz - wy
    result[..., 2, 1] = yz + wx
    result[..., 2, 2] = 1.0 - (xx + yy)
    return result


def quaternion_from_matrix(matrices: Floats) -> Array:
    """Unit quaternions of rotation matrices ``(..., 3, 3)``.

    Builds the four candidates of Shepperd's method and keeps the one with the largest pivot, which is never small.
    """
    m = np.asarray(matrices, np.float64)
    r = [[m[..., i, j] for j in range(3)] for i in range(3)]
    candidates = np.stack(
        (
            np.stack(
                (1 + r[0][0] - r[1][1] - r[2][2], r[0][1] + r[1][0], r[0][2] + r[2][0], r[2][1] - r[1][2]), axis=-1
            ),
            np.stack(
                (r[0][1] + r[1][0], 1 - r[0][0] + r[1][1] - r[2][2], r[1][2] + r[2][1], r[0][2] - r[2][0]), axis=-1
            ),
            np.stack(
                (r[0][2] + r[2][0], r[1][2] + r[2][1], 1 - r[0][0] - r[1][1] + r[2][2], r[1][0] - r[0][1]), axis=-1
            ),
            np.stack(
                (r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1], 1 + r[0][0] + r[1][1] + r[2][2]), axis=-1
            ),
        ),
        axis=-2,
    )
    pivots = np.einsum("...ii->...i", candidates)
    best = np.argmax(pivots, axis=-1)[..., None, None]
    return normalize(np.take_along_axis(candidates, best, axis=-2)[..., 0, :])


def compose(translations: Floats, rotations: Floats, scales: Floats) -> Array:
    """Transforms ``(..., 4, 4)`` that scale, then turn, then move: glTF's ``T * R * S``."""
    result = np.zeros((*translations.shape[:-1], 4, 4), np.float32)
    result[..., :3, :3] = quaternion_to_matrix(rotations) * scales[..., None, :]
    result[..., :3, 3] = translations
    result[..., 3, 3] = 1.0
    return result


def decompose(matrices: Floats) -> tuple[Array, Array, Array]:
    """Translation, rotation and scale of transforms ``(..., 4, 4)``.

    Exact for matrices without shear; a mirrored matrix gets a negative x scale. Of others it is the nearest in the
    sense that the columns' lengths and the translation are kept.
    """
    m = np.asarray(matrices, np.float64)
    scales = np.sqrt(np.einsum("...ij,...ij->...j", m[..., :3, :3], m[..., :3, :3]))
    mirrored = np.linalg.det(m[..., :3, :3]) < 0.0
    scales[..., 0] = np.where(mirrored, -scales[..., 0], scales[..., 0])
    turned = m[..., :3, :3] / np.where(scales == 0.0, 1.0, scales)[..., None, :]
    flat = np.any(scales == 0.0, axis=-1)[..., None, None]
    rotations = quaternion_from_matrix(np.where(flat, np.eye(3), turned))
    return m[..., :3, 3].astype(np.float32), rotations, scales.astype(np.float32)


def look_at(eye: Vector, target: Vector, up: Vector = (0.0, 1.0, 0.0)) -> Array:
    """World-to-view matrix ``(4, 4)``: the camera at ``eye`` looks along its own -Z towards ``target``.

    When the line of sight is along ``up``, another direction is taken for it, so the matrix is always a rotation.
    """
    # One camera a picture: plain numbers cost a tenth of what arrays of three do.
    x, y, z = (float(part) for part in eye)
    back = _unit(x - float(target[0]), y - float(target[1]), z - float(target[2])) or (0.0, 0.0, 1.0)
    right = _unit(*_cross((float(up[0]), float(up[1]), float(up[2])), back), least=1e-6)
    if right is None:
        right = _unit(*_cross((0.0, 0.0, -1.0) if abs(back[2]) < 0.9 else (0.0, 1.0, 0.0), back)) or (1.0, 0.0, 0.0)
    rows = (right, _cross(back, right), back)
    moved = [(*row, -(row[0] * x + row[1] * y + row[2] * z)) for row in rows]
    return np.array((*moved, (0.0, 0.0, 0.0, 1.0)), np.float32)


def _cross(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[float, float, float]:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _unit(x: float, y: float, z: float, *, least: float = 0.0) -> tuple[float, float, float] | None:
    """None where the length is not above ``least``."""
    length = math.hypot(x, y, z)
    return (x / length, y / length, z / length) if length > least else None


def perspective(*, yfov: float, aspect: float, znear: float, zfar: float | None) -> Array:
    """OpenGL projection ``(4, 4)``, depth -1..1 (glTF 2.0, section 3.10.3); ``zfar`` None: infinite."""
    scale = 1.0 / math.tan(yfov * 0.5)
    result = np.zeros((4, 4), np.float32)
    result[0, 0], result[1, 1], result[3, 2] = scale / aspect, scale, -1.0
    if zfar is None:
        result[2, 2], result[2, 3] = -1.0, -2.0 * znear
    else:
        result[2, 2], result[2, 3] = (zfar + znear) / (znear - zfar), 2.0 * zfar * znear / (znear - zfar)
    return result


def orthographic(*, height: float, aspect: float, znear: float, zfar: float) -> Array:
    """OpenGL projection ``(4, 4)`` of a view ``height`` metres high and ``height * aspect`` wide."""
    result = np.zeros((4, 4), np.float32)
    result[0, 0], result[1, 1] = 2.0 / (height * aspect), 2.0 / height
    result[2, 2], result[2, 3] = 2.0 / (znear - zfar), (zfar + znear) / (znear - zfar)
    result[3, 3] = 1.0
    return result

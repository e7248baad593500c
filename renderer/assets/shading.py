"""Normals and tangents that a file leaves out (glTF 2.0, section 3.7.2.1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from renderer.maths import normalize
from renderer.scene.mesh import Mode, MorphTarget, Primitive

Triangles = NDArray[np.uint32]
Rows = NDArray[np.float32]


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


def with_flat_normals(primitive: Primitive) -> Primitive:
    """The primitive as a triangle list whose vertices are not shared, so that every triangle has its own normal."""
    faces = triangles(primitive)
    if faces is None:
        return primitive
    order = faces.reshape(-1)

    def spread(rows: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        return None if rows is None else rows[order]

    positions = primitive.positions[order]
    corners = positions.reshape(-1, 3, 3)
    normals = normalize(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    return replace(
        primitive,
        positions=positions,
        normals=np.repeat(normals, 3, axis=0),
        tangents=None,
        uvs=tuple(uv[order] for uv in primitive.uvs),
        colors=spread(primitive.colors),
        joints=None if primitive.joints is None else primitive.joints[order],
        weights=spread(primitive.weights),
        indices=None,
        mode=Mode.TRIANGLES,
        targets=tuple(MorphTarget(positions=spread(target.positions)) for target in primitive.targets),
    )


def tangents_of(primitive: Primitive, *, uv_set: int) -> Rows | None:
    """Tangents ``(n, 4)`` from positions, normals and one set of texture coordinates; None without triangles.

    Each triangle's tangent (the direction in which u grows) is made perpendicular to the vertex normal, weighted by
    the corner's angle as MikkTSpace does, and summed at its vertices. Unlike MikkTSpace vertices are not split where
    mirrored halves of a texture meet; exporters have split them there already. ``w`` is the sign of the bitangent
    ``cross(normal, tangent) * w``, which points to where v, counted from the picture's top, falls.
    """
    faces = triangles(primitive)
    if faces is None or primitive.normals is None or uv_set >= len(primitive.uvs):
        return None
    points, coordinates = primitive.positions[faces], primitive.uvs[uv_set][faces]
    e1, e2 = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    (u1, v1), (u2, v2) = (coordinates[:, 1] - coordinates[:, 0]).T, (coordinates[:, 2] - coordinates[:, 0]).T
    area = u1 * v2 - u2 * v1
    usable = np.abs(area) > 1e-20
    sign = np.where(area < 0.0, np.float32(-1.0), np.float32(1.0))[:, None]
    along_u = normalize((e1 * v2[:, None] - e2 * v1[:, None]) * sign)
    # With v counted downwards a texture that is not mirrored has a negative area and w = +1.
    handedness = np.where(usable, -sign[:, 0], np.float32(0.0))

    normals = primitive.normals
    count = len(normals)
    sums = np.zeros((count, 3), np.float64)
    signs = np.zeros(count, np.float64)
    for corner in range(3):
        at = faces[:, corner]
        normal = normals[at]
        flat = normalize(along_u - normal * np.einsum("ij,ij->i", normal, along_u)[:, None])
        a = normalize(points[:, (corner + 1) % 3] - points[:, corner])
        b = normalize(points[:, (corner + 2) % 3] - points[:, corner])
        weight = np.where(usable, np.arccos(np.clip(np.einsum("ij,ij->i", a, b), -1.0, 1.0)), 0.0)
        for axis in range(3):
            sums[:, axis] += np.bincount(at, flat[:, axis] * weight, count)
        signs += np.bincount(at, handedness * weight, count)

    result = np.empty((count, 4), np.float32)
    lost = np.einsum("ij,ij->i", sums, sums) < 1e-12
    # A vertex without usable texture coordinates gets any direction along the surface.
    spare = np.where(np.abs(normals[:, :1]) > 0.9, np.array((0.0, 1.0, 0.0)), np.array((1.0, 0.0, 0.0)))
    chosen = np.where(lost[:, None], spare, sums)
    result[:, :3] = normalize(chosen - normals * np.einsum("ij,ij->i", normals, chosen)[:, None])
    result[:, 3] = np.where(signs < 0.0, -1.0, 1.0)
    return result

"""Normals and tangents that a file leaves out (glTF 2.0, section 3.7.2.1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.maths import normalize
from renderer.scene.later import Delayed, changed
from renderer.scene.mesh import Mode, MorphTarget, Primitive
from renderer.scene.triangles import triangles

Rows = NDArray[np.float32]


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

    def parted() -> tuple[MorphTarget, ...]:
        return tuple(MorphTarget(positions=spread(target.positions)) for target in primitive.targets)

    return changed(
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
        targets=Delayed(parted),
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
    # Coordinates as rows: numpy is several times faster along long rows than along rows of three.
    at = np.ascontiguousarray(faces.T)
    points, normals = np.ascontiguousarray(primitive.positions.T), np.ascontiguousarray(primitive.normals.T)
    uvs = np.ascontiguousarray(primitive.uvs[uv_set].T)
    corners = [points[:, index] for index in at]
    (u0, v0), (u1, v1), (u2, v2) = (uvs[:, index] for index in at)
    u1, v1, u2, v2 = u1 - u0, v1 - v0, u2 - u0, v2 - v0
    edges = [corners[1] - corners[0], corners[2] - corners[1], corners[0] - corners[2]]
    area = u1 * v2 - u2 * v1
    usable = np.abs(area) > 1e-20
    sign = np.where(area < 0.0, np.float32(-1.0), np.float32(1.0))
    along_u = edges[0] * (v2 * sign) + edges[2] * (v1 * sign)
    # With v counted downwards a texture that is not mirrored has a negative area and w = +1.
    handedness = np.where(usable, -sign, np.float32(0.0))
    units = [_unit_rows(edge) for edge in edges]

    count = len(primitive.normals)
    shares, signs = [], []
    for corner in range(3):
        normal = normals[:, at[corner]]
        flat = _unit_rows(along_u - normal * _dot_rows(normal, along_u))
        angle = np.arccos(np.clip(-_dot_rows(units[corner], units[corner - 1]), -1.0, 1.0))
        weight = np.where(usable, angle, np.float32(0.0))
        shares.append(flat * weight)
        signs.append(handedness * weight)
    order = at.reshape(-1)
    share = np.concatenate(shares, axis=1)
    sums: Rows = np.stack([np.bincount(order, row, count) for row in share]).astype(np.float32)
    turn = np.bincount(order, np.concatenate(signs), count)

    # A vertex without usable texture coordinates gets any direction along the surface.
    lost = _dot_rows(sums, sums) < 1e-12
    if lost.any():
        spare = np.where(
            np.abs(normals[:1]) > 0.9, np.array(((0.0,), (1.0,), (0.0,))), np.array(((1.0,), (0.0,), (0.0,)))
        )
        sums = np.where(lost, spare, sums).astype(np.float32)
    result = np.empty((count, 4), np.float32)
    result[:, :3] = _unit_rows(sums - normals * _dot_rows(normals, sums)).T
    result[:, 3] = np.where(turn < 0.0, -1.0, 1.0)
    return result


def _dot_rows(a: Rows, b: Rows) -> Rows:
    """Products of the columns of two ``(3, n)``."""
    result: Rows = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return result


def _unit_rows(vectors: Rows) -> Rows:
    """The columns of ``(3, n)`` at unit length; zero stays zero."""
    lengths = np.sqrt(_dot_rows(vectors, vectors))
    result: Rows = np.divide(vectors, np.where(lengths > 0.0, lengths, np.float32(1.0)), dtype=np.float32)
    return result

"""What sits on and in the head: ears, eyeballs, brows, lashes, teeth and tongue. Face frame, centimetres."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from renderer.sample.anatomy import EYE, EYE_RADIUS, LID_RADIUS, MOUTH_Y, face, from_eye, lid_line
from renderer.sample.field import Array, ellipsoid, first_hit, gradient, limb, ramp, union, without
from renderer.sample.mesher import Faces, grid_faces, surface_nets, vertex_normals

FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(slots=True, kw_only=True)
class Piece:
    """A mesh with texture coordinates; ``shade`` multiplies its colour (``(n,)`` or ``(n, 3)``).

    ``roots`` are where its points are held, for those that stand off the skin.
    """

    points: Array
    normals: Array
    faces: Faces
    uvs: Array
    shade: Array = field(default_factory=lambda: np.ones(1))
    roots: Array | None = None


def joined(pieces: list[Piece]) -> Piece:
    """Several pieces as one."""
    starts = np.cumsum([0] + [len(piece.points) for piece in pieces[:-1]])
    return Piece(
        points=np.concatenate([p.points for p in pieces]),
        normals=np.concatenate([p.normals for p in pieces]),
        faces=np.concatenate([p.faces + start for p, start in zip(pieces, starts, strict=True)]),
        uvs=np.concatenate([p.uvs for p in pieces]),
        shade=np.concatenate([np.broadcast_to(p.shade, len(p.points)) for p in pieces]),
        roots=None if any(p.roots is None for p in pieces) else np.concatenate([p.roots for p in pieces]),
    )


def mirror(piece: Piece) -> Piece:
    """The same on the other side."""
    return Piece(
        points=piece.points * FLIP,
        normals=piece.normals * FLIP,
        faces=piece.faces[:, ::-1],
        uvs=piece.uvs,
        shade=piece.shade,
        roots=None if piece.roots is None else piece.roots * FLIP,
    )


# --- ears -------------------------------------------------------------------------------------------------------


def _ear_frame() -> tuple[Array, Array]:
    """Origin, and columns: out of the ear's dish, up along it, ahead."""
    out = np.array([0.90, 0.05, 0.42])
    out /= np.linalg.norm(out)
    up = np.array([-0.02, 0.96, -0.26])
    up -= out * (up @ out)
    up /= np.linalg.norm(up)
    return np.array([7.15, -1.45, -2.0]), np.stack([out, up, np.cross(out, up)], axis=1)


def ear_field(points: Array) -> Array:
    """Distance to the left ear."""
    origin, axes = _ear_frame()
    p = (points - origin) @ axes  # x out of the dish, y up, z ahead
    d = ellipsoid(p, (0.05, 0.35, -0.15), (0.52, 2.35, 1.5))
    d = union(d, ellipsoid(p, (0.02, -1.75, -0.12), (0.42, 1.15, 0.98)), 0.7)
    turn = np.linspace(-0.5, 3.5, 14)  # the rim goes from the front over the top to the lobe
    rim = np.stack(
        [
            0.36 + 0.08 * np.sin(turn) - 0.20 * ramp(1.8, 3.5, turn),
            0.35 + 2.15 * np.sin(turn),
            -0.15 + 1.32 * np.cos(turn),
        ],
        axis=1,
    )
    for start, end in pairwise(rim):
        d = union(d, limb(p, start, end, 0.27), 0.18)
    d = without(d, ellipsoid(p, (0.75, 0.25, 0.10), (0.62, 1.45, 0.82)), 0.35)
    d = without(d, ellipsoid(p, (0.55, -0.45, 0.35), (0.65, 0.75, 0.5)), 0.3)
    return union(d, ellipsoid(p, (0.38, -0.35, 1.02), (0.34, 0.55, 0.35)), 0.25)


def ear() -> Piece:
    """The left ear."""
    shape = surface_nets(ear_field, np.arange(5.2, 9.6, 0.36), np.arange(-5.2, 2.2, 0.41), np.arange(-4.6, 0.8, 0.38))
    # what is inside the head is not needed
    keep = (face(shape.points) > -0.55)[shape.faces].any(axis=1)
    used, faces = np.unique(shape.faces[keep], return_inverse=True)
    points = shape.points[used]
    depth = np.clip(ear_field(points + 0.45 * shape.normals[used]) / 0.45, 0, 1)
    return Piece(
        points=points,
        normals=shape.normals[used],
        faces=faces.reshape(-1, 3),
        uvs=np.full((len(points), 2), 0.5),
        shade=0.62 + 0.38 * depth,
    )


# --- eyes -------------------------------------------------------------------------------------------------------


def eyeball() -> Piece:
    """The left eyeball's front, its texture laid on by angle from the pupil (0.5 texture units are 90 degrees)."""
    rows, columns = 13, 24
    away = np.linspace(0, 1, rows) ** 0.85 * np.radians(98)
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    w, a = np.meshgrid(away, around, indexing="ij")
    local = np.stack([np.sin(w) * np.cos(a), np.sin(w) * np.sin(a), np.cos(w)], axis=-1).reshape(-1, 3)
    cornea = 1.0 + 0.035 * np.clip(1 - (w.reshape(-1) / 0.52) ** 2, 0, 1) ** 1.5
    points = EYE + EYE_RADIUS * local * cornea[:, None]
    reach = (w / np.pi).reshape(-1)
    uvs = np.stack([0.5 + reach * np.cos(a).reshape(-1), 0.5 - reach * np.sin(a).reshape(-1)], axis=1)
    shade = np.clip(1.0 - 0.42 * np.clip(local[:, 1] - 0.12, 0, 1) ** 0.8 - 0.25 * np.abs(local[:, 0]) ** 2.5, 0, 1)
    faces = grid_faces(rows, columns, closed=True)
    kept = faces[np.linalg.norm(np.cross(*(points[faces[:, i]] - points[faces[:, 0]] for i in (1, 2))), axis=1) > 1e-9]
    return _outward(Piece(points=points, normals=local, faces=kept, uvs=np.clip(uvs, 0, 1), shade=shade))


def _outward(piece: Piece) -> Piece:
    a, b, c = (piece.points[piece.faces[:, i]] for i in range(3))
    agrees = (np.cross(b - a, c - a) * piece.normals[piece.faces[:, 0]]).sum()
    if agrees < 0:
        piece.faces = piece.faces[:, ::-1]
    return piece


def lashes() -> Piece:
    """The left eye's upper lashes: tapered, curved locks on the lid's rim; and a fine dark line along it."""
    points: list[Array] = []
    roots: list[Array] = []
    faces: list[Faces] = []
    count = 0
    angles = np.linspace(0.0, np.pi * 0.78, 22)
    for index, angle in enumerate(angles):
        outer = 1 - index / (len(angles) - 1)
        length = 0.12 + 0.30 * outer**0.9 + 0.035 * (index % 3)
        half = 0.042
        base = from_eye(lid_line(np.array([angle - half, angle + half]), 0.02), LID_RADIUS + 0.02)
        middle = base.mean(axis=0)
        out = (middle - EYE) / np.linalg.norm(middle - EYE)
        lean = np.array([0.95 * (outer - 0.30), 0.0, 0.0])
        for share, width in ((0.0, 1.0), (0.5, 0.66), (1.0, 0.06)):
            bend = out * 0.62 * share + np.array([0, 0.75, 0]) * share**1.7 + lean * share**1.2
            spot = middle + bend * length
            points += [spot + (base[0] - middle) * width, spot + (base[1] - middle) * width]
            roots += [middle, middle]
        faces.append(count + grid_faces(3, 2))
        count += 6
    line = np.linspace(-0.05, np.pi - 0.1, 26)
    low = from_eye(lid_line(line, -0.02), LID_RADIUS + 0.03)
    high = from_eye(lid_line(line, 0.115), LID_RADIUS + 0.04)
    taper = np.clip(np.sin(np.clip(line + 0.12, 0, np.pi)) * 2.2, 0.12, 1)[:, None]
    high = low + (high - low) * taper
    points += list(np.concatenate([low, high]))
    roots += list(np.concatenate([low, low]))
    faces.append(count + grid_faces(2, len(line)))
    every, flat = np.concatenate(faces), np.array(points)
    out = flat - EYE
    normals = out / np.linalg.norm(out, axis=1, keepdims=True)
    return Piece(points=flat, normals=normals, faces=every, uvs=np.full((len(flat), 2), 0.5), roots=np.array(roots))


def brow() -> Piece:
    """The left brow: a soft, tapered ridge that follows the forehead."""
    columns, rows = 22, 7
    t = np.linspace(0, 1, columns)
    x = 1.25 + 4.55 * t
    y = 2.62 + 0.62 * np.sin(np.pi * np.clip(t / 1.22, 0, 1) ** 1.15) - 0.62 * t**2.6
    width = (
        0.315 * np.clip(t / 0.07, 0.0, 1.0) ** 0.5 * (1 - 0.28 * t) * np.clip((1 - t) / 0.42, 0.0, 1.0) ** 0.75 + 0.012
    )
    s = np.linspace(-1, 1, rows)
    slope = np.gradient(y, x)
    normal = np.stack([-slope, np.ones_like(x)], 1) / np.hypot(slope, 1)[:, None]
    flat = np.stack([x, y], 1)[:, None] + normal[:, None] * (width[:, None] * s[None])[..., None]
    start = np.concatenate([flat.reshape(-1, 2), np.full((columns * rows, 1), 2.0)], axis=1)
    ground = first_hit(face, start, np.tile([0.0, 0.0, 1.0], (len(start), 1)), reach=10.0)
    out = gradient(face, ground, step=0.05)
    rise = 0.13 * (1 - s**2) ** 0.5 * np.clip(width / 0.3, 0.2, 1)[:, None] - 0.02
    points = ground + out * rise.reshape(-1, 1)
    faces = grid_faces(columns, rows)
    uvs = np.stack(np.broadcast_arrays(t[:, None] * 4, (s * 0.5 + 0.5)[None]), axis=-1).reshape(-1, 2)
    piece = Piece(points=points, normals=out, faces=faces, uvs=uvs)
    piece = _outward(piece)
    piece.normals = vertex_normals(points, piece.faces) * 0.6 + out * 0.4
    piece.normals /= np.linalg.norm(piece.normals, axis=1, keepdims=True)
    return piece


_ARCH_DEPTH = 1.25

# --- mouth ------------------------------------------------------------------------------------------------------


def teeth(*, upper: bool) -> Piece:
    """One row of teeth with its gum, behind the lips."""
    edge = MOUTH_Y + (-0.46 if upper else 0.05)  # the upper row bites in front of the lower one
    sign = 1.0 if upper else -1.0
    widths = [0.44, 0.36, 0.38, 0.36, 0.36, 0.42, 0.42] if upper else [0.30, 0.31, 0.35, 0.36, 0.36, 0.44, 0.44]
    pieces: list[Piece] = []
    at = 0.0
    heights = np.array([0.95, 0.88, 0.92, 0.8, 0.7, 0.66, 0.62]) - (0.0 if upper else 0.2)
    for size, height in zip(widths, heights, strict=True):
        for side in (1.0, -1.0):
            pieces.append(_tooth(side * (at + size / 2), size, height, edge, sign, upper=upper))
        at += size
    columns = 25
    arc = np.linspace(-at, at, columns)
    x, z, _ = _arch(arc, upper=upper)
    # The gum follows the teeth: those at the sides are lower.
    drop = heights[0] - np.interp(np.abs(arc), np.cumsum(widths) - np.array(widths) / 2, heights)
    rows = []
    for up, ahead in ((0.72, 0.02), (0.90, 0.16), (1.15, 0.14), (1.6, -0.35), (1.7, -1.2)):
        rows.append(np.stack([x, edge + sign * (up - drop), z + ahead - 0.06], axis=1))
    grid = np.stack(rows)
    points = grid.reshape(-1, 3)
    faces = grid_faces(len(rows), columns)
    if upper:
        faces = faces[:, ::-1]
    gum = Piece(
        points=points, normals=vertex_normals(points, faces), faces=faces, uvs=np.tile([0.75, 0.5], (len(points), 1))
    )
    if (gum.normals[:, 2]).mean() < 0:
        gum.faces, gum.normals = gum.faces[:, ::-1], -gum.normals
    pieces.append(gum)
    whole = joined(pieces)
    back = np.clip((whole.points[:, 2] - 3.9) / 2.6, 0.12, 1.0)
    # It is dark in the mouth's corners, where the cheeks are near.
    whole.shade = whole.shade * back * (1.0 - 0.7 * np.clip(np.abs(whole.points[:, 0]) / 2.3, 0.0, 1.0) ** 4)
    return whole


def _arch(along: Array, *, upper: bool) -> tuple[Array, Array, Array]:
    """x, z and heading of the row of teeth, by the length along it from the middle."""
    radius = 2.4 if upper else 2.25
    angle = along / radius
    front = 6.75 if upper else 6.3
    return radius * np.sin(angle), front - _ARCH_DEPTH * radius * (1 - np.cos(angle)), angle


def _tooth(place: float, size: float, height: float, edge: float, sign: float, *, upper: bool) -> Piece:
    rows, columns = 6, 8
    v = np.array([-1.0, -0.93, -0.72, 0.72, 0.93, 1.0])
    a = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    vv, aa = np.meshgrid(v, a, indexing="ij")
    round_off = (1 - np.abs(vv) ** 10 * 0.80) ** 0.5
    across = np.sign(np.cos(aa)) * np.abs(np.cos(aa)) ** 0.3 * size * 0.505 * round_off * (1 - 0.10 * (vv * 0.5 + 0.5))
    deep = np.sign(np.sin(aa)) * np.abs(np.sin(aa)) ** 0.8 * 0.21 * round_off
    x0, z0, heading = (float(value[0]) for value in _arch(np.array([place]), upper=upper))
    # The row is stretched backwards, and so are the teeth at its sides, or there would be gaps between them.
    tangent = np.array([np.cos(heading), -_ARCH_DEPTH * np.sin(heading)])
    ahead = np.array([-tangent[1], tangent[0]]) / np.linalg.norm(tangent)
    x = x0 + across * tangent[0] + deep * ahead[0]
    z = z0 + across * tangent[1] + deep * ahead[1]
    y = edge + sign * (height / 2 + vv * height / 2)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    faces = grid_faces(rows, columns, closed=True)
    cap = np.array([[0, i, i + 1] for i in range(1, columns - 1)])
    faces = np.concatenate([faces, cap])
    normals = vertex_normals(points, faces)
    centre = np.array([x0, edge + sign * height / 2, z0])
    if (normals * (points - centre)).sum() < 0:
        faces, normals = faces[:, ::-1], -normals
    return Piece(points=points, normals=normals, faces=faces, uvs=np.tile([0.25, 0.5], (len(points), 1)))


def tongue_field(points: Array) -> Array:
    """Distance to the resting tongue."""
    d = ellipsoid(points, (0, MOUTH_Y - 0.85, 3.9), (1.45, 0.55, 2.3))
    d = union(d, ellipsoid(points, (0, MOUTH_Y - 1.0, 2.4), (1.4, 0.8, 1.8)), 0.6)
    return without(d, limb(points, (0, MOUTH_Y - 0.12, 6.6), (0, MOUTH_Y - 0.02, 2.5), 0.18), 0.35)


def tongue() -> Piece:
    """The tongue at rest."""
    shape = surface_nets(
        tongue_field, np.arange(-1.9, 1.95, 0.38), np.arange(-9.2, -6.6, 0.30), np.arange(0.2, 7.0, 0.45)
    )
    shade = np.clip((shape.points[:, 2] - 2.6) / 3.4, 0.15, 1.0)
    return Piece(
        points=shape.points,
        normals=shape.normals,
        faces=shape.faces,
        uvs=np.tile([0.75, 0.5], (len(shape.points), 1)),
        shade=shade,
    )

"""The head's shape as a field, its landmarks, and the flat chart its skin is laid out on.

Face frame, here and in everything of the face: centimetres, X to the avatar's left, Y up from the eye line, Z ahead.

The skin is a sheet over a *chart*: u runs around the head (8 cm per radian from the middle of the face), v from the
neck to the crown. Points of the chart are shot outward onto the implicit head.
"""

from __future__ import annotations

import numpy as np

from renderer.sample.field import Array, ellipsoid, first_hit, limb, mirrored, sphere, union, without

EYE = np.array([3.42, 0.0, 5.55])
EYE_RADIUS = 1.88
LID_RADIUS = 2.08
MOUTH_Y, MOUTH_HALF = -6.85, 2.3
CENTRE = np.array([0.0, -2.0, -1.5])
AROUND = 8.0
CROWN = AROUND * np.pi / 2
CHIN_V = AROUND * np.radians(-50.0)
NECK_V = CHIN_V - 9.0
NECK_BOTTOM = -20.0
EYE_RING, MOUTH_RING = 40, 27


def skull(points: Array) -> Array:
    """Distance to the head and neck without eyelids and lips."""
    p = mirrored(points)
    d = ellipsoid(p, (0, 3.2, -1.6), (7.25, 8.1, 8.9))
    d = union(d, ellipsoid(p, (0, -2.6, 1.2), (6.1, 7.2, 6.6)), 3.0)
    d = union(d, ellipsoid(p, (0, -7.9, 3.9), (3.7, 3.2, 3.7)), 2.8)
    d = union(d, sphere(p, (0.0, -9.7, 6.1), 1.6), 1.9)
    d = union(d, sphere(p, (3.65, -3.6, 4.65), 2.5), 2.6)  # cheeks
    d = union(d, sphere(p, (3.85, -5.7, 0.3), 1.9), 3.0)  # corners of the jaw
    d = union(d, limb(p, (0.8, 2.5, 7.0), (4.4, 2.7, 5.3), 0.7), 2.2)  # brow ridge
    d = union(d, ellipsoid(p, (0, -6.9, 6.0), (2.9, 2.5, 2.05)), 1.9)  # what the lips sit on
    neck = limb(p, (0, -8.0, -2.4), (0, -17.0, -3.2), 3.95, 4.25)
    neck = union(neck, limb(p, (0, -20.5, -3.4), (9.0, -24.0, -3.4), 5.0), 4.0)
    d = union(d, neck, 1.9)
    d = union(d, limb(p, (2.2, -18.0, 0.7), (5.6, -6.0, -3.4), 0.5, 0.9), 1.6)
    d = without(d, sphere(p, EYE - (-0.1, -0.25, -2.85), 1.75), 2.2)  # the eyes' hollows
    return union(d, nose(p), 1.25)


def nose(p: Array) -> Array:
    """Distance to the nose (points folded to x >= 0)."""
    d = limb(p, (0, 0.9, 6.9), (0, -3.0, 8.95), 0.58, 0.78)
    d = union(d, sphere(p, (0, -3.25, 9.35), 0.98), 0.9)
    d = union(d, ellipsoid(p, (0.92, -3.6, 8.35), (0.66, 0.64, 0.88)), 0.7)
    return without(d, ellipsoid(p, (0.52, -4.22, 8.65), (0.34, 0.28, 0.48)), 0.3)


def face(points: Array) -> Array:
    """Distance to head and neck with the lids' bulge over the eyeballs."""
    p = mirrored(points)
    return union(skull(points), sphere(p, EYE, LID_RADIUS), 0.9)


# --- chart ----------------------------------------------------------------------------------------------------


def rays(chart: Array) -> tuple[Array, Array]:
    """Origins and directions of chart points ``(n, 2)``; below the chin they slide down the neck."""
    azimuth, v = chart[:, 0] / AROUND, chart[:, 1]
    down = np.clip((CHIN_V - v) / (CHIN_V - NECK_V), 0.0, 1.0)
    elevation = np.where(v >= CHIN_V, v / AROUND, np.radians(-50.0) * (1 - down))
    origins = np.tile(CENTRE, (len(chart), 1))
    origins[:, 1] += down * (NECK_BOTTOM - CENTRE[1])
    level = np.cos(elevation)
    return origins, np.stack([level * np.sin(azimuth), np.sin(elevation), level * np.cos(azimuth)], axis=1)


def chart_of(points: Array) -> Array:
    """Chart position of points above the chin's edge."""
    local = points - CENTRE
    flat = np.hypot(local[:, 0], local[:, 2])
    return np.stack([np.arctan2(local[:, 0], local[:, 2]), np.arctan2(local[:, 1], flat)], axis=1) * AROUND


def shoot(chart: Array) -> Array:
    """Chart points onto the face."""
    origins, directions = rays(chart)
    return first_hit(face, origins, directions, reach=20.0)


def lid_line(angle: Array, grow: float = 0.0) -> Array:
    """The eye's opening as (azimuth, elevation) seen from the left eyeball's centre, radians.

    ``angle`` goes round: 0 the outer corner, pi/2 the middle of the upper lid, pi the inner corner. ``grow`` moves the
    line outward, centimetres along the lid.
    """
    x, y = np.cos(angle), np.sin(angle)
    upper, lower = 0.435, 0.345
    height = np.where(y > 0, upper * np.abs(y) ** 0.80, -lower * np.abs(y) ** 0.95)
    # the outer corner a little higher than the inner one, the inner end drawn out toward the nose
    azimuth = np.where(x > 0, 0.83, 0.80) * np.sign(x) * np.abs(x) ** 0.92 + 0.03
    elevation = height + 0.055 * x - 0.02
    more = grow / LID_RADIUS
    length = np.hypot(x / 0.83, y / 0.5)
    return np.stack([azimuth + more * x / 0.83 / length, elevation + more * y / 0.5 / length], axis=1)


def from_eye(angles: Array, radius: float) -> Array:
    """Points at (azimuth, elevation) around the left eyeball's centre."""
    level = np.cos(angles[:, 1])
    away = np.stack(
        [level * np.sin(angles[:, 0]), np.sin(angles[:, 1]), level * np.cos(angles[:, 0])],
        axis=1,
    )
    return np.asarray(EYE + radius * away)


def mouth_line(x: Array) -> Array:
    """Height of the closed mouth's line: corners a little up, a soft dip in the middle."""
    share = np.clip(np.abs(x) / MOUTH_HALF, 0, 1.4)
    return np.asarray(MOUTH_Y + 0.30 * share**2.2 - 0.05 * np.exp(-((x / 0.6) ** 2)))


def lip_height(x: Array, upper: Array | bool) -> Array:
    """From the mouth's line to the lip's outer border, centimetres."""
    share = np.clip(np.abs(x) / MOUTH_HALF, 0, 1)
    round_off = np.sqrt(np.clip(1 - share**2.2, 0, 1))
    bow = 0.70 + 0.10 * np.exp(-(((np.abs(x) - 0.55) / 0.45) ** 2)) - 0.04 * np.exp(-((x / 0.35) ** 2))
    return np.asarray(np.where(upper, bow * round_off * (1 - 0.22 * share), 0.95 * round_off * (1 - 0.12 * share**2)))


def mouth_ring(share: float, *, open_by: float = 0.34) -> tuple[Array, Array]:
    """One loop around the mouth, from the top's middle over the corner to the bottom's middle.

    ``share`` 0 is the line where the lips meet, 1 the lips' border, more is beyond. Returns the loop on the face
    ``(k, 2)`` in x, y, and the same with the mouth drawn open, which is where the chart has its hole.
    """
    angle = np.linspace(0.0, np.pi, MOUTH_RING)
    reach = MOUTH_HALF + (0.16 * share if share <= 1 else 0.16 + 0.62 * (share - 1))
    x = reach * np.sin(angle) ** 0.9
    upper = np.cos(angle) > 0
    inner = np.minimum(x, MOUTH_HALF)
    beyond = max(share - 1.0, 0.0)
    arch = np.abs(np.cos(angle)) ** 0.75
    rise = min(share, 1.0) * lip_height(inner * MOUTH_HALF / reach, upper) + 0.85 * beyond * arch
    sign = np.where(np.abs(np.cos(angle)) < 1e-9, 0.0, np.where(upper, 1.0, -1.0))
    closed = np.stack([x, mouth_line(x) + sign * rise], axis=1)
    closed[[0, -1], 0] = 0.0
    gape = open_by * np.exp(-0.5 * share) * np.sqrt(np.clip(1 - (x / (MOUTH_HALF + 0.2)) ** 2, 0, 1))
    opened = closed + np.stack([np.zeros_like(x), sign * gape], axis=1)
    return closed, opened


def on_face(flat: Array) -> Array:
    """Points (x, y) of the front, dropped onto the face along -Z."""
    start = np.stack([flat[:, 0], flat[:, 1], np.full(len(flat), 2.0)], axis=1)
    return first_hit(face, start, np.tile([0.0, 0.0, 1.0], (len(flat), 1)), reach=11.0)


def lip_profile(share: Array, upper: Array, x: Array) -> Array:
    """How far the lips stand out of the face, by the share of their height; negative where they roll inward."""
    s = np.clip(share, 0.0, 2.0)
    full = np.sqrt(np.clip(1 - (np.clip(np.abs(x) / (MOUTH_HALF + 0.16), 0, 1)) ** 2.4, 0, 1))
    swell = np.where(upper, 0.36, 0.44) * np.sin(np.pi * np.clip(s, 0, 1) ** 0.72) ** 0.9
    edge = 0.13 * np.exp(-(((s - 1.0) / 0.28) ** 2)) * np.where(upper, 1.0, 0.55)
    roll = -0.24 * np.exp(-((s / 0.15) ** 2))
    under = -0.22 * np.exp(-(((s - 1.55) / 0.4) ** 2)) * np.where(upper, 0.15, 1.0)
    return np.asarray(full * (swell + edge + roll + under) + (1 - full) * -0.10 * np.exp(-((s / 0.5) ** 2)))

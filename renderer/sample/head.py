"""The skin mesh over the head, with loops around eyes and mouth; face frame and chart as in ``anatomy``.

Only the left half is made; the right one is its mirror image, and both use one half of a picture's texture coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.sample.anatomy import (
    AROUND,
    CHIN_V,
    CROWN,
    EYE_RADIUS,
    EYE_RING,
    LID_RADIUS,
    MOUTH_HALF,
    MOUTH_RING,
    NECK_BOTTOM,
    NECK_V,
    chart_of,
    face,
    from_eye,
    lid_line,
    lip_profile,
    mouth_line,
    mouth_ring,
    on_face,
    shoot,
)
from renderer.sample.field import Array, gradient, ramp
from renderer.sample.mesher import Faces, neighbour_mean, vertex_normals
from renderer.sample.triangulate import delaunay, inside, scatter


@dataclass(slots=True, kw_only=True)
class Skin:
    """The head's skin.

    Attributes:
        points, normals: ``(n, 3)``, face frame.
        faces: ``(m, 3)``.
        chart: ``(n, 2)`` with u mirrored for the right half.
        lip: ``(n,)`` +1 where the upper lip's side begins, -1 below the mouth's line, 0 at its corners.
        lip_share: ``(n,)`` 0 at the line where the lips meet to 1 at their border, then on; large elsewhere; negative
            inside the mouth.
        eye_side: ``(n,)`` 0 outside the lids' loops, else 1 + index of the loop (1: the rim), -1: the rim's inside.
    """

    points: Array
    normals: Array
    faces: Faces
    chart: Array
    lip: Array
    lip_share: Array
    eye_side: NDArray[np.int64]


LIP_SHARES = (0.0, 0.16, 0.38, 0.62, 0.84, 1.0, 1.18, 1.5, 1.95, 2.5)
LID_GROWS = (0.0, 0.10, 0.22, 0.38, 0.58, 0.85, 1.2)


def spacing(chart: Array) -> Array:
    """Wanted distance between the chart's points."""
    u, v = chart.T
    eye = np.hypot((u - 3.7) / 1.5, (v - 2.1) / 1.2)
    mouth = np.hypot(u / 1.3, (v + 4.1) / 1.1)
    tip = np.hypot(u, (v + 1.0) * 0.8)
    near = np.minimum(np.minimum(eye - 1.9, mouth - 2.6), tip - 1.3)
    size = 0.32 + 0.10 * np.clip(near, 0.0, 10.0)
    size = np.maximum(size, 0.3 + 0.11 * np.clip(u - 8.0, 0.0, 9.0))
    under = ramp(CHIN_V, CHIN_V - 2.0, v) * ramp(9.0, 6.0, u)
    return np.asarray(np.minimum(np.maximum(size, 1.25 * ramp(7.0, 9.5, v)), np.where(under > 0, 0.9, 1.25)))


def build() -> Skin:
    """The whole head."""
    angle = np.linspace(0, 2 * np.pi, EYE_RING, endpoint=False)
    lid_points = [from_eye(lid_line(angle), LID_RADIUS)]
    lid_charts = [chart_of(lid_points[0])]
    for grow in LID_GROWS[1:]:
        around = from_eye(lid_line(angle, grow), LID_RADIUS)
        lid_charts.append(chart_of(around))
    lip_closed, lip_charts, shares, sides = [], [], [], []
    for share in LIP_SHARES:
        closed, opened = mouth_ring(share)
        drop = on_face(closed)
        lip_closed.append(drop)
        raised = drop.copy()
        raised[:, 1] = opened[:, 1]
        lip_charts.append(chart_of(raised))
        shares.append(np.full(len(drop), share))
        half = np.cos(np.linspace(0, np.pi, MOUTH_RING))
        sides.append(np.where(np.abs(half) < 1e-9, 0.0, np.sign(half)))
    eye_hole, mouth_hole = (
        lid_charts[0],
        np.concatenate([lip_charts[0], [[-1.0, lip_charts[0][-1, 1]], [-1.0, lip_charts[0][0, 1]]]]),
    )

    ring_points = np.concatenate([*lid_charts, *lip_charts])
    edge = _frame_points(lip_charts)
    fixed = np.concatenate([ring_points, edge])
    rng = np.random.default_rng(7)
    spread = rng.uniform((0.0, NECK_V), (np.pi * AROUND, CROWN), (60000, 2))
    order = np.argsort(spacing(spread), kind="stable")
    spread = spread[order]
    outer_eye, outer_mouth = (
        lid_charts[-1],
        np.concatenate([lip_charts[-1], [[-1.0, lip_charts[-1][-1, 1]], [-1.0, lip_charts[-1][0, 1]]]]),
    )
    spread = spread[~inside(outer_eye, spread) & ~inside(outer_mouth, spread)]
    filled = scatter(fixed, spread, spacing)
    chart = np.concatenate([fixed, filled])
    for _ in range(3):
        faces = _kept(chart, eye_hole, mouth_hole)
        mean, count = np.zeros_like(chart), np.zeros(len(chart))
        for a, b in ((0, 1), (1, 2), (2, 0)):
            for start, end in ((a, b), (b, a)):
                np.add.at(mean, faces[:, start], chart[faces[:, end]])
                np.add.at(count, faces[:, start], 1)
        mean /= np.maximum(count, 1)[:, None]
        chart[len(fixed) :] = 0.4 * chart[len(fixed) :] + 0.6 * mean[len(fixed) :]
    faces = _kept(chart, eye_hole, mouth_hole)

    lids, lips = len(LID_GROWS) * EYE_RING, len(LIP_SHARES) * MOUTH_RING
    lip = np.zeros(len(chart))
    lip_share = np.full(len(chart), 9.0)
    lip[lids : lids + lips] = np.concatenate(sides)
    lip_share[lids : lids + lips] = np.concatenate(shares)
    eye_side = np.zeros(len(chart), np.int64)
    eye_side[:lids] = np.repeat(np.arange(1, len(LID_GROWS) + 1), EYE_RING)

    points = shoot(chart)
    points[:EYE_RING] = lid_points[0]
    points[lids : lids + lips] = np.concatenate(lip_closed)
    rings = slice(lids, lids + lips)
    points[rings] += _lip_lift(points[rings], lip_share[rings], lip[rings] >= 0)
    _smooth_rest(points, faces, np.arange(len(chart)) < lids + lips)
    sheet = _Sheet(points, chart, faces, lip, lip_share, eye_side)
    _add_inside(sheet, lids)
    return _whole(sheet)


def _lip_lift(points: Array, share: Array, upper: Array) -> Array:
    """Lips stand out along the face's front, fanned with its curve."""
    out = lip_profile(share, upper, points[:, 0])
    aside = np.clip(points[:, 0] / 7.5, -1, 1)
    tilt = np.where(upper, 0.10, -0.16) * np.clip(1.2 - share, 0, 1)
    direction = np.stack([aside, tilt, np.sqrt(1 - aside**2)], axis=1)
    return np.asarray(out[:, None] * direction)


def _frame_points(lip_charts: list[Array]) -> Array:
    """Points along the sheet's edges: the middle of the face, of the back, the neck's end and the crown."""
    top, bottom = lip_charts[-1][0, 1], lip_charts[-1][-1, 1]
    rows: list[tuple[float, float]] = []
    for low, high in ((top, CROWN), (NECK_V, bottom)):
        v = low
        while v < high - 0.2:
            v += float(spacing(np.array([[0.0, v]]))[0])
            rows.append((0.0, min(v, high)))
    rows += [(0.0, NECK_V)]
    rows += [(np.pi * AROUND, v) for v in np.linspace(NECK_V, CROWN, 20)]
    rows += [(u, v) for u in np.linspace(0, np.pi * AROUND, 23)[1:-1] for v in (NECK_V, CROWN)]
    unique = {(round(u, 6), round(v, 6)): None for u, v in rows}
    return np.array(list(unique))


def _kept(chart: Array, eye_hole: Array, mouth_hole: Array) -> Faces:
    faces = delaunay(chart)
    centre = chart[faces].mean(axis=1)
    a, b, c = (chart[faces[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return np.asarray(faces[~inside(eye_hole, centre) & ~inside(mouth_hole, centre) & (area > 1e-6)])


def _smooth_rest(points: Array, faces: Faces, fixed: NDArray[np.bool_]) -> None:
    """Even out where the sheet stretches (under nose and chin), sliding along the surface."""
    edge = (points[:, 0] < 1e-6) | (points[:, 1] < NECK_BOTTOM + 2.0)
    free = ~fixed & (points[:, 1] > NECK_BOTTOM + 0.5)
    for _ in range(4):
        moved = 0.5 * points + 0.5 * neighbour_mean(points, faces)
        moved[edge, 0] = points[edge, 0]
        moved = moved - gradient(face, moved, step=0.02) * face(moved)[:, None]
        moved[points[:, 0] < 1e-6, 0] = 0.0
        points[free & ~(edge & (points[:, 1] < NECK_BOTTOM + 2.0))] = moved[
            free & ~(edge & (points[:, 1] < NECK_BOTTOM + 2.0))
        ]


def _add_inside(sheet: _Sheet, lips_at: int) -> None:
    """The lids' thickness, and the lips' insides with the mouth behind them."""
    angle = np.linspace(0, 2 * np.pi, EYE_RING, endpoint=False)
    rim = np.arange(EYE_RING)
    middle = sheet.chart[rim].mean(axis=0)
    edge = sheet.extend(
        from_eye(lid_line(angle, -0.07), EYE_RADIUS - 0.05),
        middle + 0.86 * (sheet.chart[rim] - middle),
        lip=0.0,
        lip_share=9.0,
        eye_side=-1,
    )
    after = np.roll(rim, -1)
    beyond = np.roll(edge, -1)
    sheet.join(np.stack([rim, after, edge], 1), np.stack([after, beyond, edge], 1))

    ring = lips_at + np.arange(MOUTH_RING)
    front = sheet.points[ring]
    side = sheet.lip[ring]
    line = chart_of(np.stack([front[:, 0], mouth_line(front[:, 0]), front[:, 2]], axis=1))
    last = ring
    for depth, spread, narrow, keep in (
        (0.25, 0.02, 1.0, 0.80),
        (0.60, 0.18, 0.99, 0.60),
        (1.15, 0.80, 1.00, 0.45),
        (2.40, 1.55, 1.02, 0.30),
        (4.60, 1.70, 0.95, 0.15),
        (6.20, 0.30, 0.50, 0.0),
    ):
        points = front * [narrow, 1.0, 1.0]
        points[:, 1] += side * spread * np.sqrt(np.clip(1 - (front[:, 0] / (MOUTH_HALF + 0.3)) ** 2, 0, 1))
        points[:, 2] = front[:, 2] * (1 - 0.05 * depth) - depth
        chart = line + keep * (sheet.chart[ring] - line)
        inner = sheet.extend(points, chart, lip=side, lip_share=-depth, eye_side=0)
        sheet.join(
            np.stack([last[1:], last[:-1], inner[:-1]], 1),
            np.stack([last[1:], inner[:-1], inner[1:]], 1),
        )
        last = inner


@dataclass(slots=True)
class _Sheet:
    """The left half while it grows; attributes as in ``Skin``."""

    points: Array
    chart: Array
    faces: Faces
    lip: Array
    lip_share: Array
    eye_side: NDArray[np.int64]

    def extend(
        self, points: Array, chart: Array, *, lip: Array | float, lip_share: float, eye_side: int
    ) -> NDArray[np.int64]:
        """Add vertices; returns their indices."""
        first, count = len(self.points), len(points)
        self.points = np.concatenate([self.points, points])
        self.chart = np.concatenate([self.chart, chart])
        self.lip = np.concatenate([self.lip, np.broadcast_to(lip, count)])
        self.lip_share = np.concatenate([self.lip_share, np.full(count, lip_share)])
        self.eye_side = np.concatenate([self.eye_side, np.full(count, eye_side)])
        return first + np.arange(count)

    def join(self, *faces: Faces) -> None:
        """Add triangles."""
        self.faces = np.concatenate([self.faces, *faces])


def _whole(half: _Sheet) -> Skin:
    """Both halves, sharing the vertices of the middle."""
    points = half.points
    middle = np.abs(points[:, 0]) < 1e-6
    points[middle, 0] = 0.0
    others = np.flatnonzero(~middle)
    twin = np.arange(len(points))
    twin[others] = len(points) + np.arange(len(others))
    all_points = np.concatenate([points, points[others] * [-1.0, 1.0, 1.0]])
    all_faces = np.concatenate([half.faces, twin[half.faces][:, ::-1]])
    return Skin(
        points=all_points,
        normals=vertex_normals(all_points, all_faces),
        faces=all_faces,
        chart=np.concatenate([half.chart, half.chart[others] * [-1.0, 1.0]]),
        lip=np.concatenate([half.lip, half.lip[others]]),
        lip_share=np.concatenate([half.lip_share, half.lip_share[others]]),
        eye_side=np.concatenate([half.eye_side, half.eye_side[others]]),
    )

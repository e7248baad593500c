"""The face's picture: skin, blush, lips and lids painted over the head's chart, one half for both sides."""

from __future__ import annotations

import numpy as np

from renderer.sample.anatomy import AROUND, CROWN, EYE, MOUTH_HALF, MOUTH_Y, NECK_V, face, lid_line, mouth_line
from renderer.sample.field import Array, ramp
from renderer.sample.hair import hairline
from renderer.sample.head import Skin
from renderer.sample.textures import clouds, jpeg

WIDTH, HEIGHT = 640, 896
DENSER = 1.6
"""How much finer the middle of the face is painted than the side of the head."""
SKIN = np.array([0.925, 0.752, 0.645])
PLAIN = np.array([[0.93, 0.25]])
"""Texture coordinates of a spot of plain skin (under the hair), for ears and hands."""


def texture_coordinates(chart: Array) -> Array:
    """Chart to texture, ``(n, 2)``; both halves share one side."""
    share = np.abs(chart[:, 0]) / (np.pi * AROUND)
    u = share * (1 + DENSER) / (1 + DENSER * share)
    return np.stack([np.clip(u, 0, 1), np.clip((CROWN - chart[:, 1]) / (CROWN - NECK_V), 0, 1)], axis=1)


def skin(head: Skin) -> tuple[bytes, bytes]:
    """Base colour, and occlusion-roughness-metalness."""
    values = np.concatenate(
        [
            head.points,
            np.clip(head.lip_share, -7, 9)[:, None],
            head.lip[:, None],
            _opening_distance(head)[:, None],
            occlusion(head)[:, None],
        ],
        axis=1,
    )
    field, covered = _rasterised(head, values)
    points, share, side, lid, shade = field[..., :3], field[..., 3], field[..., 4], field[..., 5], field[..., 6]
    colour = _colours(points, share, side, lid, shade)
    colour = _spread(colour, covered)
    gloss = 0.52 + 0.05 * clouds((HEIGHT, WIDTH), (96, 64), 5)
    gloss = gloss - 0.20 * ramp(1.08, 0.9, share) * (share > 0.05) - 0.06 * _spot(points, (0, -3.0, 9.3), 1.6)
    gloss = np.where(lid < 0.12, np.minimum(gloss, 0.35), gloss)
    orm = np.stack([0.4 + 0.6 * shade, gloss, np.zeros_like(gloss)], axis=-1)
    small = _spread(orm, covered)[::4, ::4]
    return jpeg(colour, quality=90), jpeg(small, quality=82)


def _spot(points: Array, centre: tuple[float, float, float], radius: float) -> Array:
    return np.asarray(np.exp(-((points - np.asarray(centre)) ** 2).sum(-1) / radius**2))


def _colours(p: Array, share: Array, side: Array, lid: Array, shade: Array) -> Array:
    x, y = p[..., 0], p[..., 1]
    c = np.broadcast_to(SKIN, p.shape).copy()
    fine = 0.6 * clouds((HEIGHT, WIDTH), (160, 112), 1) + 0.4 * clouds((HEIGHT, WIDTH), (60, 44), 2)
    c *= (1 + 0.012 * fine + 0.010 * clouds((HEIGHT, WIDTH), (18, 12), 3))[..., None]

    def tint(amount: Array, colour: tuple[float, float, float]) -> None:
        nonlocal c
        c = c + (np.asarray(colour) - c) * np.clip(amount, 0, 1)[..., None]

    tint(0.50 * _spot(p, (4.3, -3.2, 5.9), 2.2), (0.93, 0.53, 0.47))  # cheeks
    tint(0.24 * _spot(p, (0.0, -3.3, 9.9), 1.5), (0.90, 0.55, 0.48))  # tip of the nose
    tint(0.20 * _spot(p, (1.2, -3.8, 8.6), 0.9), (0.86, 0.50, 0.43))
    tint(0.14 * _spot(p, (0.0, -10.2, 7.2), 1.6), (0.90, 0.56, 0.48))  # chin
    tint(0.10 * ramp(2.0, 7.0, y) * ramp(3, 7, p[..., 2]), (0.95, 0.80, 0.68))  # forehead
    tint(0.80 * _spot(p, (0.50, -4.20, 8.62), 0.28), (0.36, 0.17, 0.14))  # nostrils
    # lids: a little shade in the crease, liner along the upper rim, the moist rim itself
    high = y > EYE[1] + 0.02 + 0.055 * (x - EYE[0]) / 1.6
    near = np.exp(-(((np.abs(x) - EYE[0]) / 2.6) ** 4))
    tint(0.30 * np.exp(-(((lid - 0.62) / 0.30) ** 2)) * high * near, (0.66, 0.42, 0.36))
    tint(0.16 * np.exp(-(((lid - 0.30) / 0.35) ** 2)) * high * near, (0.80, 0.55, 0.48))
    tint(0.07 * np.exp(-(((lid - 0.35) / 0.35) ** 2)) * ~high * near, (0.74, 0.48, 0.42))
    tint(0.35 * ramp(0.10, 0.0, lid) * ~high * (lid >= 0), (0.78, 0.52, 0.46))
    tint(
        0.80 * ramp(0.13, 0.02, lid) * high * (lid >= 0) * ramp(EYE[0] - 1.62, EYE[0] - 1.2, np.abs(x)),
        (0.20, 0.12, 0.10),
    )
    tint(0.9 * (lid < -0.001), (0.90, 0.66, 0.60))
    tint(
        0.28 * np.exp(-(((y - 2.95) / 0.5) ** 2)) * np.exp(-(((np.abs(x) - 3.4) / 2.0) ** 4)) * ramp(3, 5, p[..., 2]),
        (0.62, 0.44, 0.36),
    )
    # lips
    lips = ramp(1.10, 0.94, share) * (share > -1.4)
    upper = side > 0
    rose = np.where(upper[..., None], (0.735, 0.375, 0.355), (0.815, 0.445, 0.420))
    centre = np.exp(-((x / 1.5) ** 2)) * np.exp(-(((share - 0.55) / 0.3) ** 2)) * ~upper
    rose = rose + 0.06 * centre[..., None]
    rose = rose * (1 + 0.030 * clouds((HEIGHT, WIDTH), (20, 150), 4))[..., None]
    c = c + (rose - c) * (0.92 * lips)[..., None]
    tint(0.72 * np.exp(-((share / 0.13) ** 2)) * (share < 3), (0.40, 0.12, 0.12))
    tint(0.22 * np.exp(-(((share - 1.9) / 0.5) ** 2)) * ~upper * np.exp(-((x / 1.6) ** 2)), (0.66, 0.42, 0.35))
    tint(
        0.45 * np.exp(-(((x - MOUTH_HALF - 0.10) / 0.28) ** 2 + ((y - mouth_line(x)) / 0.22) ** 2)), (0.55, 0.28, 0.25)
    )
    inside = ramp(-0.4, -2.4, share) * (share < 0)
    tint(0.95 * inside, (0.30, 0.07, 0.08))
    tint(0.80 * ramp(-2.2, -6.0, share), (0.10, 0.02, 0.02))
    # where hair casts its shade, and where little light gets
    around = np.arctan2(x, p[..., 2] + 1.6)
    edge = np.maximum(np.interp(around, np.linspace(0, np.pi, 64), _hairlines()), -3.0)
    tint(
        0.50 * ramp(-1.4, 0.6, y - edge) * ramp(2.6, 1.4, y - edge) * ramp(0.35, 0.9, np.abs(y - MOUTH_Y) / 8),
        (0.52, 0.36, 0.29),
    )
    shade = 1 - (1 - shade) * (0.25 + 0.75 * ramp(0.2, 2.0, lid))
    dark = (1 - shade)[..., None] * np.array([0.20, 0.38, 0.42])
    return np.asarray(np.clip(c * (1 - dark), 0, 1))


def _hairlines() -> Array:
    around = np.linspace(0, np.pi, 64)
    return np.asarray(np.maximum(hairline(around), hairline(-around)))


def _opening_distance(head: Skin) -> Array:
    """Roughly how far from the eye's opening, centimetres along the skin; negative inside its rim."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    line = lid_line(angle)
    local = np.abs(head.points) * [1, 0, 0] + head.points * [0, 1, 1] - EYE
    distance = np.maximum(np.linalg.norm(local, axis=1), 1e-9)
    seen = np.stack([np.arctan2(local[:, 0], local[:, 2]), np.arcsin(local[:, 1] / distance)], axis=1)
    gap = np.linalg.norm(seen[:, None] - line[None], axis=2).min(axis=1) * 2.1
    gap = np.where(local[:, 2] > 0, gap, 9.0) + np.maximum(distance - 3.2, 0.0)
    return np.where(head.eye_side < 0, -0.15, np.where(head.eye_side == 1, 0.0, gap))


def occlusion(head: Skin) -> Array:
    """1 in the open, less in hollows: how much the surface has closed in some way out along the normal."""
    light = np.ones(len(head.points))
    for reach, weight in ((0.35, 0.28), (0.9, 0.34), (2.0, 0.22)):
        away = face(head.points + head.normals * reach) / reach
        light -= weight * np.clip(1 - away, 0, 1)
    inside = head.lip_share < 0
    return np.where(inside, np.maximum(0.35, 1 + head.lip_share * 0.18), np.clip(light, 0.25, 1))


def _rasterised(head: Skin, values: Array) -> tuple[Array, Array]:
    """Vertex values spread over the left half's triangles in the texture; and where there are any."""
    spots = texture_coordinates(head.chart) * [WIDTH, HEIGHT] - 0.5
    left = head.faces[(head.chart[head.faces, 0] >= -1e-9).all(axis=1)]
    out = np.zeros((HEIGHT, WIDTH, values.shape[1]))
    covered = np.zeros((HEIGHT, WIDTH), bool)
    for corners in left:
        a, b, c = spots[corners]
        low = np.maximum(np.floor(np.min([a, b, c], axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(np.max([a, b, c], axis=0)).astype(int) + 1, [WIDTH, HEIGHT])
        if (high <= low).any():
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-9:
            continue
        wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        wa = 1 - wb - wc
        hit = (wa >= -1e-6) & (wb >= -1e-6) & (wc >= -1e-6)
        mixed = (
            wa[..., None] * values[corners[0]] + wb[..., None] * values[corners[1]] + wc[..., None] * values[corners[2]]
        )
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        out[window][hit] = mixed[hit]
        covered[window] |= hit
    return out, covered


def _spread(pixels: Array, covered: Array, rounds: int = 24) -> Array:
    """Colours carried over the edge of what is painted, so that filtering finds no seam."""
    pixels, known = pixels.copy(), covered.copy()
    for _ in range(rounds):
        total, count = np.zeros_like(pixels), np.zeros(known.shape)
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            shifted = np.roll(known, step, axis)
            total += np.where(shifted[..., None], np.roll(pixels, step, axis), 0)
            count += shifted
        fresh = ~known & (count > 0)
        pixels[fresh] = total[fresh] / count[fresh][:, None]
        known |= fresh
    rest = ~known
    pixels[rest] = pixels[known].mean(axis=0) if known.any() else 0
    return pixels

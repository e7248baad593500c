"""Pictures that tile or stand alone: eyes, hair, knit, cloth. All are made from numbers, the same each time."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from renderer.sample.field import Array, ramp


def jpeg(pixels: Array, *, quality: int = 88) -> bytes:
    """``(h, w, 3)`` 0..1 display-coded to JPEG."""
    out = io.BytesIO()
    whole = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(whole).save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
    return out.getvalue()


def clouds(size: tuple[int, int], cells: tuple[int, int], seed: int) -> Array:
    """Smooth noise -1..1 ``(h, w)`` that tiles, with ``cells`` (down, across) bumps."""
    table = np.random.default_rng(seed).uniform(-1, 1, cells)
    rows = np.arange(size[0]) / size[0] * cells[0]
    columns = np.arange(size[1]) / size[1] * cells[1]

    def axis(values: Array, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
        whole = np.floor(values).astype(np.int64)
        share = values - whole
        return whole % count, (whole + 1) % count, share * share * (3 - 2 * share)

    r0, r1, rs = axis(rows, cells[0])
    c0, c1, cs = axis(columns, cells[1])
    top = table[np.ix_(r0, c0)] * (1 - cs) + table[np.ix_(r0, c1)] * cs
    bottom = table[np.ix_(r1, c0)] * (1 - cs) + table[np.ix_(r1, c1)] * cs
    return np.asarray(top * (1 - rs[:, None]) + bottom * rs[:, None])


def normal_map(height: Array, strength: float) -> Array:
    """Tangent-space normals of a height field that tiles; +Y up the picture, as glTF wants it."""
    dx = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * strength
    dy = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) * strength
    n = np.stack([-dx, dy, np.ones_like(height)], axis=-1)
    return np.asarray(0.5 + 0.5 * n / np.linalg.norm(n, axis=-1, keepdims=True))


def eye(size: int = 256) -> bytes:
    """Sclera, iris and pupil with the lights that make an eye look awake; see ``features.eyeball`` for the mapping."""
    y, x = np.mgrid[0:size, 0:size]
    u, v = (x + 0.5) / size - 0.5, 0.5 - (y + 0.5) / size
    angle = np.degrees(np.hypot(u, v) * np.pi)
    turn = np.arctan2(v, u)
    iris, pupil = 28.0, 11.5
    white = np.array([0.955, 0.945, 0.935]) - 0.10 * ramp(30, 75, angle)[..., None] * [0.25, 0.8, 0.8]
    fibres = (
        0.5 + 0.25 * np.sin(37 * turn + 2.2 * np.sin(5 * turn)) + 0.25 * np.sin(61 * turn + 1.7 * np.sin(9 * turn + 1))
    )
    depth = (angle - pupil) / (iris - pupil)
    dark, mid, light = np.array([0.20, 0.115, 0.06]), np.array([0.43, 0.27, 0.12]), np.array([0.66, 0.46, 0.20])
    glow = np.clip(0.30 + 0.55 * np.exp(-(((depth - 0.32) / 0.34) ** 2)) + 0.25 * (fibres - 0.5) - 0.28 * v * 12, 0, 1)[
        ..., None
    ]
    colour = np.where(glow < 0.5, dark + (mid - dark) * glow * 2, mid + (light - mid) * (glow * 2 - 1))
    colour = colour * (1 - 0.72 * ramp(0.76, 1.02, depth))[..., None]
    out = white + (colour - white) * ramp(iris + 1.4, iris - 1.2, angle)[..., None]
    out = out * (1 - ramp(pupil + 1.0, pupil - 1.0, angle)[..., None] * 0.985)
    for du, dv, radius, strength in ((-0.052, 0.066, 0.030, 0.97), (0.052, -0.062, 0.014, 0.40)):
        spot = ramp(radius, radius * 0.72, np.hypot(u - du, v - dv))[..., None] * strength
        out = out + (1 - out) * spot
    return jpeg(out, quality=92)


def hair_height(size: int = 256) -> Array:
    """Strands down the picture."""
    fine = (
        clouds((size, size), (3, 96), 11)
        + 0.7 * clouds((size, size), (4, 48), 12)
        + 0.5 * clouds((size, size), (2, 20), 13)
    )
    return np.asarray(fine / 2.2)


def hair() -> tuple[bytes, bytes]:
    """Base colour and normals of hair."""
    h = hair_height()
    tint = np.array([0.40, 0.255, 0.165])
    base = tint * (0.86 + 0.34 * h)[..., None] + np.array([0.05, 0.025, 0.0]) * np.clip(h, 0, 1)[..., None]
    return jpeg(base, quality=85), jpeg(normal_map(h, 1.5), quality=85)


def knit() -> tuple[bytes, bytes, bytes]:
    """Base colour (white, to be tinted), normals, and occlusion-roughness-metalness of a fine knit."""
    size, loops = 128, 8
    y, x = np.mgrid[0:size, 0:size] / size * loops * 2 * np.pi
    lean = 0.9 * np.abs(((x / np.pi) % 2) - 1)  # the two legs of every stitch lean together
    stitch = np.sin(y + 2.4 * lean) * 0.5 + 0.5
    column = np.abs(np.sin(x / 2 * 2)) ** 0.7
    h = 0.55 * stitch + 0.45 * column + 0.10 * clouds((size, size), (32, 32), 21)
    base = (0.86 + 0.14 * h)[..., None] * np.ones(3) + 0.02 * clouds((size, size), (24, 24), 22)[..., None]
    orm = np.stack([0.75 + 0.25 * h, 0.86 + 0.08 * (1 - h), np.zeros_like(h)], axis=-1)
    return jpeg(base, quality=85), jpeg(normal_map(h, 1.1), quality=85), jpeg(orm, quality=80)


def twill() -> tuple[bytes, bytes]:
    """Base colour and normals of a diagonal weave."""
    size = 128
    y, x = np.mgrid[0:size, 0:size] / size * 2 * np.pi
    h = 0.5 + 0.5 * np.sin(16 * x + 16 * y) * (0.8 + 0.2 * clouds((size, size), (32, 32), 31))
    base = np.array([0.185, 0.215, 0.285]) * (0.88 + 0.18 * h + 0.07 * clouds((size, size), (10, 10), 32))[..., None]
    return jpeg(base, quality=85), jpeg(normal_map(h, 0.55), quality=85)

"""A panorama's light made ready for shading: its blur by the lobe of each roughness, and its cosine convolution.

Only arrays; nothing here touches OpenGL. Nine spherical harmonics would do for the convolution of a soft sky, but are
off by a seventh under a few bright lamps. Sources: Karis, "Real shading in Unreal Engine 4" (2013), for the prefiltered
reflection with viewer, normal and mirrored direction in one; Colbert and Krivanek, GPU Gems 3 chapter 20, for reading
each sample from a picture blurred to its solid angle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.scene import Environment, Panorama

Floats = NDArray[np.float32]

SIZE, LAYERS = 129, 8
"""Texels a side, and layers of reflections. All sizes are odd: the octahedron's edges then run over texel centres."""

_WIDEST = 512  # columns of the finest picture read: what SIZE can show
_NARROW = ((0, SIZE, 1), (5, 97, 8), (7, 65, 12), (12, 49, 16))
"""For each of the first layers: rings of samples about the mirrored direction, texels a side, samples a ring."""
_WIDE_SIZE, _WIDE_COLUMNS = 33, 64  # of the other layers: texels a side, and columns of the picture that is summed up


def layers(panorama: Panorama) -> NDArray[np.float16]:
    """``(LAYERS + 1, SIZE, SIZE, 4)``, unfolded as ``shaders/panorama.glsl``, without the panorama's intensity.

    What a surface of each roughness mirrors; the last layer is irradiance / pi.
    """
    levels = [_reduced(panorama.pixels, _WIDEST)]
    while levels[-1].shape[0] > 4 and not (levels[-1].shape[0] % 2 or levels[-1].shape[1] % 2):
        levels.append(_halved(levels[-1]))
    volume = np.ones((LAYERS + 1, SIZE, SIZE, 4), np.float16)
    for layer in range(LAYERS + 1):
        rings, size, spokes = _NARROW[layer] if layer < len(_NARROW) else (0, _WIDE_SIZE, 0)
        directions = octahedron(size)
        if panorama.rotation is not None:
            directions = directions @ panorama.rotation.T
        roughness = layer / (LAYERS - 1)
        if layer == 0:
            seen = _looked_up(levels[0], directions)
        elif rings:
            seen = _blurred(levels, directions, roughness, rings, spokes)
        else:
            coarse = _reduced(levels[0], _WIDE_COLUMNS)
            seen = _summed(coarse, directions, roughness if layer < LAYERS else None)
        volume[layer, :, :, :3] = np.minimum(_enlarged(seen.reshape(size, size, 3), SIZE), 65504.0)
    return volume


def radiance_towards(around: Environment | Panorama, directions: Floats) -> Floats:
    """``(n, 3)``: the mean light that comes from what lies nearest to each of the directions ``(n, 3)``."""
    if isinstance(around, Environment):
        sky, horizon, ground = (np.asarray(part, np.float32) for part in (around.sky, around.horizon, around.ground))
        height = directions[:, 1:2]
        mixed = horizon + np.maximum(height, 0.0) * (sky - horizon) + np.maximum(-height, 0.0) * (ground - horizon)
        return np.asarray(mixed * around.intensity, np.float32)
    coarse = _reduced(around.pixels, 2 * _WIDE_COLUMNS)
    seen, sine = _texels(coarse)
    turned = directions if around.rotation is None else directions @ around.rotation.T
    nearest = np.argmax(seen.reshape(-1, 3) @ turned.T, axis=1)
    share = np.broadcast_to(sine, coarse.shape[:2]).ravel()
    weight = np.bincount(nearest, share, len(directions))
    sums = [np.bincount(nearest, share * coarse[..., part].ravel(), len(directions)) for part in range(3)]
    light = np.stack(sums, axis=1) / np.maximum(weight, 1e-9)[:, None] * around.intensity
    return light.astype(np.float32)


def octahedron(size: int) -> Floats:
    """``(size * size, 3)``: the unit direction of each texel of the unfolded octahedron, rows along z."""
    line = np.linspace(-1.0, 1.0, size)
    x, z = (part.ravel() for part in np.meshgrid(line, line))
    y = 1.0 - np.abs(x) - np.abs(z)
    below = y < 0.0
    x, z = (
        np.where(below, (1.0 - np.abs(z)) * np.where(x < 0.0, -1.0, 1.0), x),
        np.where(below, (1.0 - np.abs(x)) * np.where(z < 0.0, -1.0, 1.0), z),
    )
    points = np.stack((x, y, z), axis=1)
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), np.float32)


def _blurred(levels: list[Floats], directions: Floats, roughness: float, rings: int, spokes: int) -> Floats:
    """Mean over the GGX lobe about each direction, by rings of equal probability."""
    up = np.where(np.abs(directions[:, 1:2]) < 0.9, np.array([[0.0, 1.0, 0.0]]), np.array([[1.0, 0.0, 0.0]]))
    across = np.cross(up, directions).astype(np.float32)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    along = np.cross(directions, across)
    squared = roughness**4
    total, weights = np.zeros((len(directions), 3), np.float32), 0.0
    for ring in range(rings):
        share = (ring + 0.5) / rings
        half = (1.0 - share) / (1.0 + (squared - 1.0) * share)  # squared cosine of the half vector's angle
        cosine = 2.0 * half - 1.0
        if cosine <= 0.0:
            continue
        density = squared / (np.pi * (half * (squared - 1.0) + 1.0) ** 2) / 4.0
        texel = 2.0 * np.pi * np.pi / (levels[0].shape[0] * levels[0].shape[1])
        level = 0.5 * np.log2(1.0 / (rings * spokes * density) / texel) + 0.5
        picture = levels[int(np.clip(round(level), 0, len(levels) - 1))]
        sine = np.sqrt(1.0 - cosine * cosine)
        for spoke in range(spokes):
            turn = 2.0 * np.pi * (spoke + 0.618 * ring) / spokes
            aside = np.float32(np.cos(turn) * sine) * across + np.float32(np.sin(turn) * sine) * along
            total += np.float32(cosine) * _looked_up(picture, directions * np.float32(cosine) + aside)
            weights += cosine
    return total / np.float32(weights)


def _summed(picture: Floats, directions: Floats, roughness: float | None) -> Floats:
    """Mean over the GGX or, with None, the cosine lobe about each direction: every texel by its share of the sphere."""
    seen, sine = _texels(picture)
    cosine = directions @ seen.reshape(-1, 3).T
    lobe = np.maximum(cosine, 0.0)
    if roughness is not None:
        half = (cosine + 1.0) * np.float32((roughness**4 - 1.0) * 0.5) + 1.0
        lobe /= half * half
    lobe *= np.broadcast_to(sine, picture.shape[:2]).ravel()
    mean: Floats = (lobe @ picture.reshape(-1, 3)) / lobe.sum(axis=1, keepdims=True)
    return mean


def _texels(picture: Floats) -> tuple[Floats, Floats]:
    """``(h, w, 3)`` the direction of each texel of a map in the map's own frame, and ``(h, 1)`` its row's sine."""
    height, width = picture.shape[:2]
    polar = (np.arange(height) + 0.5) / height * np.pi
    around = ((np.arange(width) + 0.5) / width - 0.5) * 2.0 * np.pi
    sine = np.sin(polar)[:, None]
    parts = np.broadcast_arrays(sine * np.cos(around), np.cos(polar)[:, None], sine * np.sin(around))
    return np.stack(parts, axis=-1).astype(np.float32), sine.astype(np.float32)


def _looked_up(picture: Floats, directions: Floats) -> Floats:
    """``(n, 3)`` from unit directions in the map's own frame, bilinear."""
    height, width = picture.shape[:2]
    across = (np.arctan2(directions[:, 2], directions[:, 0]) / np.float32(2.0 * np.pi) + np.float32(0.5)) * width - 0.5
    down = np.arccos(np.clip(directions[:, 1], -1.0, 1.0)) * np.float32(height / np.pi) - np.float32(0.5)
    down = np.clip(down, 0.0, height - 1.0)
    left, top = np.floor(across).astype(np.int32), np.floor(down).astype(np.int32)
    u, v = (across - left).astype(np.float32)[:, None], (down - top)[:, None]
    flat = picture.reshape(-1, 3)
    upper, lower = top * width, np.minimum(top + 1, height - 1) * width
    right = (left + 1) % width
    left %= width
    above = flat[upper + left] * (1.0 - u) + flat[upper + right] * u
    below = flat[lower + left] * (1.0 - u) + flat[lower + right] * u
    mixed: Floats = above * (1.0 - v) + below * v
    return mixed


def _reduced(pixels: Floats, widest: int) -> Floats:
    """The picture, halved until it is no wider."""
    while pixels.shape[1] > widest and not (pixels.shape[0] % 2 or pixels.shape[1] % 2):
        pixels = _halved(pixels)
    return pixels


def _halved(pixels: Floats) -> Floats:
    rows = pixels[0::2] + pixels[1::2]
    halved: Floats = (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)
    return halved


def _enlarged(picture: Floats, size: int) -> Floats:
    """Bilinear, corner texels on corner texels."""
    if len(picture) == size:
        return picture
    for _ in range(2):
        place = np.linspace(0.0, len(picture) - 1.0, size)
        low = np.minimum(place.astype(np.int32), len(picture) - 2)
        share = (place - low).astype(np.float32)[:, None, None]
        picture = (picture[low] * (1.0 - share) + picture[low + 1] * share).transpose(1, 0, 2)
    return picture

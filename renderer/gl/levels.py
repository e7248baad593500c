"""One mipmap level for a whole surface, where a CPU draws: finding it anew for each pixel costs such a driver time
at each of them, and nearly every surface of an avatar has texels of one size and lies at one distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.scene import Perspective, Primitive, TextureRef, View
from renderer.scene.triangles import triangles

_MOST_SPREAD = 0.7  # of the texels' size, as a standard deviation in octaves
_MOST_DEPTH = 2.0  # how many times nearer the nearest point of a surface may be than the farthest
_SLANT = 0.3  # octaves: surfaces are seen from a slant, which crowds their texels in one direction


@dataclass(slots=True, kw_only=True)
class _Chosen:
    filter: tuple[int, int]
    level: int | None = None


def density(primitive: Primitive, reference: TextureRef) -> float | None:
    """How often the texture fits into one unit of length, log2, the mean over the surface; None where that varies.

    Without texture coordinates it is None as well.
    """
    corners = triangles(primitive)
    if corners is None or reference.uv_set >= len(primitive.uvs):
        return None
    places, uv = primitive.positions[corners].astype(np.float64), primitive.uvs[reference.uv_set][corners]
    with np.errstate(all="ignore"):
        cross = np.cross(places[:, 1] - places[:, 0], places[:, 2] - places[:, 0])
        area = np.linalg.norm(cross, axis=1)
        along, across = (uv[:, 1] - uv[:, 0]).astype(np.float64), (uv[:, 2] - uv[:, 0]).astype(np.float64)
        covered = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
        covered *= abs(reference.scale[0] * reference.scale[1])
        octaves = 0.5 * np.log2(covered / area)
        known = np.isfinite(octaves) & (area > 0.0)
        if not known.any():
            return None
        weights, octaves = area[known], octaves[known]
        mean = float(np.average(octaves, weights=weights))
        spread = math.sqrt(float(np.average((octaves - mean) ** 2, weights=weights)))
    return mean if spread <= _MOST_SPREAD else None


class Nearness:
    """How large a unit of length is in a picture, by where it lies."""

    def __init__(self, view: View, *, height: int) -> None:
        self._eye = np.asarray(view.eye, np.float64)
        sight = np.asarray(view.target, np.float64) - self._eye
        self._sight = sight / max(float(np.linalg.norm(sight)), 1e-30)
        projection = view.projection
        self._perspective = isinstance(projection, Perspective)
        tall = 2.0 * math.tan(projection.yfov / 2.0) if isinstance(projection, Perspective) else projection.height
        self._pixels = height / max(tall, 1e-30)

    def pixels(self, center: NDArray[np.float32], radius: float) -> float | None:
        """Pixels of one unit of length, log2, within a ball; None where they differ too much across it."""
        if not self._perspective:
            return math.log2(self._pixels)
        depth = float(self._sight @ (center - self._eye))
        if not 0.0 < depth < math.inf or depth + radius > _MOST_DEPTH * (depth - radius):
            return None
        return math.log2(self._pixels / depth)


class Levels:
    """The level of each texture, changed when a surface wants another one than the last."""

    def __init__(self, context: GraphicsContext) -> None:
        self._calls = context.calls
        self._chosen: dict[int, _Chosen] = {}

    def use(self, texture: Any, octaves: float | None) -> None:
        """Let the bound texture be read from one level, ``octaves`` above whose size its texels are pixels.

        None: by mipmaps, as its sampler says; so is every texture that is not read linearly.
        """
        chosen = self._chosen.setdefault(texture.glo, _Chosen(filter=texture.filter))
        minify, magnify = chosen.filter
        if minify != calls.LINEAR_MIPMAP_NEAREST or magnify != calls.LINEAR:
            return
        level = None
        if octaves is not None:
            size = math.log2(max(texture.width * texture.height, 1)) / 2.0
            level = min(max(round(octaves + size + _SLANT), 0), max(texture.size).bit_length() - 1)
        if level == chosen.level:
            return
        chosen.level = level
        texture.filter = chosen.filter if level is None else (calls.LINEAR, calls.LINEAR)
        self._calls.tex_parameter(calls.TEXTURE_2D, calls.TEXTURE_BASE_LEVEL, level or 0)

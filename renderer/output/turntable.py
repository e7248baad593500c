"""Once around an avatar."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from renderer.scene import Lighting, View

_SIDES = 8

Floats = NDArray[np.float32]


def around(view: View, angle: float) -> View:
    """The view with its camera led around the vertical through its target, as if the avatar turned to its left."""
    turn = _turn(-angle)
    eye = np.asarray(view.target) + turn @ (np.asarray(view.eye) - np.asarray(view.target))
    return replace(view, eye=_triple(eye), up=_triple(turn @ np.asarray(view.up)))


def lit_around(lighting: Lighting, angle: float) -> Lighting:
    """The key light led around with the camera, so that it seems to stand still; what surrounds the avatar stays."""
    key = lighting.key
    if key is None:
        return lighting
    direction = _triple(_turn(-angle) @ np.asarray(key.direction))
    return replace(lighting, key=replace(key, direction=direction))


def all_sides(worlds: Iterable[Floats]) -> list[Floats]:
    """World matrices of poses, as they are and turned: what a camera that goes around has to fit."""
    turned = []
    for index in range(_SIDES):
        matrix = np.eye(4, dtype=np.float32)
        matrix[:3, :3] = _turn(2.0 * math.pi * index / _SIDES)
        turned += [matrix @ world for world in worlds]
    return turned


def _turn(angle: float) -> NDArray[np.float64]:
    sine, cosine = math.sin(angle), math.cos(angle)
    return np.array(((cosine, 0.0, sine), (0.0, 1.0, 0.0), (-sine, 0.0, cosine)))


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(part) for part in vector)
    return x, y, z

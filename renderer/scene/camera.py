"""Cameras: a projection, and a view that places it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, frozen=True)
class Perspective:
    """Vertical field of view in radians; clip planes in metres; ``zfar`` None: infinite."""

    yfov: float
    znear: float = 0.05
    zfar: float | None = 100.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Orthographic:
    """Visible height in metres; width follows the picture's aspect ratio."""

    height: float
    znear: float = 0.05
    zfar: float = 100.0


@dataclass(slots=True, kw_only=True, frozen=True)
class View:
    """Where the picture is taken from: eye and target in world metres, and the projection."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    up: tuple[float, float, float] = (0.0, 1.0, 0.0)
    projection: Perspective | Orthographic = Perspective(yfov=0.6981317)

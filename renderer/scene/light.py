"""Lights: the punctual ones a file carries, and the rig that lights an avatar."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from renderer.scene.environment import Environment, Panorama


@dataclass(slots=True, kw_only=True, frozen=True)
class PunctualLight:
    """KHR_lights_punctual; it shines along its node's -Z. Intensity in lux (directional) or candela."""

    kind: Literal["directional", "point", "spot"]
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: float = 1.0
    range: float | None = None
    inner_cone: float = 0.0
    outer_cone: float = 0.7853982
    name: str = ""


@dataclass(slots=True, kw_only=True, frozen=True)
class DirectionalLight:
    """The key light.

    Attributes:
        direction: unit vector *towards* the light, world frame.
        color: linear RGB.
        intensity: a white Lambert surface that faces the light reflects ``intensity / pi``.
    """

    direction: tuple[float, float, float] = (0.0, 0.7071068, 0.7071068)
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: float = 1.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Lighting:
    """Everything that lights one picture; a light's absence is None."""

    key: DirectionalLight | None = DirectionalLight()
    environment: Environment | Panorama | None = field(default_factory=Environment)

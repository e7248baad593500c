"""Lights: the punctual ones a file carries, and the rig that lights an avatar."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from renderer.scene.environment import Environment, Panorama

MOST_LAMPS = 8
"""How many of a file's own lights shine: the first in the order of the scene's nodes."""


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
class Shadow:
    """What the key light's shadow is drawn with; defaults are the vendor's.

    The light's orthographic camera stands ``distance`` from the world's origin towards the light and looks at the
    origin, with +Y as its upper side.

    Attributes:
        strength: direct light is multiplied by ``1 - strength * (1 - visible)``; above 1 a shadow takes light away.
        distance, near, far: metres along the camera's sight, near and far from the camera.
        left, right, bottom, top: metres across, from the sight's axis.
        bias: added to the depth that is compared, in the light's 0..1 depth.
        normal_bias: metres that a surface is moved along its normal before it is projected.
        resolution: pixels along a side of the shadow map.
    """

    strength: float = 1.5
    distance: float = 10.0
    near: float = 0.1
    far: float = 25.0
    left: float = -1.5
    right: float = 1.5
    bottom: float = -1.5
    top: float = 1.5
    bias: float = -0.0005
    normal_bias: float = 0.0
    resolution: int = 1024


@dataclass(slots=True, kw_only=True, frozen=True)
class DirectionalLight:
    """The key light.

    Attributes:
        direction: unit vector *towards* the light, world frame.
        color: linear RGB.
        intensity: a white Lambert surface that faces the light reflects ``intensity / pi``.
        shadow: None where it casts none.
    """

    direction: tuple[float, float, float] = (0.0, 0.7071068, 0.7071068)
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: float = 1.0
    shadow: Shadow | None = None


@dataclass(slots=True, kw_only=True, frozen=True)
class Lighting:
    """Everything that lights one picture; a light's absence is None.

    Attributes:
        occlusion: whether the surroundings' light takes account of what the avatar hides from itself: for stills, it
            costs 256 drawings of the avatar's depth for each pose.
        lamps: whether the lights that the file itself carries shine (``Avatar.lights``, at most ``MOST_LAMPS``).
    """

    key: DirectionalLight | None = DirectionalLight()
    environment: Environment | Panorama | None = field(default_factory=Environment)
    lamps: bool = True
    occlusion: bool = False

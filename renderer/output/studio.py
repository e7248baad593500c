"""The light and the background for an avatar that brings none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from renderer.scene import Background, DirectionalLight, Environment, Lighting, Shadow
from renderer.scene.extent import Extent

STUDIO = Lighting(
    key=DirectionalLight(direction=(0.4444, 0.6222, 0.6444), color=(1.0, 0.965, 0.92), intensity=2.2),
    environment=Environment(
        sky=(0.86, 0.93, 1.04), horizon=(0.52, 0.53, 0.56), ground=(0.22, 0.2, 0.19), intensity=0.85
    ),
)
"""A warm key from the upper right, a cool sky, a dark floor."""

BACKDROP = Background(top_srgb=(0.80, 0.83, 0.87), bottom_srgb=(0.56, 0.59, 0.64))

_ROOM = 1.25  # for arms that reach out: what leaves the map is lit
_STRENGTH = 0.85  # some of a lamp's light comes back from the room


def with_shadow(lighting: Lighting, around: Extent | None) -> Lighting:
    """The lighting with a soft shadow of the key light whose map fits what it shines on."""
    if lighting.key is None or around is None or not float(around.size.max()) > 0.0:
        return lighting
    return replace(lighting, key=replace(lighting.key, shadow=fitted_shadow(lighting.key, around)))


def fitted_shadow(light: DirectionalLight, around: Extent) -> Shadow:
    """A shadow whose map covers a ball around the box, and reaches no further than through it."""
    towards = np.asarray(light.direction, np.float64)
    towards /= np.linalg.norm(towards)
    radius = float(np.linalg.norm(around.size)) / 2 * _ROOM
    # The light's camera looks at the origin with +Y up: its axes, as maths.look_at has them.
    across = np.cross((0.0, 1.0, 0.0), towards)
    across /= np.linalg.norm(across)
    upwards = np.cross(towards, across)
    aside, above, nearer = (float(axis @ around.center) for axis in (across, upwards, towards))
    return Shadow(
        strength=_STRENGTH,
        distance=nearer + 2.0 * radius,
        near=radius,
        far=3.0 * radius,
        left=aside - radius,
        right=aside + radius,
        bottom=above - radius,
        top=above + radius,
        bias=-0.004,
        normal_bias=0.003 * radius,
    )

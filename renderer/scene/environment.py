"""What surrounds the avatar: the light that comes from everywhere, and what is seen behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, kw_only=True, frozen=True)
class Environment:
    """A simple environment: sky, horizon and ground radiance (linear RGB), blended by elevation.

    ``intensity`` scales all three.
    """

    sky: tuple[float, float, float] = (0.95, 1.0, 1.08)
    horizon: tuple[float, float, float] = (0.75, 0.75, 0.75)
    ground: tuple[float, float, float] = (0.38, 0.35, 0.32)
    intensity: float = 1.0


@dataclass(slots=True, kw_only=True, frozen=True, eq=False)
class Panorama:
    """Light from all directions as a picture: equirectangular, ``(h, w, 3) float32`` linear radiance, top row first.

    What lies in world direction ``d`` is found at ``(x, y, z) = rotation @ d``: column
    ``w * (atan2(z, x) / (2 pi) + 0.5)``, row ``h * acos(y) / pi``; the middle column is +X, three quarters +Z.

    Two panoramas are the same only if they are the same object, so that a picture is prepared once.

    Attributes:
        rotation: ``(3, 3)``, world to map; None: none.
        intensity: factor on the radiance.
    """

    pixels: NDArray[np.float32] = field(repr=False)
    rotation: NDArray[np.float32] | None = None
    intensity: float = 1.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Background:
    """What is behind the avatar.

    Attributes:
        top_srgb, bottom_srgb: 0..1 display-coded colours of a vertical gradient; equal for a plain colour;
            None for a transparent picture.
        image: an encoded picture that covers the frame, centred, or None; it wins over the gradient.
    """

    top_srgb: tuple[float, float, float] | None = None
    bottom_srgb: tuple[float, float, float] | None = None
    image: bytes | None = field(default=None, repr=False)

    @property
    def transparent(self) -> bool:
        """Whether nothing is drawn behind the avatar."""
        return self.image is None and self.top_srgb is None

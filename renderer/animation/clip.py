"""Clips: keyframes of nodes' transforms and morph weights."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Path = Literal["translation", "rotation", "scale", "weights"]


class Interpolation(Enum):
    """How values between two keys are found (glTF 2.0, appendix C)."""

    LINEAR = "LINEAR"
    STEP = "STEP"
    CUBICSPLINE = "CUBICSPLINE"


@dataclass(slots=True, kw_only=True)
class Channel:
    """Keys of one property of one node.

    Attributes:
        node: index into the avatar's nodes.
        node_name: its name, by which a clip of another file is bound.
        times: ``(k,) float32`` seconds, strictly rising.
        values: ``(k, c) float32``; ``(k, 3, c)`` for CUBICSPLINE (in-tangent, value, out-tangent). c is 3, 4,
            or the number of morph targets.
    """

    node: int
    node_name: str
    path: Path
    interpolation: Interpolation
    times: NDArray[np.float32]
    values: NDArray[np.float32]


@dataclass(slots=True, kw_only=True)
class Clip:
    """Channels that play together; ``duration`` is the last key's time in seconds."""

    name: str
    duration: float
    channels: tuple[Channel, ...]

"""How light becomes display values: exposure, tone curve and colour table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, kw_only=True, frozen=True, eq=False)
class Look:
    """The last step of a picture. Two looks are the same only if they are the same object.

    Attributes:
        exposure: factor on linear light before the tone curve.
        tone: ``"aces"`` (Hill's fit), ``"neutral"`` (Khronos PBR neutral) or ``"none"`` (clamped).
        lut: ``(16, 256, 3) uint8``, top row first, or None. 16 slices of 16 x 16 side by side: the column is
            red + 16 * blue, the row green. It changes display-coded colours of materials that are ``graded``.
    """

    exposure: float = 1.0
    tone: Literal["aces", "neutral", "none"] = "aces"
    lut: NDArray[np.uint8] | None = field(default=None, repr=False)

"""How light becomes display values: exposure and tone curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, kw_only=True, frozen=True)
class Look:
    """The last step of a picture.

    Attributes:
        exposure: factor on linear light before the tone curve.
        tone: ``"aces"`` (Hill's fit), ``"neutral"`` (Khronos PBR neutral) or ``"none"`` (clamped).
    """

    exposure: float = 1.0
    tone: Literal["aces", "neutral", "none"] = "aces"

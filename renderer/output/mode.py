"""Performance modes: how many pixels are drawn for a screen's, and whether edges are smoothed.

Facts about the vendor's public web client 1.1.4; a name that it does not know is its Standard.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, frozen=True)
class Mode:
    """One of the modes; ``samples`` a pixel as ``Target`` takes them."""

    name: str
    samples: int

    def ratio(self, device: float) -> float:
        """Drawn pixels for each unit of a side, on a screen that has ``device`` of its own for it."""
        match self.name:
            case "High":
                return min(device, 2.0)
            case "Low":
                return 1.0
            case _:
                return math.sqrt(device)

    def pixels(self, size: tuple[int, int], device: float) -> tuple[int, int]:
        """Width and height to draw for a size in units; at least one pixel each."""
        ratio = self.ratio(device)
        return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


HIGH, STANDARD, LOW = Mode(name="High", samples=4), Mode(name="Standard", samples=4), Mode(name="Low", samples=0)


def mode_of(name: str) -> Mode:
    """The mode of a name; Standard for any other."""
    return {"High": HIGH, "Low": LOW}.get(name, STANDARD)

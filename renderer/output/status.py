"""What a preview shows at a moment, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.scene import View


@dataclass(slots=True, kw_only=True, frozen=True)
class Status:
    """One frame of a preview.

    Attributes:
        size: of the window in pixels; ``drawn`` of the picture in it, by the performance mode.
        scale: pixels a screen unit.
        loads: how many files have been shown so far.
    """

    frame: int
    name: str
    time: float
    paused: bool
    playing: tuple[str, ...]
    view: View
    size: tuple[int, int]
    drawn: tuple[int, int]
    scale: float
    pictures: int
    tab: str | None
    shapes: dict[str, float]
    state: str
    key_light: float
    notice: str
    loads: int

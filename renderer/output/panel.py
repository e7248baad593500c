"""The controls beside a previewed avatar: rows on tabs, and what a hand does to them. No window and no pixels here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

WIDTH, ROW, EDGE, TAB_ROW = 250.0, 22.0, 10.0, 30.0
"""Measures in screen units."""

TABS = ("Play", "Face", "Light", "About")


@dataclass(slots=True, kw_only=True, frozen=True)
class Row:
    """One line of a tab.

    Attributes:
        key: what is done or set; empty for text.
        value: of a slider, from ``low`` to ``high``.
        on: of a button: it is what is happening now.
    """

    kind: Literal["heading", "text", "button", "slider"]
    label: str
    key: str = ""
    value: float = 0.0
    low: float = 0.0
    high: float = 1.0
    on: bool = False


class Panel:
    """Which tab is open and how far it is scrolled; presses and drags reach the two callbacks.

    Args:
        rows: what a tab holds now.
        press: a button's key.
        slide: a slider's key and its new value.
    """

    def __init__(
        self,
        *,
        rows: Callable[[str], Sequence[Row]],
        press: Callable[[str], None],
        slide: Callable[[str, float], None],
    ) -> None:
        self._rows, self._press, self._slide = rows, press, slide
        self.tab: str | None = None
        self.scroll = 0.0
        self._held: Row | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the open tab."""
        return () if self.tab is None else tuple(self._rows(self.tab))

    def turn(self) -> None:
        """Open the next tab; after the last the panel is closed."""
        places = (None, *TABS)
        self.open(places[(places.index(self.tab) + 1) % len(places)])

    def open(self, tab: str | None) -> None:
        """Open a tab, or close the panel."""
        self.tab, self.scroll, self._held = tab, 0.0, None

    def covers(self, x: float, width: float) -> bool:
        """Whether a place of a window so many units wide is the panel's."""
        return self.tab is not None and x >= self.left(width)

    def left(self, width: float) -> float:
        """Where the panel begins."""
        return max(0.0, width - WIDTH)

    def pressed(self, x: float, y: float, width: float) -> None:
        """A button of the mouse goes down on the panel."""
        inside = x - self.left(width)
        if y < TAB_ROW:
            self.open(TABS[min(max(int(inside / (WIDTH / len(TABS))), 0), len(TABS) - 1)])
            return
        rows = self.rows
        index = int((y - TAB_ROW + self.scroll) // ROW)
        if not 0 <= index < len(rows):
            return
        row = rows[index]
        if row.kind == "button":
            self._press(row.key)
        elif row.kind == "slider":
            self._held = row
            self.dragged(x, width)

    def dragged(self, x: float, width: float) -> bool:
        """The mouse moves; whether a slider goes with it."""
        if self._held is None:
            return False
        share = min(max((x - self.left(width) - EDGE) / (WIDTH - 2 * EDGE), 0.0), 1.0)
        self._slide(self._held.key, self._held.low + share * (self._held.high - self._held.low))
        return True

    def released(self) -> None:
        """The button goes up."""
        self._held = None

    def wheel(self, steps: float, height: float) -> None:
        """Scroll by so many steps upwards, in a window so many units high."""
        room = max(0.0, len(self.rows) * ROW + TAB_ROW + EDGE - height)
        self.scroll = min(max(self.scroll - 3 * ROW * steps, 0.0), room)

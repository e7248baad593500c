"""Time as the agent sees it; passed in wherever it matters, so that tests can move it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the agent asks of time."""

    def wall(self) -> float:
        """Seconds since 1970 by this device's clock, which may be wrong."""

    def steady(self) -> float:
        """Seconds that only go forward and count suspend; the zero means nothing."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The device's own clock."""

    def wall(self) -> float:
        return time.time()

    def steady(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

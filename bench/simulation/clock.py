"""Time that passes when it is told to: for the clock that goes forward and the one on the wall."""

from __future__ import annotations

from dataclasses import dataclass

START = 1_800_000_000.0


@dataclass
class Time:
    """A ``device_agent.clock.Clock``."""

    now: float = START
    wall_off: float = 0.0

    def wall(self) -> float:
        return self.now + self.wall_off

    def steady(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

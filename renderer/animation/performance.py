"""States over time: a state machine run by a timetable, asked for poses as a ``Player`` is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from renderer.animation.overlay import FaceOverlay
from renderer.animation.pose import Pose
from renderer.animation.rigging import Rigging
from renderer.animation.states import StateMachine
from renderer.scene.avatar import Avatar

_STEP = 1.0 / 60.0
"""Seconds; the machine advances by whole steps only, so that how often it is asked does not change what it does."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Cue:
    """From ``time`` seconds on the avatar is in ``state``."""

    time: float
    state: str


def evenly(states: Sequence[str], seconds: float) -> tuple[Cue, ...]:
    """Cues that give each of the states the same part of a time."""
    return tuple(Cue(time=seconds * i / len(states), state=state) for i, state in enumerate(states))


class Performance:
    """The pose of an avatar that goes through states.

    Times are best asked for in rising order: an earlier one begins the performance anew and runs it up to there.
    """

    def __init__(
        self, *, avatar: Avatar, machine: Callable[[], StateMachine], cues: Sequence[Cue], overlay: FaceOverlay
    ) -> None:
        """``machine`` makes a state machine at its start; it is called again when time goes back."""
        self._make = machine
        self._cues = sorted(cues, key=lambda cue: cue.time)
        self._rigging = Rigging(avatar, overlay=overlay)
        self._pose = Pose.rest(avatar)
        self._machine = machine()
        self._steps = 0
        self._next = 0
        self._give_cues()

    @property
    def playing(self) -> tuple[str, ...]:
        """What was seen last, such as ``("idle0", "listen1")``: group and place in it."""
        return self._machine.playing

    @property
    def duration(self) -> float:
        """Seconds until the last cue."""
        return self._cues[-1].time if self._cues else 0.0

    def request(self, state: str, time: float) -> None:
        """Go into a state at a time, which no cue may lie behind."""
        self._cues.append(Cue(time=time, state=state))

    def pose(self, time: float) -> Pose:
        """The pose at ``time`` seconds, to the sixtieth of one. The same object is returned each time."""
        return self._rigging.pose(time, self._body)

    def _body(self, time: float) -> Pose:
        """What the clips alone make; a step back is too short to be seen."""
        steps = max(0, int(time / _STEP + 1e-6))
        if steps < self._steps - 1:
            self._machine, self._steps, self._next = self._make(), 0, 0
            self._give_cues()
        while self._steps < steps:
            self._machine.advance(_STEP)
            self._steps += 1
            self._give_cues()
        self._pose.assign(self._machine.pose())
        return self._pose

    def _give_cues(self) -> None:
        now = self._steps * _STEP
        while self._next < len(self._cues) and self._cues[self._next].time <= now + 1e-9:
            self._machine.request(self._cues[self._next].state)
            self._next += 1

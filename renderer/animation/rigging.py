"""What a rig adds to a pose, in three-vrm's order: expressions, look-at, constraints, springs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from renderer.animation.constraints import Constraints
from renderer.animation.overlay import FaceOverlay
from renderer.animation.pose import Pose
from renderer.animation.springs import STEP, Springs
from renderer.scene.avatar import Avatar

_WARM_UP = 60
"""Steps that springs are run for where time jumps: a second, in which they find out how the body moves."""

_LONGEST = 4 * _WARM_UP
"""Steps; beyond it a stretch of time counts as a jump."""


class Rigging:
    """Completes poses of one avatar.

    Springs are advanced in fixed steps at whole multiples of ``STEP``, from one asked-for time to the next; between two
    steps they are interpolated. So as long as time goes on, what is drawn does not depend on how often it is drawn.
    A jump in time starts them anew a second before.
    """

    def __init__(self, avatar: Avatar, *, overlay: FaceOverlay) -> None:
        self._overlay = overlay
        self._constraints = Constraints(avatar)
        self._springs = Springs(avatar)
        self._step: int | None = None
        self._last: Pose | None = None
        self._last_time = 0.0

    def pose(self, time: float, base: Callable[[float], Pose]) -> Pose:
        """The pose at ``time``; ``base`` gives the clips' pose at a time, and may always give the same object."""
        # A file may hold numbers whose products overflow; then that is how its picture looks.
        with np.errstate(all="ignore"):
            return self._posed(time, base)

    def _posed(self, time: float, base: Callable[[float], Pose]) -> Pose:
        if self._springs:
            self._run(time, base)
        # A step that ends now has the pose already, unless constraints have changed it.
        fresh = self._last if not self._constraints and abs(self._last_time - time) < 1e-9 else None
        pose = base(time) if fresh is None else fresh
        self._last = None
        self._overlay.apply(pose, time)
        if self._constraints:
            self._constraints.apply(pose)
        if self._springs and self._step is not None:
            self._springs.apply(pose, min(max(1.0 - (self._step - time / STEP), 0.0), 1.0))
        return pose

    def _run(self, time: float, base: Callable[[float], Pose]) -> None:
        """Advance the springs to the first step that is not before ``time``."""
        wanted = math.ceil(time / STEP - 1e-3)
        if self._step is None or not 0 <= wanted - self._step <= _LONGEST:
            self._step = max(wanted - _WARM_UP, min(wanted, 0))
            self._springs.reset(self._moved(self._step * STEP, base))
        while self._step < wanted:
            self._step += 1
            self._last_time = self._step * STEP
            self._last = self._moved(self._last_time, base)
            self._springs.step(self._last)

    def _moved(self, time: float, base: Callable[[float], Pose]) -> Pose:
        pose = base(time)
        if self._constraints:
            self._constraints.apply(pose)
        return pose

"""A camera that a hand moves: around its target, across, nearer and farther."""

from __future__ import annotations

import math

import numpy as np

from renderer.scene import Orthographic, Perspective, View

_STEEPEST = math.radians(89.0)


class Orbit:
    """Where a viewer looks from, in angles about a target. Angles in radians, lengths in metres."""

    def __init__(self, view: View) -> None:
        self._projection = view.projection
        self._target = np.array(view.target)
        back = np.array(view.eye) - self._target
        self._distance = max(float(np.linalg.norm(back)), 1e-3)
        self._turn = math.atan2(float(back[0]), float(back[2]))
        self._rise = math.asin(max(-1.0, min(1.0, float(back[1]) / self._distance)))

    def turn(self, right: float, up: float) -> None:
        """Go around the target: ``right`` and ``up`` as the hand moves, in radians."""
        self._turn -= right
        self._rise = max(-_STEEPEST, min(_STEEPEST, self._rise + up))

    def move(self, right: float, up: float) -> None:
        """Shift the target across the picture by shares of its visible height, as if the hand held it."""
        back = self._back()
        across = np.array((math.cos(self._turn), 0.0, -math.sin(self._turn)))
        upward = np.cross(back, across)
        self._target = self._target - (across * right + upward * up) * self.height

    def zoom(self, steps: float) -> None:
        """Come nearer by a tenth for each step, or go back for negative ones."""
        scale = 0.9**steps
        self._distance = max(1e-3, min(1e4, self._distance * scale))
        if isinstance(self._projection, Orthographic):
            old = self._projection
            self._projection = Orthographic(height=max(1e-4, old.height * scale), znear=old.znear, zfar=old.zfar)

    @property
    def height(self) -> float:
        """Metres seen from the lower edge to the upper one, at the target."""
        if isinstance(self._projection, Orthographic):
            return self._projection.height
        return 2.0 * self._distance * math.tan(self._projection.yfov / 2)

    @property
    def view(self) -> View:
        """The camera as it stands; a perspective's clip planes follow its distance."""
        projection = self._projection
        if isinstance(projection, Perspective):
            near = min(projection.znear, self._distance * 0.05)
            projection = Perspective(yfov=projection.yfov, znear=near, zfar=max(100.0, self._distance * 10.0))
        eye = self._target + self._back() * self._distance
        return View(
            eye=(float(eye[0]), float(eye[1]), float(eye[2])),
            target=(float(self._target[0]), float(self._target[1]), float(self._target[2])),
            projection=projection,
        )

    def _back(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Unit vector from the target to the eye."""
        flat = math.cos(self._rise)
        return np.array((flat * math.sin(self._turn), math.sin(self._rise), flat * math.cos(self._turn)))

"""Where the eyes look: VRM's look-at, by the eyes' bones or by expressions, and ARKit's eight channels.

Angles are seen from the head as it rests facing +Z: ``left`` is positive to the avatar's left, ``up`` upwards, radians.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from renderer.animation.pose import Pose
from renderer.maths import (
    quaternion_conjugate,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
    quaternion_multiply,
    quaternion_rotate,
)
from renderer.scene.avatar import Avatar
from renderer.scene.rig import LookAt, Range

ARKIT_GAZE = tuple(f"eyeLook{where}{side}" for side in ("Left", "Right") for where in ("Out", "In", "Up", "Down"))
VRM_GAZE = ("lookLeft", "lookRight", "lookUp", "lookDown")

_FULL = math.radians(35.0)
"""An eye's turn at which a channel is fully on, where a file does not say it."""

_WIDEST = math.radians(28.0)
_PLAIN = LookAt(
    kind="bone",
    offset=(0.0, 0.06, 0.0),
    inner=Range(limit=_FULL, scale=_WIDEST),
    outer=Range(limit=_FULL, scale=_WIDEST),
    down=Range(limit=_FULL, scale=_WIDEST),
    up=Range(limit=_FULL, scale=_WIDEST),
)
"""For eyes that have bones but no word on how far they turn."""


class Gaze:
    """Turns eyes towards a point of the world."""

    def __init__(self, avatar: Avatar, *, target: Sequence[float], channels: Collection[str] = ()) -> None:
        """Look at ``target``, metres in the world; ``channels`` are the gaze expressions that can be driven."""
        self._avatar = avatar
        self._target = np.asarray(target, np.float64)
        self._how = avatar.rig.look_at or _PLAIN
        self._head = avatar.humanoid.get("head", -1)
        rest = Pose.rest(avatar)
        self._rest = rest.rotations
        self._turned = _rotations(rest.world(avatar)) if self._head >= 0 else rest.rotations
        by_expression = avatar.rig.look_at is not None and avatar.rig.look_at.kind == "expression"
        eyes = {side: avatar.humanoid.get(f"{side}Eye", -1) for side in ("left", "right")}
        bones = not by_expression and min(eyes.values()) >= 0
        bones = bones and not (avatar.rig.look_at is None and set(ARKIT_GAZE) <= set(channels))
        self._eyes = eyes if bones and self._head >= 0 else {}
        names = VRM_GAZE if by_expression else () if bones else ARKIT_GAZE
        self.names = tuple(name for name in names if name in channels) if self._head >= 0 else ()

    def angles(self, pose: Pose) -> tuple[float, float]:
        """How far to the left and up the target is, from between the eyes of the head in this pose."""
        if self._head < 0:
            return 0.0, 0.0
        world = pose.world(self._avatar)[self._head]
        eye = world[:3, :3] @ np.asarray(self._how.offset) + world[:3, 3]
        turn = quaternion_multiply(_rotations(world), quaternion_conjugate(self._turned[self._head]))
        x, y, z = (float(c) for c in quaternion_rotate(quaternion_conjugate(turn), (self._target - eye)))
        return math.atan2(x, z), math.atan2(y, math.hypot(x, z))

    def values(self, left: float, up: float) -> NDArray[np.float32]:
        """For each of ``names`` how far it is on."""
        how = self._how
        if self.names and self.names[0] in VRM_GAZE:
            found = {
                "lookLeft": _mapped(how.outer, left),
                "lookRight": _mapped(how.outer, -left),
                "lookUp": _mapped(how.up, up),
                "lookDown": _mapped(how.down, -up),
            }
        else:
            ways = {"Out": left, "In": -left, "Up": up, "Down": -up}
            found = {f"eyeLook{way}Left": angle / _FULL for way, angle in ways.items()}
            ways |= {"Out": -left, "In": left}
            found |= {f"eyeLook{way}Right": angle / _FULL for way, angle in ways.items()}
        return np.clip([found[name] for name in self.names], 0.0, 1.0).astype(np.float32)

    def turn(self, pose: Pose, left: float, up: float) -> None:
        """Turn the eyes' bones, where that is how this avatar looks."""
        for side, node in self._eyes.items():
            outward = left if side == "left" else -left
            aside = _mapped(self._how.outer, outward) - _mapped(self._how.inner, -outward)
            across = aside if side == "left" else -aside
            rise = _mapped(self._how.up, up) - _mapped(self._how.down, -up)
            world = quaternion_multiply(
                quaternion_from_axis_angle((0.0, 1.0, 0.0), across), quaternion_from_axis_angle((1.0, 0.0, 0.0), -rise)
            )
            resting = self._turned[node]
            own = quaternion_multiply(quaternion_multiply(quaternion_conjugate(resting), world), resting)
            pose.rotations[node] = quaternion_multiply(self._rest[node], own)


def _mapped(how: Range, angle: float) -> float:
    """An angle as the file's range turns it into an output; 0 for the other direction."""
    if angle <= 0.0:
        return 0.0
    return how.scale * (min(angle / how.limit, 1.0) if how.limit > 0.0 else 1.0)


def _rotations(world: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(world[..., :3, :3], axis=-2, keepdims=True)
    return quaternion_from_matrix(world[..., :3, :3] / np.where(lengths > 0.0, lengths, 1.0))

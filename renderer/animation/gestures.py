"""What the five groups' clips do with a body, as numbers over time that know nothing of any particular skeleton.

Body frame: X to the avatar's left, Y up, Z ahead. Angles are radians, lengths are shares of the leg's length. Every
curve starts and ends on the same value and slope, so that clips repeat without a seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from renderer.animation.speech import Face, attentive, blinks, talking, thoughtful, welcoming

Array = NDArray[np.float64]
GOLDEN = 0.5 * (5.0**0.5 - 1.0)
GROUPS = ("hello", "idle", "listen", "speak", "think")
"""In the order of a package's ``animation.glb``."""
RATE = 20.0
"""Instants per second the curves are evaluated at; keys that a straight line gives are dropped later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm at one instant, for either side.

    Attributes:
        out: upper arm's angle from hanging, sideways.
        ahead: then swung forward about the shoulders' axis.
        bend: elbow, 0 is straight.
        toward: where the forearm bends to: (inward, up, ahead), any length.
        twist: turns the palm ahead/up (positive) or back/down.
        wrist: palm toward the forearm is positive.
        curl: of the fingers, 0 flat to 1 fist.
    """

    out: float = 0.17
    ahead: float = 0.0
    bend: float = 0.3
    toward: tuple[float, float, float] = (0.25, 0.0, 1.0)
    twist: float = 0.0
    wrist: float = 0.05
    curl: float = 0.3

    def vector(self) -> Array:
        """All numbers in a row: out, ahead, bend, toward (3), twist, wrist, curl."""
        return np.array([self.out, self.ahead, self.bend, *self.toward, self.twist, self.wrist, self.curl])


HANG = Arm()
OPEN_LOW = Arm(out=0.24, ahead=0.35, bend=1.25, toward=(0.1, 0.1, 1.0), twist=1.0, wrist=-0.15, curl=0.22)
OPEN_HIGH = Arm(out=0.34, ahead=0.45, bend=1.6, toward=(-0.1, 0.25, 1.0), twist=1.15, wrist=-0.2, curl=0.15)
POINT_UP = Arm(out=0.28, ahead=0.5, bend=1.62, toward=(0.20, 0.25, 1.0), twist=0.45, wrist=0.05, curl=0.35)
TOGETHER = Arm(out=0.16, ahead=0.3, bend=1.3, toward=(0.75, 0.0, 1.0), twist=0.35, wrist=0.1, curl=0.3)
GREETING = Arm(out=0.95, ahead=0.45, bend=2.05, toward=(-0.12, 1.0, 0.28), twist=-0.15, wrist=-0.1, curl=0.06)
CHIN = Arm(out=0.22, ahead=0.75, bend=2.33, toward=(0.45, 0.25, 0.9), twist=0.15, wrist=0.35, curl=0.55)
CLASPED = Arm(out=0.20, ahead=0.10, bend=0.95, toward=(0.55, 0.0, 1.0), twist=0.0, wrist=0.1, curl=0.35)
FOLDED = Arm(out=0.16, ahead=0.22, bend=1.42, toward=(1.15, 0.0, 0.8), twist=0.1, wrist=0.05, curl=0.35)


@dataclass(slots=True, kw_only=True)
class Motion:
    """One clip for any body; arrays over its k instants.

    Attributes:
        times: ``(k,)`` seconds from 0 to the duration.
        sway: ``(k, 3)`` shift of the hips, shares of the leg's length.
        trunk: bone name to ``(k, 3)`` nod, turn, tilt relative to the bone below it.
        left, right: ``(k, 9)`` rows of ``Arm.vector``.
        face: ARKit name to ``(k,)`` weights.
        to_chin: ``(k,)`` how far the right hand is on its way to the chin, whose height only the skeleton knows.
    """

    name: str
    times: Array
    sway: Array
    trunk: dict[str, Array]
    left: Array
    right: Array
    face: Face = field(default_factory=dict)
    to_chin: Array | None = None


def motions(group: str) -> tuple[Motion, ...]:
    """The clips of one of ``GROUPS``."""
    match group:
        case "hello":
            return (_hello(),)
        case "idle":
            return _idle("idle_1", 8.0, seed=1), _idle("idle_2", 10.0, seed=2)
        case "listen":
            return (_listen(),)
        case "speak":
            return _speak_open(), _speak_explain(), _speak_point()
        case _:
            return (_think(),)


def ease(times: Array, keys: Sequence[tuple[float, Array]]) -> Array:
    """Values that rest on each key and move between them with the least jerk (quintic); ``(k, n)``."""
    spots = np.array([at for at, _ in keys])
    rows = np.stack([row for _, row in keys])
    index = np.clip(np.searchsorted(spots, times, side="right") - 1, 0, len(keys) - 2)
    share = np.clip((times - spots[index]) / (spots[index + 1] - spots[index]), 0.0, 1.0)
    smooth = share**3 * (share * (6 * share - 15) + 10)
    return np.asarray(rows[index] + smooth[:, None] * (rows[index + 1] - rows[index]))


def _clock(duration: float) -> Array:
    return np.linspace(0.0, duration, round(duration * RATE) + 1)


def _wave(times: Array, cycles: int, phase: float = 0.0) -> Array:
    """A sine that closes over the clip."""
    return np.asarray(np.sin(2 * np.pi * (cycles * times / times[-1] + phase)))


def _alive(name: str, duration: float, *, seed: int, sway: float = 1.0) -> Motion:
    """Standing: breath, a slow shift of weight from foot to foot, and a head that is never quite still."""
    times = _clock(duration)
    # Multiples of the golden ratio lie apart from each other however many there are.
    drift = np.modf((12 * seed + np.arange(12)) * GOLDEN)[0]
    breath = _wave(times, max(1, round(duration / 3.6)))
    shift = _wave(times, 1, drift[0]) + 0.35 * _wave(times, 2, drift[1])
    lean = _wave(times, 1, drift[2])
    nothing = np.zeros_like(times)

    def rows(nod: Array, turn: Array, tilt: Array) -> Array:
        return np.stack([nod, turn, tilt], axis=1)

    trunk = {
        "hips": rows(0.006 * lean, 0.020 * sway * shift, 0.014 * sway * shift),
        "spine": rows(0.010 - 0.008 * breath, -0.010 * sway * shift, -0.018 * sway * shift),
        "chest": rows(-0.012 * breath, nothing, -0.010 * sway * shift),
        "upperChest": rows(-0.010 * breath, nothing, nothing),
        "leftShoulder": rows(nothing, nothing, 0.014 * breath),
        "rightShoulder": rows(nothing, nothing, -0.014 * breath),
        "neck": rows(0.008 * breath + 0.012 * _wave(times, 1, drift[3]), 0.03 * _wave(times, 1, drift[4]), nothing),
        "head": rows(
            0.015 * _wave(times, 2, drift[5]) + 0.01 * _wave(times, 3, drift[6]),
            0.045 * _wave(times, 1, drift[7]) + 0.02 * _wave(times, 3, drift[8]),
            0.014 * sway * shift + 0.02 * _wave(times, 1, drift[9]),
        ),
    }
    hips = np.stack([0.016 * sway * shift, -0.0050 + 0.0015 * breath, 0.004 * lean], axis=1)
    left, right = np.tile(HANG.vector(), (len(times), 1)), np.tile(HANG.vector(), (len(times), 1))
    for arm, sign, phase in ((left, 1.0, drift[10]), (right, -1.0, drift[11])):
        arm[:, 0] += 0.012 * breath + 0.010 * sign * shift
        arm[:, 1] += 0.018 * _wave(times, 1, phase)
        arm[:, 2] += 0.03 * _wave(times, 1, phase + 0.2)
        arm[:, 8] += 0.03 * _wave(times, 2, phase)
    return Motion(name=name, times=times, sway=hips, trunk=trunk, left=left, right=right)


def _turned(motion: Motion, bone: str, keys: Sequence[tuple[float, tuple[float, float, float]]]) -> None:
    motion.trunk[bone] = motion.trunk[bone] + ease(motion.times, [(at, np.array(row)) for at, row in keys])


def _posed(motion: Motion, side: str, keys: Sequence[tuple[float, Arm]]) -> None:
    start = HANG.vector()
    added = ease(motion.times, [(at, arm.vector() - start) for at, arm in keys])
    setattr(motion, side, getattr(motion, side) + added)


def _idle(name: str, duration: float, *, seed: int) -> Motion:
    motion = _alive(name, duration, seed=seed)
    if seed == 2:  # the second one looks around a little
        still = (0.0, 0.0, 0.0)
        look = [(0.0, still), (2.2, still), (3.2, (0.02, 0.20, 0.03)), (5.0, (0.02, 0.20, 0.03))]
        _turned(
            motion, "head", [*look, (6.2, (0.0, -0.10, -0.02)), (7.4, (0.0, -0.10, -0.02)), (8.8, still), (10.0, still)]
        )
    motion.face = blinks(motion.times, (1.3, 4.9, 7.1) if seed == 1 else (0.9, 2.6, 5.7, 8.3))
    motion.face |= {side: np.full_like(motion.times, 0.2) for side in ("mouthSmileLeft", "mouthSmileRight")}
    return motion


def _hello() -> Motion:
    motion = _alive("hello", 3.6, seed=3)
    times = motion.times
    _posed(motion, "right", [(0.0, HANG), (0.15, HANG), (0.95, GREETING), (2.55, GREETING), (3.5, HANG), (3.6, HANG)])
    raised = ease(
        times,
        [
            (0.0, np.zeros(1)),
            (0.6, np.zeros(1)),
            (1.0, np.ones(1)),
            (2.4, np.ones(1)),
            (2.9, np.zeros(1)),
            (3.6, np.zeros(1)),
        ],
    )[:, 0]
    swing = raised * np.sin(2 * np.pi * 1.9 * (times - 0.8))
    motion.right[:, 2] += 0.24 * swing  # the forearm goes from side to side
    motion.right[:, 3] += 0.15 * swing
    motion.right[:, 6] -= 0.10 * swing
    motion.right[:, 7] += 0.06 * raised * np.sin(2 * np.pi * 1.9 * (times - 0.88))
    still = (0.0, 0.0, 0.0)
    _turned(motion, "head", [(0.0, still), (0.9, (0.05, -0.03, -0.09)), (2.5, (0.03, -0.03, -0.09)), (3.6, still)])
    _turned(motion, "spine", [(0.0, still), (0.9, (0.03, -0.03, 0.03)), (2.5, (0.03, -0.03, 0.03)), (3.6, still)])
    _turned(
        motion,
        "rightShoulder",
        [(0.0, still), (0.95, (0.0, 0.0, -0.12)), (2.55, (0.0, 0.0, -0.12)), (3.5, still), (3.6, still)],
    )
    motion.face = welcoming(times)
    return motion


def _listen() -> Motion:
    motion = _alive("listen", 6.0, seed=4, sway=0.6)
    near = (0.035, 0.0, 0.05)
    nods: list[tuple[float, tuple[float, float, float]]] = [(0.0, near), (1.2, near)]
    for start in (1.2, 4.0):
        nods += [
            (start + 0.3, (0.14, 0.0, 0.05)),
            (start + 0.65, near),
            (start + 0.9, (0.10, 0.0, 0.05)),
            (start + 1.25, near),
        ]
        if start < 2:
            nods.append((4.0, near))
    _turned(motion, "head", [*nods, (6.0, near)])
    _turned(motion, "spine", [(0.0, (0.035, 0.0, 0.0)), (6.0, (0.035, 0.0, 0.0))])
    for side in ("left", "right"):
        _posed(motion, side, [(0.0, CLASPED), (6.0, CLASPED)])
    motion.face = attentive(motion.times)
    return motion


def _speak_open() -> Motion:
    motion = _alive("speak_1", 6.0, seed=5)
    _posed(
        motion,
        "right",
        [
            (0.0, HANG),
            (0.3, HANG),
            (1.0, OPEN_LOW),
            (1.6, OPEN_HIGH),
            (2.2, OPEN_LOW),
            (3.0, OPEN_HIGH),
            (3.6, OPEN_LOW),
            (4.6, TOGETHER),
            (5.7, HANG),
            (6.0, HANG),
        ],
    )
    _posed(
        motion,
        "left",
        [
            (0.0, HANG),
            (1.3, HANG),
            (2.2, OPEN_LOW),
            (3.0, OPEN_HIGH),
            (3.7, OPEN_LOW),
            (4.7, TOGETHER),
            (5.8, HANG),
            (6.0, HANG),
        ],
    )
    _emphasis(motion, (0.9, 1.7, 3.0, 4.5))
    return motion


def _speak_explain() -> Motion:
    motion = _alive("speak_2", 7.0, seed=6)
    _posed(
        motion,
        "left",
        [
            (0.0, HANG),
            (0.4, HANG),
            (1.2, OPEN_LOW),
            (2.0, OPEN_LOW),
            (2.6, OPEN_HIGH),
            (3.2, OPEN_LOW),
            (4.2, HANG),
            (7.0, HANG),
        ],
    )
    _posed(
        motion,
        "right",
        [(0.0, HANG), (3.0, HANG), (3.9, OPEN_LOW), (4.5, OPEN_HIGH), (5.2, OPEN_LOW), (6.6, HANG), (7.0, HANG)],
    )
    _emphasis(motion, (1.1, 2.6, 4.4, 5.6))
    still = (0.0, 0.0, 0.0)
    _turned(
        motion,
        "spine",
        [
            (0.0, still),
            (1.2, (0.02, 0.06, 0.0)),
            (3.2, (0.02, 0.06, 0.0)),
            (4.2, (0.02, -0.06, 0.0)),
            (5.4, (0.02, -0.06, 0.0)),
            (7.0, still),
        ],
    )
    return motion


def _speak_point() -> Motion:
    motion = _alive("speak_3", 5.0, seed=7)
    _posed(
        motion,
        "right",
        [
            (0.0, HANG),
            (0.3, HANG),
            (1.1, POINT_UP),
            (1.5, OPEN_LOW),
            (1.9, POINT_UP),
            (2.4, OPEN_LOW),
            (3.2, TOGETHER),
            (4.6, HANG),
            (5.0, HANG),
        ],
    )
    _posed(motion, "left", [(0.0, HANG), (2.0, HANG), (3.1, TOGETHER), (3.6, TOGETHER), (4.7, HANG), (5.0, HANG)])
    _emphasis(motion, (1.1, 1.9, 3.2))
    return motion


def _emphasis(motion: Motion, beats: Sequence[float]) -> None:
    """Small nods on the stressed words, the head turning from one side to the other between them; and the mouth."""
    still = np.zeros(3)
    keys = [(0.0, still)]
    for index, beat in enumerate(beats):
        side = 1.0 if index % 2 else -1.0
        keys += [
            (beat - 0.22, np.array([-0.03, 0.05 * side, 0.03 * side])),
            (beat, np.array([0.075, 0.07 * side, 0.04 * side])),
        ]
    motion.trunk["head"] = motion.trunk["head"] + ease(motion.times, [*keys, (motion.times[-1], still)])
    motion.face = talking(motion.times, beats)


def _think() -> Motion:
    motion = _alive("think", 6.0, seed=8, sway=0.7)
    _posed(motion, "right", [(0.0, HANG), (0.2, HANG), (1.2, CHIN), (4.7, CHIN), (5.8, HANG), (6.0, HANG)])
    _posed(motion, "left", [(0.0, HANG), (0.2, HANG), (1.2, FOLDED), (4.7, FOLDED), (5.8, HANG), (6.0, HANG)])
    still = (0.0, 0.0, 0.0)
    _turned(
        motion,
        "head",
        [
            (0.0, still),
            (1.2, (-0.07, 0.16, -0.08)),
            (2.9, (-0.09, 0.10, -0.10)),
            (4.6, (0.0, -0.06, -0.04)),
            (6.0, still),
        ],
    )
    _turned(motion, "neck", [(0.0, still), (1.2, (0.04, 0.05, 0.0)), (4.6, (0.04, 0.0, 0.0)), (6.0, still)])
    steps = [(0.0, np.zeros(1)), (0.2, np.zeros(1)), (1.2, np.ones(1)), (4.7, np.ones(1)), (5.8, np.zeros(1))]
    motion.to_chin = ease(motion.times, [*steps, (6.0, np.zeros(1))])[:, 0]
    motion.face = thoughtful(motion.times)
    return motion

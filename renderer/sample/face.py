"""The 52 ARKit shapes as displacements of any point of the face, so that skin, brows, lashes and tongue agree.

Names and order are the platform's (alphabetical). Sides are the avatar's: left is x > 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.sample.anatomy import EYE, MOUTH_HALF, MOUTH_Y, lid_line, mouth_line
from renderer.sample.field import Array, ramp

HINGE = np.array([0.0, -3.0, -0.6])
JAW_ANGLE = np.radians(16.0)
FLIP = np.array([-1.0, 1.0, 1.0])
SINGLE = (
    *("browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel"),
    *("mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower"),
    *("mouthShrugUpper", "tongueOut"),
)
SIDED = (
    *("browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp"),
    *("eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile"),
    *("mouthStretch", "mouthUpperUp", "noseSneer"),
)
NAMES: tuple[str, ...] = tuple(sorted([*SINGLE, *(name + side for name in SIDED for side in ("Left", "Right"))]))
LOOK_ANGLES = {
    "eyeLookUp": (0.0, 0.36),
    "eyeLookDown": (0.0, -0.42),
    "eyeLookIn": (-0.52, 0.0),
    "eyeLookOut": (0.52, 0.0),
}
"""(azimuth toward the outside, elevation) of the gaze, radians."""


@dataclass(slots=True, kw_only=True)
class Flesh:
    """Points to move, face frame, and what is known of them.

    Attributes:
        lip: as in ``head.Skin``; for points away from the lips 0, then their height decides.
        lip_share: as there; 9 away from the lips.
        lids: whether the eyelids' motion carries the point.
        roots: what decides how far the lids turn a point, where that is not itself: a lash goes with its root.
    """

    points: Array
    lip: Array
    lip_share: Array
    lids: NDArray[np.bool_]
    roots: Array | None = None

    def flipped(self) -> Flesh:
        """The same seen in a mirror."""
        roots = None if self.roots is None else self.roots * FLIP
        return Flesh(points=self.points * FLIP, lip=self.lip, lip_share=self.lip_share, lids=self.lids, roots=roots)


def displacements(flesh: Flesh) -> dict[str, Array]:
    """Every shape's displacement ``(n, 3)`` in centimetres."""
    found: dict[str, Array] = {}
    mirror = flesh.flipped()
    for name in SIDED:
        move = LEFT[name]
        found[name + "Left"] = move(flesh)
        found[name + "Right"] = move(mirror) * FLIP
    jaw = _jaw_share(flesh)
    found["jawOpen"] = jaw_turn(flesh.points, jaw) + _pair(flesh, (MOUTH_HALF, -6.6, 6.9), 1.3, (-0.25, 0.0, -0.1))
    found["jawForward"] = jaw[:, None] * [0.0, 0.05, 0.85]
    found["jawLeft"] = jaw[:, None] * [0.9, 0.0, 0.0]
    found["jawRight"] = jaw[:, None] * [-0.9, 0.0, 0.0]
    found["browInnerUp"] = _pair(flesh, (1.6, 2.7, 7.2), 1.55, (-0.12, 0.80, 0.10))
    found["cheekPuff"] = _pair(flesh, (4.1, -6.6, 5.2), 2.3, (1.0, 0.0, 0.85))
    found["mouthClose"] = -_closing(flesh, jaw)
    found["mouthPucker"] = _pucker(flesh, inward=0.42, out=0.85, part=0.0)
    found["mouthFunnel"] = _pucker(flesh, inward=0.34, out=0.70, part=0.42)
    found["mouthLeft"] = _mouth(flesh)[:, None] * [0.85, 0.06, -0.05]
    found["mouthRight"] = _mouth(flesh)[:, None] * [-0.85, 0.06, -0.05]
    found["mouthRollLower"] = _roll(flesh, upper=False)
    found["mouthRollUpper"] = _roll(flesh, upper=True)
    found["mouthShrugLower"] = _push(flesh, (0, -8.2, 7.6), 1.9, (0.0, 0.45, 0.18)) * _lower(flesh)
    found["mouthShrugUpper"] = _push(flesh, (0, -6.2, 7.9), 1.7, (0.0, 0.34, 0.14)) * _upper(flesh)
    lower = _lower(flesh)[:, 0] * _along_mouth(flesh)
    found["tongueOut"] = (
        lower[:, None] * np.exp(-(((flesh.points[:, 1] - MOUTH_Y) / 1.6) ** 2))[:, None] * [0, -0.22, 0.05]
    )
    return {name: np.asarray(found[name], np.float64) for name in NAMES}


# --- parts of the field -----------------------------------------------------------------------------------------


def _push(flesh: Flesh, centre: tuple[float, float, float], radius: float, move: tuple[float, float, float]) -> Array:
    """A soft dent or bump."""
    away = ((flesh.points - np.asarray(centre)) ** 2).sum(axis=1) / radius**2
    # cut off where it would no longer be seen, so that few points move
    return np.asarray(np.clip((np.exp(-away) - 0.03) / 0.97, 0, 1)[:, None] * np.asarray(move))


def _side(flesh: Flesh) -> Array:
    """+1 above the mouth's line, -1 below, from the lips' own knowledge where they have it."""
    height = flesh.points[:, 1] - mouth_line(flesh.points[:, 0])
    return np.where(flesh.lip_share < 5, flesh.lip, np.clip(height / 0.6, -1, 1))


def _upper(flesh: Flesh) -> Array:
    return (0.5 + 0.5 * _side(flesh))[:, None]


def _lower(flesh: Flesh) -> Array:
    return (0.5 - 0.5 * _side(flesh))[:, None]


def _along_mouth(flesh: Flesh) -> Array:
    """1 in the mouth's middle to 0 at and beyond its corners."""
    return np.asarray(np.sqrt(np.clip(1 - (flesh.points[:, 0] / (MOUTH_HALF + 0.1)) ** 2, 0, 1)))


def _mouth(flesh: Flesh) -> Array:
    """1 on the lips, fading around the mouth."""
    p = flesh.points
    away = np.hypot(p[:, 0] / 3.4, (p[:, 1] - MOUTH_Y) / 2.3)
    return ramp(1.35, 0.55, away) * ramp(1.0, 4.0, p[:, 2])


def _pair(flesh: Flesh, centre: tuple[float, float, float], radius: float, move: tuple[float, float, float]) -> Array:
    """The same push on both sides."""
    return np.asarray(_push(flesh, centre, radius, move) + _push(flesh.flipped(), centre, radius, move) * FLIP)


def _jaw_share(flesh: Flesh) -> Array:
    """How far a point follows the lower jaw."""
    p = flesh.points
    general = ramp(-3.8, -9.6, p[:, 1])
    inside = np.clip(1 - (p[:, 0] / (MOUTH_HALF + 0.3)) ** 2, 0, 1) ** 0.65 * ramp(0.5, 3.0, p[:, 2])
    side = _side(flesh)
    below = general + (1 - general) * inside
    above = general * (1 - inside)
    share = np.where(side < 0, below, np.where(side > 0, above, general))
    share = share * ramp(-16.5, -11.5, p[:, 1] + 0.15 * np.minimum(p[:, 2], 6.0))
    return np.asarray(share * ramp(-3.2, 1.8, p[:, 2]))


def jaw_turn(points: Array, share: Array) -> Array:
    """The jaw's turn about its hinge."""
    angle = JAW_ANGLE * share
    y, z = points[:, 1] - HINGE[1], points[:, 2] - HINGE[2]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.zeros_like(y), y * cosine - z * sine - y, y * sine + z * cosine - z], axis=1)


def _closing(flesh: Flesh, jaw: Array) -> Array:
    """What jawOpen does to the lips alone: taking it away closes them, a little lower, over an open jaw."""
    p = flesh.points
    wide = np.sqrt(np.clip(1 - (p[:, 0] / 3.3) ** 2, 0, 1))
    near = np.exp(-(((p[:, 1] - MOUTH_Y) / 1.25) ** 2)) * wide
    lips = np.where(
        np.abs(flesh.lip_share) <= 1.0, 1.0, np.where(flesh.lip_share < 5, ramp(2.7, 1.0, flesh.lip_share), near)
    )
    lips = np.where(flesh.lip_share < 0, ramp(2.2, 0.3, -flesh.lip_share), lips) * ramp(0.0, 2.0, p[:, 2])
    together = 0.22 * jaw_turn(p, np.ones(len(p))) * wide[:, None]
    return np.asarray((jaw_turn(p, jaw) - together) * lips[:, None])


def _pucker(flesh: Flesh, *, inward: float, out: float, part: float) -> Array:
    p = flesh.points
    share = _mouth(flesh)
    lips = np.where(np.abs(flesh.lip_share) <= 1.0, 1.0, share)
    side = _side(flesh)
    moved = np.zeros_like(p)
    moved[:, 0] = -inward * p[:, 0] * share
    moved[:, 2] = out * share * (0.35 + 0.65 * _along_mouth(flesh)) + 0.25 * np.abs(p[:, 0]) * share * 0.5
    taller = 0.14 * (p[:, 1] - mouth_line(p[:, 0])) * share
    moved[:, 1] = taller + part * side * lips * share * _along_mouth(flesh)
    return moved


def _roll(flesh: Flesh, *, upper: bool) -> Array:
    """A lip turned in over the teeth: its border comes to the mouth's line and everything goes back."""
    p = flesh.points
    mine = _side(flesh) > 0 if upper else _side(flesh) < 0
    near = np.where(flesh.lip_share < 5, ramp(2.3, 0.4, np.abs(flesh.lip_share)), 0.0) * _along_mouth(flesh) * mine
    depth = ramp(1.3, 0.0, flesh.lip_share)
    moved = np.zeros_like(p)
    moved[:, 1] = -0.62 * (p[:, 1] - mouth_line(p[:, 0])) * near
    moved[:, 2] = -(0.30 + 0.45 * depth) * near
    return moved


_NEIGHBOURS = 0.13  # radians about the eyeball


# --- lids -------------------------------------------------------------------------------------------------------


def _lid_angles() -> tuple[Array, Array, Array]:
    around = np.linspace(0, 2 * np.pi, 721)
    line = lid_line(around)
    upper, lower = line[:361][::-1], line[360:]
    azimuth = np.linspace(lower[:, 0].min(), lower[:, 0].max(), 181)
    return azimuth, np.interp(azimuth, upper[:, 0], upper[:, 1]), np.interp(azimuth, lower[:, 0], lower[:, 1])


def _lids(flesh: Flesh, *, upper: float, lower: float, raise_upper: float = 0.0, raise_lower: float = 0.0) -> Array:
    """The left eye's lids slid over the eyeball.

    ``upper`` and ``lower`` are shares of the way to the line where they meet; ``raise_*`` are radians, up is positive.
    """
    table, top, bottom = _lid_angles()
    distance, azimuth, elevation = _round_the_eye(flesh.points if flesh.roots is None else flesh.roots)
    high, low = np.interp(azimuth, table, top), np.interp(azimuth, table, bottom)
    above = elevation > 0.5 * (high + low)
    beyond = np.where(above, np.clip((elevation - high) / 0.95, 0, 1), np.clip((low - elevation) / 0.75, 0, 1))
    carried = (1 - beyond) ** 1.25
    # How far each column of the opening turns. It ends all at once at the corners, where skin would fold: away from
    # the rim the columns draw their neighbours along.
    gape = top - bottom
    meet = bottom + 0.10 * gape
    lids = (
        upper * (meet - top) + raise_upper * gape / gape.max(),
        lower * (meet - bottom) + raise_lower * gape / gape.max(),
    )
    # Between the rims lie the corners' skin, which bulges over them, and is gathered with both.
    share = np.clip((elevation - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
    sharp, soft = (
        share * np.interp(azimuth, *columns[0]) + (1.0 - share) * np.interp(azimuth, *columns[1])
        for columns in zip(*(((table, lid), _drawn_along(table, lid)) for lid in lids), strict=True)
    )
    turn = sharp + (soft - sharp) * ramp(0.0, 0.2, beyond)
    local = flesh.points - EYE
    near = ramp(3.6, 2.5, distance) * (local[:, 2] > 0) * flesh.lids
    if flesh.roots is not None:
        distance, azimuth, elevation = _round_the_eye(flesh.points)
    angle = elevation + turn * carried * near
    level = distance * np.cos(angle)
    moved = np.stack([level * np.sin(azimuth), distance * np.sin(angle), level * np.cos(azimuth)], axis=1)
    return np.asarray(np.where((near > 0)[:, None], moved - local, 0.0))


def _drawn_along(azimuth: Array, turn: Array) -> tuple[Array, Array]:
    """Turns by azimuth, weighed over a neighbourhood with nothing beyond the eye's corners; as a longer table."""
    step = azimuth[1] - azimuth[0]
    reach = int(3 * _NEIGHBOURS / step)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / _NEIGHBOURS) ** 2)
    longer = azimuth[0] + step * np.arange(-reach, len(azimuth) + reach)
    return longer, np.convolve(turn, weights / weights.sum())


def _round_the_eye(points: Array) -> tuple[Array, Array, Array]:
    """Distance, azimuth and elevation from the left eyeball's centre, centimetres and radians."""
    local = points - EYE
    distance = np.linalg.norm(local, axis=1)
    return (
        distance,
        np.arctan2(local[:, 0], local[:, 2]),
        np.arcsin(np.clip(local[:, 1] / np.maximum(distance, 1e-9), -1, 1)),
    )


# --- one-sided shapes, written for the left ----------------------------------------------------------------------


def _smile(flesh: Flesh) -> Array:
    lips = _push(flesh, (MOUTH_HALF, -6.55, 6.8), 1.55, (0.62, 0.78, -0.32))
    cheek = _push(flesh, (3.9, -4.1, 6.2), 1.9, (0.16, 0.42, 0.22))
    fold = _push(flesh, (2.7, -5.2, 7.1), 1.0, (0.10, 0.14, 0.10))
    middle = _push(flesh, (0.9, -6.9, 8.0), 1.2, (0.12, 0.10, -0.10))
    return lips + cheek + fold + middle + _lids(flesh, upper=0.0, lower=0.22)


def _frown(flesh: Flesh) -> Array:
    return _push(flesh, (MOUTH_HALF, -6.7, 6.8), 1.45, (0.10, -0.80, -0.05)) + _push(
        flesh, (2.2, -9.0, 6.3), 1.4, (0.1, -0.12, 0.12)
    )


def _lower_down(flesh: Flesh) -> Array:
    return _push(flesh, (1.15, -7.6, 7.9), 1.35, (0.16, -0.75, 0.05)) * _lower(flesh)


def _upper_up(flesh: Flesh) -> Array:
    lip = _push(flesh, (1.15, -6.3, 7.9), 1.3, (0.10, 0.62, 0.06)) * _upper(flesh)
    return lip + _push(flesh, (1.7, -4.6, 7.6), 1.2, (0.05, 0.22, 0.1))


def _press(flesh: Flesh) -> Array:
    towards = _push(flesh, (1.3, -6.9, 7.8), 1.5, (0.0, 0.14, -0.18)) * _lower(flesh)
    return np.asarray(
        towards
        + _push(flesh, (1.3, -6.9, 7.8), 1.5, (0.0, -0.14, -0.16)) * _upper(flesh)
        + _push(flesh, (MOUTH_HALF, -6.6, 6.9), 0.9, (0.12, 0.10, -0.12))
    )


LEFT: dict[str, Callable[[Flesh], Array]] = {
    "browDown": lambda f: (
        _push(f, (1.9, 2.6, 7.3), 1.5, (-0.28, -0.55, 0.16))
        + _push(f, (4.0, 3.0, 6.2), 1.4, (-0.08, -0.30, 0.05))
        + _lids(f, upper=0.10, lower=0.0)
    ),
    "browOuterUp": lambda f: _push(f, (4.3, 3.1, 6.0), 1.75, (0.06, 0.78, 0.02)),
    "cheekSquint": lambda f: _push(f, (3.9, -3.0, 6.6), 1.8, (0.05, 0.55, 0.22)) + _lids(f, upper=0.0, lower=0.4),
    "eyeBlink": lambda f: _lids(f, upper=1.0, lower=1.0) + _push(f, (3.4, 2.7, 7.0), 1.0, (0.0, -0.08, 0.0)),
    "eyeLookDown": lambda f: _lids(f, upper=0.46, lower=0.0, raise_lower=-0.10),
    "eyeLookIn": lambda f: _push(f, (3.42, 0.0, 7.55), 1.7, (-0.07, 0.0, 0.02)) * f.lids[:, None],
    "eyeLookOut": lambda f: _push(f, (3.42, 0.0, 7.55), 1.7, (0.07, 0.0, 0.02)) * f.lids[:, None],
    "eyeLookUp": lambda f: (
        _lids(f, upper=0.0, lower=0.0, raise_upper=0.15, raise_lower=0.09)
        + _push(f, (3.4, 2.8, 7.0), 1.2, (0.0, 0.12, 0.0))
    ),
    "eyeSquint": lambda f: _lids(f, upper=0.22, lower=0.75) + _push(f, (3.8, -2.4, 6.8), 1.2, (0.0, 0.18, 0.08)),
    "eyeWide": lambda f: _lids(f, upper=0.0, lower=0.0, raise_upper=0.24, raise_lower=-0.08),
    "mouthDimple": lambda f: _push(f, (MOUTH_HALF + 0.15, -6.55, 6.7), 1.05, (0.34, 0.12, -0.42)),
    "mouthFrown": _frown,
    "mouthLowerDown": _lower_down,
    "mouthPress": _press,
    "mouthSmile": _smile,
    "mouthStretch": lambda f: _push(f, (MOUTH_HALF, -6.8, 6.8), 1.6, (0.75, -0.18, -0.30)),
    "mouthUpperUp": _upper_up,
    "noseSneer": lambda f: (
        _push(f, (1.1, -3.4, 8.6), 1.15, (0.12, 0.42, 0.02))
        + _push(f, (1.3, -5.9, 7.9), 1.0, (0.05, 0.28, 0.05)) * _upper(f)
    ),
}

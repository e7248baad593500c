"""Faces over time, by ARKit names: blinks, moods, and lips that seem to talk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Face = dict[str, Array]
"""ARKit name to weights (k,), one per instant."""

LIPS: dict[str, dict[str, float]] = {
    "a": {
        "jawOpen": 0.42,
        "mouthLowerDownLeft": 0.18,
        "mouthLowerDownRight": 0.18,
        "mouthUpperUpLeft": 0.1,
        "mouthUpperUpRight": 0.1,
    },
    "e": {
        "jawOpen": 0.20,
        "mouthStretchLeft": 0.22,
        "mouthStretchRight": 0.22,
        "mouthSmileLeft": 0.15,
        "mouthSmileRight": 0.15,
    },
    "i": {
        "jawOpen": 0.12,
        "mouthSmileLeft": 0.28,
        "mouthSmileRight": 0.28,
        "mouthStretchLeft": 0.15,
        "mouthStretchRight": 0.15,
    },
    "o": {"jawOpen": 0.30, "mouthFunnel": 0.45},
    "u": {"jawOpen": 0.14, "mouthPucker": 0.45, "mouthFunnel": 0.18},
    "m": {"mouthPressLeft": 0.4, "mouthPressRight": 0.4, "mouthRollLower": 0.2, "mouthRollUpper": 0.12},
    "f": {"jawOpen": 0.05, "mouthRollLower": 0.35, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2},
    "s": {
        "jawOpen": 0.06,
        "mouthStretchLeft": 0.2,
        "mouthStretchRight": 0.2,
        "mouthLowerDownLeft": 0.15,
        "mouthLowerDownRight": 0.15,
    },
}
"""Shapes of the mouth for eight sounds."""

PHRASES = ("mafe sioma easa", "sufa meio asem", "oma fiesa mu")


def bump(times: Array, centre: float, width: float) -> Array:
    """1 at the centre, smoothly 0 from ``width`` away on."""
    near = np.clip(1 - np.abs(times - centre) / width, 0.0, 1.0)
    return np.asarray(near * near * (3 - 2 * near))


def blinks(times: Array, at: Sequence[float]) -> Face:
    """Both eyes: shut in 0.1 s, open again in 0.15 s."""
    lids = np.zeros_like(times)
    for start in at:
        down = np.clip((times - start) / 0.10, 0.0, 1.0)
        up = np.clip((times - start - 0.12) / 0.16, 0.0, 1.0)
        lids = np.maximum(lids, down * down * (3 - 2 * down) * (1 - up * up * (3 - 2 * up)))
    return {"eyeBlinkLeft": lids, "eyeBlinkRight": lids}


def both(name: str, weights: Array) -> Face:
    """The same on the left and on the right."""
    return {name + "Left": weights, name + "Right": weights}


def welcoming(times: Array) -> Face:
    """A smile that comes with the greeting and stays a little."""
    smile = np.maximum(bump(times, 1.3, 1.3), bump(times, 2.1, 1.5))
    return {
        **blinks(times, (0.35, 2.75)),
        **both("mouthSmile", 0.12 + 0.48 * smile),
        **both("cheekSquint", 0.35 * smile),
        **both("browOuterUp", 0.25 * smile),
        "browInnerUp": 0.22 * smile,
        "jawOpen": 0.07 * smile,
    }


def attentive(times: Array) -> Face:
    """Raised brows now and then, a hint of a smile."""
    interest = bump(times, 1.5, 1.0) + bump(times, 4.3, 1.0)
    return {
        **blinks(times, (0.7, 3.1, 5.2)),
        **both("mouthSmile", 0.14 + 0.10 * interest),
        **both("browOuterUp", 0.12 * interest),
        "browInnerUp": 0.10 + 0.18 * interest,
    }


def thoughtful(times: Array) -> Face:
    """Eyes up and aside, lips pressed, one brow higher."""
    deep = np.minimum(1.0, bump(times, 1.9, 1.7) + bump(times, 3.5, 1.7))
    aside = bump(times, 2.2, 1.6)
    return {
        **blinks(times, (0.6, 3.7, 5.0)),
        "eyeLookUpLeft": 0.45 * aside,
        "eyeLookUpRight": 0.45 * aside,
        "eyeLookOutLeft": 0.35 * aside,
        "eyeLookInRight": 0.35 * aside,
        "browOuterUpLeft": 0.30 * deep,
        "browInnerUp": 0.16 * deep,
        "browDownRight": 0.18 * deep,
        **both("mouthPress", 0.22 * deep),
        "mouthLeft": 0.16 * deep,
        **both("mouthSmile", np.full_like(times, 0.08)),
    }


def talking(times: Array, beats: Sequence[float]) -> Face:
    """Syllables at a speaking pace with rests between the phrases; brows rise on the beats."""
    face: Face = {name: np.zeros_like(times) for shape in LIPS.values() for name in shape}
    text = PHRASES[len(beats) % len(PHRASES)]
    pace, at, index = 0.135, 0.25, 0
    while at < times[-1] - 0.45:
        sound = text[index % len(text)]
        index += 1
        at += pace if sound in LIPS else 0.30
        if sound not in LIPS:
            continue
        stress = 0.8 + 0.35 * max(float(bump(np.array([at]), beat, 0.35)[0]) for beat in beats)
        vowel = sound in "aeiou"
        for name, weight in LIPS[sound].items():
            face[name] = face[name] + stress * weight * bump(times, at, 0.19 if vowel else 0.13)
    lift = sum((bump(times, beat, 0.45) for beat in beats), np.zeros_like(times))
    face = {name: np.clip(weights, 0.0, 1.0) for name, weights in face.items()}
    for side in ("mouthSmileLeft", "mouthSmileRight"):
        face[side] = np.clip(face[side] + 0.14, 0.0, 1.0)
    face |= blinks(times, (beats[0] + 0.5, beats[-1] + 0.3))
    face |= {"browInnerUp": 0.22 * lift, **both("browOuterUp", 0.20 * lift)}
    return face

"""The sample's bones: VRM 1.0 names, resting in an A-pose, metres, X to the avatar's left, Y up, Z ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from renderer.sample.field import Array

EYE_LEVEL = 1.530
"""Height of the face frame's origin, metres."""
FACE_AHEAD = 0.012
"""Its distance ahead of the body's axis, metres."""
FACE_ORIGIN = np.array([0.0, EYE_LEVEL, FACE_AHEAD])
ARM_DOWN = np.radians(46.0)
"""The upper arm below the horizontal."""

SPINE: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("hips", "", (0.0, 0.925, 0.0)),
    ("spine", "hips", (0.0, 1.010, -0.004)),
    ("chest", "spine", (0.0, 1.115, -0.012)),
    ("upperChest", "chest", (0.0, 1.215, -0.018)),
    ("neck", "upperChest", (0.0, 1.358, -0.022)),
    ("head", "neck", (0.0, 1.440, -0.012)),
)
LEFT: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("UpperLeg", "hips", (0.078, 0.880, 0.0)),
    ("LowerLeg", "UpperLeg", (0.084, 0.480, 0.012)),
    ("Foot", "LowerLeg", (0.088, 0.085, -0.020)),
    ("Toes", "Foot", (0.094, 0.022, 0.090)),
    ("Shoulder", "upperChest", (0.025, 1.306, -0.010)),
)
SHOULDER = np.array([0.132, 1.302, -0.018])
UPPER_ARM, FOREARM = 0.262, 0.236
FINGERS: tuple[tuple[str, float, float, tuple[float, float, float], float], ...] = (
    ("Index", 0.088, 0.0255, (0.040, 0.024, 0.020), 0.0083),
    ("Middle", 0.091, 0.0045, (0.044, 0.027, 0.021), 0.0085),
    ("Ring", 0.086, -0.0160, (0.040, 0.025, 0.020), 0.0080),
    ("Little", 0.078, -0.0345, (0.031, 0.020, 0.018), 0.0072),
)
"""Name, distance of the knuckle from the wrist, toward the thumb, lengths of the three links, radius at the knuckle."""
THUMB = ((0.022, -0.006, 0.022), (0.052, -0.016, 0.044), (0.079, -0.021, 0.055), (0.101, -0.023, 0.062))
"""Joints and tip in the hand's frame: along the hand, up (palm down is negative), ahead."""
SPREAD = {"Index": 0.07, "Middle": 0.0, "Ring": -0.07, "Little": -0.15}
"""Fingers fan out, radians toward the thumb."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Bone:
    """One joint; ``at`` is where it rests in the world, ``tail`` where what it moves ends."""

    name: str
    parent: str
    at: Array
    tail: Array


def arm_axes() -> Array:
    """Columns of the left arm's frame: along it, up (away from the palm), ahead."""
    along = np.array([np.cos(ARM_DOWN), -np.sin(ARM_DOWN), 0.0])
    up = np.array([np.sin(ARM_DOWN), np.cos(ARM_DOWN), 0.0])
    return np.stack([along, up, np.cross(along, up)], axis=1)


def elbow() -> Array:
    """Where the left elbow rests."""
    return np.asarray(SHOULDER + arm_axes() @ [UPPER_ARM, 0.0, 0.0])


def wrist() -> Array:
    """Where the left wrist rests: the forearm comes a little ahead."""
    return elbow() + arm_axes() @ (FOREARM * np.array([np.cos(0.10), 0.0, np.sin(0.10)]))


def hand_axes() -> Array:
    """Columns of the left hand's frame: along the hand, up from its back, toward the thumb."""
    turn = 0.10
    bend = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    return np.asarray(arm_axes() @ bend)


def finger_joints(name: str) -> Array:
    """Knuckle, two joints and tip of a left finger in the hand's frame, ``(4, 3)``: slightly bent."""
    _, start, side, links, _ = next(finger for finger in FINGERS if finger[0] == name)
    at = np.array([start, -0.003, side])
    points = [at]
    bend = 0.10
    for link in links:
        flat = link * np.cos(bend)
        at = at + np.array([flat * np.cos(SPREAD[name]), -link * np.sin(bend), flat * np.sin(SPREAD[name])])
        points.append(at)
        bend += 0.16
    return np.array(points)


def bones() -> tuple[Bone, ...]:
    """All bones, parents before children."""
    places: dict[str, tuple[str, Array]] = {name: (parent, np.array(at)) for name, parent, at in SPINE}
    tails: dict[str, Array] = {}
    axes, origin = hand_axes(), wrist()
    left: list[tuple[str, str, Array]] = [(name, parent, np.array(at)) for name, parent, at in LEFT]
    left += [("UpperArm", "Shoulder", SHOULDER), ("LowerArm", "UpperArm", elbow()), ("Hand", "LowerArm", origin)]
    for finger in ("Index", "Middle", "Ring", "Little"):
        joints = origin + finger_joints(finger) @ axes.T
        for index, joint in enumerate(("Proximal", "Intermediate", "Distal")):
            above = "Hand" if index == 0 else finger + ("Proximal", "Intermediate")[index - 1]
            left.append((finger + joint, above, joints[index]))
        tails[finger + "Distal"] = joints[3]
    thumb = origin + np.array(THUMB) @ axes.T
    for index, joint in enumerate(("Metacarpal", "Proximal", "Distal")):
        above = "Hand" if index == 0 else "Thumb" + ("Metacarpal", "Proximal")[index - 1]
        left.append(("Thumb" + joint, above, thumb[index]))
    tails["ThumbDistal"] = thumb[3]
    eye = np.array([0.0342, EYE_LEVEL, FACE_AHEAD + 0.0555])
    left.append(("Eye", "head", eye))
    flip = np.array([-1.0, 1.0, 1.0])
    for side, sign in (("left", np.ones(3)), ("right", flip)):
        for name, parent, at in left:
            central = parent in places
            places[side + name] = (parent if central else side + parent, at * sign)
    ends = {
        side + name: tail * sign
        for side, sign in (("left", np.ones(3)), ("right", flip))
        for name, tail in tails.items()
    }
    children: dict[str, list[Array]] = {}
    for _, (parent, at) in places.items():
        children.setdefault(parent, []).append(at)
    found = []
    for name, (parent, at) in places.items():
        if name in ends:
            tail = ends[name]
        elif name == "head":
            tail = at + np.array([0, 0.2, 0])
        elif name == "upperChest":
            tail = places["neck"][1]
        elif name == "hips":
            tail = places["spine"][1]
        elif name.endswith("Hand"):
            tail = places[name.replace("Hand", "MiddleProximal")][1]
        elif name.endswith("Toes"):
            tail = at + np.array([0, 0, 0.06])
        elif name.endswith("Eye"):
            tail = at + np.array([0, 0, 0.02])
        else:
            tail = children[name][0]
        found.append(Bone(name=name, parent=parent, at=at, tail=tail))
    return tuple(found)

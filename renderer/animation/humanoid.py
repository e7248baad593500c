"""Clips for any humanoid: body and face motions of ``gestures`` laid onto an avatar's own skeleton.

No bone's roll or local axes are assumed. Turns are worked out in the body's frame from where the bones rest in the
world, then expressed in each bone's own axes. Arms are first brought to a common T-pose (along the sides, palms down)
by the shortest way, so that T- and A-posed avatars move alike; feet stay planted by bending the legs.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from renderer.animation.arkit import arkit_channel
from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.gestures import CHIN, GROUPS, Motion, motions
from renderer.animation.turns import arc, axis_turn, euler_turn, frames, quaternions, thinned, unit
from renderer.scene import Avatar

Array = NDArray[np.float64]

TRUNK = ("hips", "spine", "chest", "upperChest", "neck", "head")
FINGERS = ("Index", "Middle", "Ring", "Little")
JOINTS = ("Proximal", "Intermediate", "Distal")
AHEAD, UP = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
ROTATION_TOLERANCE, SHIFT_TOLERANCE, WEIGHT_TOLERANCE = 0.0008, 0.0003, 0.006

STAND_INS: dict[str, tuple[str, ...]] = {
    "eyeblinkleft": ("blinkleft", "blinkl", "eyecloseleft", "eyesclosed", "blink", "fclecloseleft", "fcleyeclosel"),
    "eyeblinkright": ("blinkright", "blinkr", "eyecloseright", "eyesclosed", "blink", "fclecloseright", "fcleyecloser"),
    "jawopen": ("mouthopen", "visemeaa", "vrcvaa", "aa", "fclmtha", "mtha", "a"),
    "mouthsmileleft": ("mouthsmile", "smile"),
    "mouthsmileright": ("mouthsmile", "smile"),
    "browinnerup": ("browsup", "browup"),
}
"""Where a mesh has no target of the ARKit name: other names that come near, best first."""


def humanoid_clips(
    avatar: Avatar, *, groups: Collection[str] = GROUPS, thin: bool = False
) -> dict[str, tuple[Clip, ...]]:
    """Clips named after their groups hello, idle, listen, speak and think, in this order.

    Args:
        groups: which of them are wanted; each takes some time to make.
        thin: leave out keys that interpolation replaces, for a clip that is to be stored. Finding them takes time.

    An avatar whose ``humanoid`` lacks the hips still gets its face moved; one that has neither gets no clips.
    """
    found: dict[str, tuple[Clip, ...]] = {}
    # Bones may lie in one place, or too far away for any sum; what comes of that is left out.
    with np.errstate(all="ignore"):
        skeleton = Skeleton(avatar)
        for group in (name for name in GROUPS if name in groups):
            clips = tuple(_clip(skeleton, motion, thin=thin) for motion in motions(group))
            found[group] = tuple(clip for clip in clips if clip.channels)
    return {group: clips for group, clips in found.items() if clips}


class Skeleton:
    """Where an avatar's bones rest, in the body frame: X to its left, Y up, Z the way it faces."""

    def __init__(self, avatar: Avatar) -> None:
        self.avatar = avatar
        self.bones = {name: node for name, node in avatar.humanoid.items() if 0 <= node < len(avatar.nodes)}
        world = _rest_matrices(avatar)
        self._heading = _heading({name: world[node][:3, 3] for name, node in self.bones.items()})
        into = self._heading.T
        self._linear = {node: into @ world[node][:3, :3] for node in range(len(world))}
        self.turned = {node: _rotation(linear) for node, linear in self._linear.items()}
        self.at = {name: into @ world[node][:3, 3] for name, node in self.bones.items()}

    def above(self, bone: str) -> str:
        """The nearest bone that carries this one, ``""`` for none."""
        owner = {node: name for name, node in self.bones.items()}
        node = self.avatar.nodes[self.bones[bone]].parent
        while node >= 0 and node not in owner:
            node = self.avatar.nodes[node].parent
        return owner.get(node, "")

    def ordered(self) -> list[str]:
        """Bones, carriers before what they carry."""
        rank = self.avatar.hierarchy.position
        return sorted(self.bones, key=lambda name: int(rank[self.bones[name]]))

    def local_rotations(self, bone: str, relative: Array) -> Array:
        """Node rotations ``(k, 4)`` for turns ``(k, 3, 3)`` in the body frame, relative to the bone above."""
        node = self.bones[bone]
        parent = self.avatar.nodes[node].parent
        outer = self.turned[parent] if parent >= 0 else self._heading.T
        return quaternions(outer.T @ relative @ self.turned[node])

    def local_shift(self, bone: str, shift: Array) -> Array:
        """Node translations ``(k, 3)`` for shifts ``(k, 3)`` of a bone in the body frame."""
        node = self.avatar.nodes[self.bones[bone]]
        outer = self._linear[node.parent] if node.parent >= 0 else self._heading.T
        return np.asarray(node.translation + shift @ np.linalg.inv(outer).T)

    @property
    def leg(self) -> float:
        """Length of a leg in metres."""
        if {"leftUpperLeg", "leftLowerLeg", "leftFoot"} <= self.at.keys():
            hip, knee, ankle = (self.at[name] for name in ("leftUpperLeg", "leftLowerLeg", "leftFoot"))
            return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
        return float(self.at["hips"][1])


def _clip(skeleton: Skeleton, motion: Motion, *, thin: bool) -> Clip:
    channels: list[Channel] = []
    if "hips" in skeleton.bones:
        channels += _body(skeleton, motion, thin=thin)
    channels += _faces(skeleton.avatar, motion, thin=thin)
    sound = tuple(channel for channel in channels if np.isfinite(channel.values).all())
    return Clip(name=motion.name, duration=float(motion.times[-1]), channels=sound)


def _body(skeleton: Skeleton, motion: Motion, *, thin: bool) -> Iterator[Channel]:
    """Channels of every bone that moves or that must leave its resting pose."""
    count = len(motion.times)
    still = np.broadcast_to(np.eye(3), (count, 3, 3))
    turns: dict[str, Array] = {"": still}  # of each bone against its rest, body frame
    shift = motion.sway * skeleton.leg
    arms: dict[str, Array] = {}
    legs = dict(_legs(skeleton, motion, shift))
    for bone in skeleton.ordered():
        above = turns[skeleton.above(bone)]
        if bone in TRUNK or bone in ("leftShoulder", "rightShoulder"):
            turns[bone] = above @ euler_turn(motion.trunk[bone]) if bone in motion.trunk else above
        elif bone in legs:
            turns[bone] = legs[bone]
        elif bone.endswith("UpperArm"):
            side = bone.removesuffix("UpperArm")
            arms |= {name: above @ turn for name, turn in _arm(skeleton, motion, side).items()}
            turns[bone] = arms[bone]
        else:
            turns[bone] = arms.get(bone, above)
        relative = np.swapaxes(above, 1, 2) @ turns[bone]
        if bone == "hips":
            yield _channel(skeleton, bone, "translation", motion.times, skeleton.local_shift(bone, shift), thin)
        if np.abs(relative - np.eye(3)).max() > ROTATION_TOLERANCE:
            yield _channel(skeleton, bone, "rotation", motion.times, skeleton.local_rotations(bone, relative), thin)


def _channel(skeleton: Skeleton, bone: str, path: str, times: Array, values: Array, thin: bool) -> Channel:
    node = skeleton.bones[bone]
    rotation = path == "rotation"
    keys, rows = times, values
    if thin:
        keys, rows = thinned(times, values, ROTATION_TOLERANCE if rotation else SHIFT_TOLERANCE)
    return Channel(
        node=node,
        node_name=skeleton.avatar.nodes[node].name,
        path="rotation" if rotation else "translation",
        interpolation=Interpolation.LINEAR,
        times=keys.astype(np.float32),
        values=rows.astype(np.float32),
    )


# --- limbs ----------------------------------------------------------------------------------------------------


def _arm(skeleton: Skeleton, motion: Motion, side: str) -> dict[str, Array]:
    """Turns of one arm's bones against their rest, seen from the shoulder."""
    sign = 1.0 if side == "left" else -1.0
    rows = motion.left if side == "left" else motion.right
    out, ahead, bend, inward, up, forth, twist, wrist, curl = rows.T
    if side == "right" and motion.to_chin is not None:
        bend = bend + motion.to_chin * (_chin_bend(skeleton) - CHIN.bend)
    along = np.array([sign, 0.0, 0.0])  # a T-posed arm ...
    hinge = np.array([0.0, -sign, 0.0])  # ... its elbow's axis, by which the forearm comes ahead ...
    flexing = np.array([0.0, 0.0, -sign])  # ... and its wrist's and fingers'
    swing = axis_turn((1, 0, 0), -ahead)
    upper = _apply(swing, np.stack([sign * np.sin(out), -np.cos(out), np.zeros_like(out)], axis=1))
    toward = _apply(swing, np.stack([-sign * inward, up, forth], axis=1))
    aside = unit(toward - upper * np.sum(upper * toward, axis=1, keepdims=True))
    lower = np.cos(bend)[:, None] * upper + np.sin(bend)[:, None] * aside
    axis = np.cross(upper, aside)
    common = frames(along, hinge).T
    # half of the forearm's twist happens at the elbow's end, as the two bones of the forearm do it
    turned = axis_turn(along, -0.5 * sign * twist)
    upper_turn = frames(upper, axis) @ common
    lower_turn = frames(lower, axis) @ common @ turned
    hand_turn = lower_turn @ turned @ axis_turn(flexing, wrist)

    bones = skeleton.at
    names = [side + part for part in ("UpperArm", "LowerArm", "Hand")]
    turns: dict[str, Array] = {}
    straight = np.eye(3)
    for here, beyond, turn in zip(
        names, [*names[1:], side + "MiddleProximal"], (upper_turn, lower_turn, hand_turn), strict=True
    ):
        if here in bones:
            if beyond in bones and not here.endswith("Hand"):
                straight = arc(bones[beyond] - bones[here], along)
            turns[here] = turn @ straight
    for place, finger in enumerate(FINGERS):
        bent = hand_turn
        for joint, share in zip(JOINTS, (0.75, 1.15, 0.8), strict=True):
            bent = bent @ axis_turn(flexing, curl * share * (0.85 + 0.12 * place) * 1.1)
            turns[side + finger + joint] = bent @ straight
    bent = hand_turn
    for joint, share in zip(("Metacarpal", "Proximal", "Distal"), (0.30, 0.35, 0.45), strict=True):
        bent = bent @ axis_turn((0.25, sign, 0.0), curl * share)
        turns[side + "Thumb" + joint] = bent @ straight
    return turns


def _chin_bend(skeleton: Skeleton) -> float:
    """The elbow's bend that brings the wrist of ``gestures.CHIN`` a hand's breadth under the head's joint."""
    at = skeleton.at
    if not {"rightUpperArm", "rightLowerArm", "rightHand", "head"} <= at.keys():
        return CHIN.bend
    upper = float(np.linalg.norm(at["rightLowerArm"] - at["rightUpperArm"]))
    lower = float(np.linalg.norm(at["rightHand"] - at["rightLowerArm"]))
    wanted = at["head"][1] - at["rightUpperArm"][1] - 0.48 * lower
    hang = -np.cos(CHIN.out) * np.cos(CHIN.ahead)
    bends = np.linspace(1.7, 2.6, 91)
    arm = np.array([-np.sin(CHIN.out), -np.cos(CHIN.out), 0.0])
    arm = axis_turn((1, 0, 0), np.array([-CHIN.ahead]))[0] @ arm
    inward, up, forth = CHIN.toward
    toward = axis_turn((1, 0, 0), np.array([-CHIN.ahead]))[0] @ np.array([inward, up, forth])
    aside = unit(toward - arm * (arm @ toward))
    heights = upper * hang + lower * (np.cos(bends) * arm[1] + np.sin(bends) * aside[1])
    return float(bends[np.argmin(np.abs(heights - wanted))])


def _legs(skeleton: Skeleton, motion: Motion, shift: Array) -> Iterator[tuple[str, Array]]:
    """Turns that keep both feet where they stand while the hips move."""
    at = skeleton.at
    turn = euler_turn(motion.trunk["hips"])
    for side in ("left", "right"):
        names = [side + part for part in ("UpperLeg", "LowerLeg", "Foot")]
        if any(name not in at for name in names):
            continue
        hip, knee, ankle = (at[name] for name in names)
        root = at["hips"] + shift + _apply(turn, hip - at["hips"])
        thigh, shin = float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))
        reach = ankle - root
        distance = np.clip(np.linalg.norm(reach, axis=1), abs(thigh - shin) + 1e-6, (thigh + shin) * 0.99999)
        line = unit(reach)
        front = unit(AHEAD - line * (line @ AHEAD)[:, None])
        cosine = np.clip((thigh**2 + distance**2 - shin**2) / (2 * thigh * distance), -1, 1)
        bent = root + thigh * (cosine[:, None] * line + np.sqrt(1 - cosine**2)[:, None] * front)
        hinge = np.array([1.0, 0.0, 0.0])
        upper = frames(bent - root, hinge) @ frames(knee - hip, hinge).T
        lower = frames(ankle - bent, hinge) @ frames(ankle - knee, hinge).T
        still = np.broadcast_to(np.eye(3), upper.shape)
        yield from zip(names, (upper, lower, still), strict=True)


# --- face -----------------------------------------------------------------------------------------------------


def _faces(avatar: Avatar, motion: Motion, *, thin: bool) -> Iterator[Channel]:
    for index, node in enumerate(avatar.nodes):
        if node.mesh < 0 or not avatar.meshes[node.mesh].target_names:
            continue
        mesh = avatar.meshes[node.mesh]
        named = [(place, name) for place, name in reversed(list(enumerate(mesh.target_names))) if name]
        places = {(arkit_channel(name) or "").lower(): place for place, name in named}
        places |= {_plain(name): place for place, name in named}
        rest = node.weights if node.weights is not None else mesh.weights
        weights = np.tile(np.asarray(rest, np.float64), (len(motion.times), 1))
        found = False
        for name, curve in motion.face.items():
            wanted = (_plain(name), *STAND_INS.get(_plain(name), ()))
            place = next((places[option] for option in wanted if option in places), None)
            if place is not None:
                weights[:, place] = np.maximum(weights[:, place], curve)
                found = True
        if found:
            keys, rows = thinned(motion.times, weights, WEIGHT_TOLERANCE) if thin else (motion.times, weights)
            yield Channel(
                node=index,
                node_name=node.name,
                path="weights",
                interpolation=Interpolation.LINEAR,
                times=keys.astype(np.float32),
                values=rows.astype(np.float32),
            )


def _plain(name: str) -> str:
    """``eyeBlink_L``, ``Face.eyeBlinkLeft`` and ``EyeBlinkLeft`` become ``eyeblinkleft``."""
    last = re.split(r"[.:]", name)[-1]
    last = re.sub(r"_L$", "Left", re.sub(r"_R$", "Right", last))
    return re.sub(r"[^a-z0-9]", "", last.lower())


# --- rest pose ------------------------------------------------------------------------------------------------


def _rest_matrices(avatar: Avatar) -> Array:
    """World matrices ``(n, 4, 4)`` of the nodes as the file holds them; those outside the scene hang on nothing."""
    world = np.tile(np.eye(4), (len(avatar.nodes), 1, 1))
    for index in avatar.order:
        node = avatar.nodes[index]
        if node.matrix is not None:
            local = node.matrix.astype(np.float64)
        else:
            x, y, z, w = (float(v) for v in node.rotation)
            turn = np.array(
                [
                    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
                ]
            )
            local = np.eye(4)
            local[:3, :3] = turn * node.scale
            local[:3, 3] = node.translation
        world[index] = world[node.parent] @ local if node.parent >= 0 else local
    return world


def _heading(at: dict[str, Array]) -> Array:
    """Rotation from the body frame to the world: about the vertical, from where left and right are."""
    for part in ("UpperArm", "UpperLeg", "Shoulder", "Hand"):
        if f"left{part}" in at and f"right{part}" in at:
            left = at[f"left{part}"] - at[f"right{part}"]
            left[1] = 0.0
            if np.linalg.norm(left) > 1e-6:
                left = unit(left)
                return np.stack([left, UP, np.cross(left, UP)], axis=1)
    return np.eye(3)


def _rotation(linear: Array) -> Array:
    """The rotation in a matrix that may also scale: the nearest one (polar decomposition)."""
    u, _, v = np.linalg.svd(linear)
    nearest = u @ v
    if np.linalg.det(nearest) < 0:
        u[:, -1] = -u[:, -1]
        nearest = u @ v
    return np.asarray(nearest)


def _apply(turns: Array, vectors: Array) -> Array:
    """``(k, 3, 3)`` on ``(k, 3)`` or ``(3,)``."""
    return np.asarray(np.einsum("kij,kj->ki", turns, np.broadcast_to(vectors, (len(turns), 3))))

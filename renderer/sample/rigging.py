"""Which bones carry which points: soft weights, at most four bones a point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from renderer.sample.field import Array, ramp
from renderer.sample.mesher import Faces
from renderer.sample.skeleton import Bone

Weights = Array
"""``(n, bones)`` rows that sum to 1."""

GIRTH: dict[str, float] = {
    "hips": 0.135,
    "spine": 0.125,
    "chest": 0.125,
    "upperChest": 0.125,
    "neck": 0.055,
    "Shoulder": 0.060,
    "UpperArm": 0.050,
    "LowerArm": 0.042,
    "Hand": 0.032,
    "UpperLeg": 0.085,
    "LowerLeg": 0.060,
    "Foot": 0.045,
    "Toes": 0.040,
}
"""How thick a bone's flesh is, metres: distances count in shares of it."""


def girth(name: str) -> float:
    """Of a bone by its VRM name; fingers are thin."""
    for part, value in GIRTH.items():
        if name == part or name.endswith(part):
            return value
    return 0.011


def by_distance(points: Array, faces: Faces, bones: Sequence[Bone], allowed: Sequence[str], *, rounds: int) -> Weights:
    """Weights from the distance to each allowed bone, evened out over the mesh ``rounds`` times."""
    weights = np.zeros((len(points), len(bones)))
    for index, bone in enumerate(bones):
        if bone.name not in allowed:
            continue
        axis = bone.tail - bone.at
        share = np.clip((points - bone.at) @ axis / max(float(axis @ axis), 1e-9), 0, 1)
        away = np.linalg.norm(points - bone.at - share[:, None] * axis, axis=1) / girth(bone.name)
        weights[:, index] = 1.0 / (away + 0.08) ** 5
        if bone.name.startswith(("left", "right")):  # a limb never pulls on the other side
            sign = 1.0 if bone.name.startswith("left") else -1.0
            weights[:, index] *= ramp(-0.03, 0.02, sign * points[:, 0])
    weights /= weights.sum(axis=1, keepdims=True)
    links = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    count = np.bincount(links.reshape(-1), minlength=len(points)).astype(float)[:, None]
    for _ in range(rounds):
        total = np.zeros_like(weights)
        np.add.at(total, links[:, 0], weights[links[:, 1]])
        np.add.at(total, links[:, 1], weights[links[:, 0]])
        weights = 0.5 * weights + 0.5 * total / np.maximum(count, 1)
    return weights


def single(count: int, bones: Sequence[Bone], name: str) -> Weights:
    """All points on one bone."""
    weights = np.zeros((count, len(bones)))
    weights[:, [bone.name for bone in bones].index(name)] = 1.0
    return weights


def mixed(shares: Mapping[str, Array], bones: Sequence[Bone]) -> Weights:
    """Given shares per bone, made to sum to 1."""
    names = [bone.name for bone in bones]
    weights = np.zeros((len(next(iter(shares.values()))), len(bones)))
    for name, share in shares.items():
        weights[:, names.index(name)] = share
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def head_and_neck(points: Array, bones: Sequence[Bone]) -> Weights:
    """The head's skin, by height in the face frame (centimetres); the chin counts as higher than the neck below it."""
    height = points[:, 1] + 0.5 * points[:, 2]
    skull = ramp(-14.5, -9.5, height)
    chest = ramp(-16.5, -20.0, points[:, 1])
    return mixed({"head": skull, "neck": (1 - skull) * (1 - chest), "upperChest": (1 - skull) * chest}, bones)


def strongest(weights: Weights) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """The four largest per point: joints ``(n, 4)`` and weights ``(n, 4)`` that sum to 1."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :4]
    best = np.take_along_axis(weights, order, axis=1)
    best[best < 0.004] = 0.0
    best /= best.sum(axis=1, keepdims=True)
    return np.where(best > 0, order, 0).astype(np.uint16), best.astype(np.float32)

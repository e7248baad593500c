"""Where the vertices of a posed avatar are: the sum that the GPU computes, on the CPU, to compare with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from renderer.animation.pose import Pose
from renderer.scene.avatar import Avatar
from renderer.scene.mesh import Primitive

Floats = NDArray[np.float32]


def skin_matrices(avatar: Avatar, world: Floats) -> tuple[Floats, ...]:
    """For each skin, ``(joints, 4, 4)``: from the mesh's own space in the bind pose to the world (glTF 2.0, 3.7.3.3).

    The transform of the node that carries the mesh does not come into it.
    """
    return tuple(world[skin.joints] @ skin.inverse_bind for skin in avatar.skins)


def morphed_positions(primitive: Primitive, weights: Floats | None) -> Floats:
    """Positions ``(n, 3)`` with the morph targets of non-zero weight added (glTF 2.0, section 3.7.2.2)."""
    result = primitive.positions
    for target, weight in zip(primitive.targets, () if weights is None else weights, strict=False):
        if weight and target.positions is not None:
            result = result + weight * target.positions
    return result


def skinned_positions(primitive: Primitive, positions: Floats, matrices: Floats) -> Floats:
    """World positions ``(n, 3)``: each vertex moved by the weighted sum of its joints' matrices ``(j, 4, 4)``."""
    if primitive.joints is None or primitive.weights is None:
        return positions
    blended = np.einsum("nk,nkij->nij", primitive.weights, matrices[primitive.joints, :3])
    result: Floats = np.einsum("nij,nj->ni", blended[:, :, :3], positions) + blended[:, :, 3]
    return result


def transform_points(matrices: Floats, points: Floats) -> Floats:
    """Points ``(..., n, 3)`` moved by one transform ``(4, 4)`` or a stack of them ``(..., 4, 4)``."""
    linear = np.swapaxes(matrices[..., :3, :3], -1, -2)
    return (points @ linear + matrices[..., None, :3, 3]).astype(np.float32, copy=False)


def world_positions(avatar: Avatar, pose: Pose) -> Iterator[tuple[int, Primitive, Floats]]:
    """Node, primitive and its vertices ``(n, 3)`` in the world, for everything the scene draws."""
    world = pose.world(avatar)
    skins = skin_matrices(avatar, world)
    for index in avatar.order:
        node = avatar.nodes[index]
        if node.mesh < 0:
            continue
        for primitive in avatar.meshes[node.mesh].primitives:
            positions = morphed_positions(primitive, pose.weights.get(index))
            if node.skin >= 0 and primitive.joints is not None:
                yield index, primitive, skinned_positions(primitive, positions, skins[node.skin])
            else:
                yield index, primitive, transform_points(world[index], positions)


def posed_bounds(avatar: Avatar, pose: Pose) -> tuple[Floats, Floats] | None:
    """The box ``(3,), (3,)`` around every vertex that is drawn, exact; None when nothing is."""
    lows, highs = [], []
    for _, primitive, positions in world_positions(avatar, pose):
        used = positions if primitive.indices is None else positions[np.unique(primitive.indices)]
        lows.append(used.min(axis=0))
        highs.append(used.max(axis=0))
    return (np.min(lows, axis=0), np.max(highs, axis=0)) if lows else None

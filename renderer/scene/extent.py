"""How much room a posed avatar takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.scene.avatar import Avatar
from renderer.scene.mesh import Primitive
from renderer.scene.skin import Skin

Floats = NDArray[np.float32]


@dataclass(slots=True, kw_only=True, frozen=True)
class Extent:
    """An axis-parallel box, ``(3,)`` each, world metres."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def center(self) -> NDArray[np.float64]:
        """The box's middle."""
        return (self.low + self.high) / 2

    @property
    def size(self) -> NDArray[np.float64]:
        """Width, height and depth."""
        return self.high - self.low


def extent(avatar: Avatar, world: Floats, *, below: int | None = None) -> Extent | None:
    """The box around the avatar's vertices, or around those that a node and its descendants carry.

    Each vertex follows its heaviest joint alone and morph targets are left out: within a centimetre or two of the
    drawn surface, which is what a camera needs.

    Args:
        world: ``(nodes, 4, 4)`` world matrices.
        below: only what this node and its descendants move.

    Returns:
        None where there are no such vertices.
    """
    chosen = None if below is None else descendants(avatar, below)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite afterwards has no box
        parts = list(_placed(avatar, world, chosen))
    boxes = [(part.min(axis=0), part.max(axis=0)) for part in parts if len(part)]
    if not boxes:
        return None
    low = np.min([box[0] for box in boxes], axis=0).astype(np.float64)
    high = np.max([box[1] for box in boxes], axis=0).astype(np.float64)
    return Extent(low=low, high=high) if np.isfinite(low).all() and np.isfinite(high).all() else None


def _placed(avatar: Avatar, world: Floats, chosen: Collection[int] | None) -> Iterator[Floats]:
    for node in avatar.order:
        holder = avatar.nodes[node]
        if holder.mesh < 0 or node in avatar.scenery:
            continue
        for primitive in avatar.meshes[holder.mesh].primitives:
            if not len(primitive.positions):
                continue
            if holder.skin >= 0 and primitive.joints is not None and primitive.weights is not None:
                yield _skinned(primitive, avatar.skins[holder.skin], world, chosen)
            elif chosen is None or node in chosen:
                yield primitive.positions @ world[node, :3, :3].T + world[node, :3, 3]


def union(boxes: Iterable[Extent]) -> Extent | None:
    """The box around all boxes; None around none."""
    found = list(boxes)
    if not found:
        return None
    return Extent(low=np.min([box.low for box in found], axis=0), high=np.max([box.high for box in found], axis=0))


def _skinned(primitive: Primitive, skin: Skin, world: Floats, chosen: Collection[int] | None) -> Floats:
    assert primitive.joints is not None
    assert primitive.weights is not None
    heaviest = np.take_along_axis(primitive.joints, primitive.weights.argmax(axis=1)[:, None], axis=1)[:, 0]
    positions = primitive.positions
    if chosen is not None:
        kept = np.isin(skin.joints, list(chosen))[heaviest]
        heaviest, positions = heaviest[kept], positions[kept]
    matrices = (world[skin.joints] @ skin.inverse_bind)[heaviest, :3]
    moved: Floats = np.einsum("nij,nj->ni", matrices[:, :, :3], positions) + matrices[:, :, 3]
    return moved


def descendants(avatar: Avatar, node: int) -> frozenset[int]:
    """A node and everything below it."""
    found = {node}
    for index in avatar.order:  # parents come before children
        if avatar.nodes[index].parent in found:
            found.add(index)
    return frozenset(found)

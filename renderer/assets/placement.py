"""A whole scene moved as one: everything hangs from one more root."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from renderer.scene.avatar import Avatar
from renderer.scene.later import changed
from renderer.scene.node import Node

IDENTITY = np.array((0.0, 0.0, 0.0, 1.0), np.float32)
HALF_TURN = np.array((0.0, 1.0, 0.0, 0.0), np.float32)
"""Half a turn about Y: from facing -Z to facing +Z."""


def placed(
    avatar: Avatar,
    *,
    translation: NDArray[np.float32] | None = None,
    rotation: NDArray[np.float32] | None = None,
    scale: NDArray[np.float32] | None = None,
) -> Avatar:
    """The avatar with its scene under one more root, appended so that all indices stay as they are."""
    moved = under_root(
        avatar.nodes, avatar.roots, avatar.order, translation=translation, rotation=rotation, scale=scale
    )
    return changed(avatar, nodes=moved[0], roots=moved[1], order=moved[2])


def under_root(
    nodes: tuple[Node, ...],
    roots: tuple[int, ...],
    order: tuple[int, ...],
    *,
    translation: NDArray[np.float32] | None = None,
    rotation: NDArray[np.float32] | None = None,
    scale: NDArray[np.float32] | None = None,
) -> tuple[tuple[Node, ...], tuple[int, ...], tuple[int, ...]]:
    """``placed`` for the nodes, the roots and the order of an avatar that is still to be made."""
    tops = tuple(i for i in roots if nodes[i].parent < 0)
    added = len(nodes)
    moved = list(nodes)
    for top in tops:
        moved[top] = replace(moved[top], parent=added)
    root = Node(
        name="",
        parent=-1,
        children=tops,
        translation=np.zeros(3, np.float32) if translation is None else translation,
        rotation=IDENTITY if rotation is None else rotation,
        scale=np.ones(3, np.float32) if scale is None else scale,
    )
    return (*moved, root), (added, *(i for i in roots if i not in tops)), (added, *order)

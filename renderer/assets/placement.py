"""A whole scene moved as one: everything hangs from one more root."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
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
    tops = {i for i in avatar.roots if avatar.nodes[i].parent < 0}
    added = len(avatar.nodes)
    nodes = list(avatar.nodes)
    for top in tops:
        nodes[top] = replace(nodes[top], parent=added)
    root = Node(
        name="",
        parent=-1,
        children=tuple(i for i in avatar.roots if i in tops),
        translation=np.zeros(3, np.float32) if translation is None else translation,
        rotation=IDENTITY if rotation is None else rotation,
        scale=np.ones(3, np.float32) if scale is None else scale,
    )
    return changed(
        avatar,
        nodes=(*nodes, root),
        roots=(added, *(i for i in avatar.roots if i not in tops)),
        order=(added, *avatar.order),
    )

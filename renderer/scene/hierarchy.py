"""The order in which world transforms are computed: level by level, so that each level is one matrix product."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.scene.node import Node


@dataclass(slots=True, kw_only=True, frozen=True)
class Hierarchy:
    """Nodes sorted by depth.

    Attributes:
        order: ``(n,) intp`` node indices, parents before children.
        position: ``intp``, for every node where in ``order`` it is; -1 for one that is left out.
        levels: for every depth below the roots: begin and end in ``order``, and the ``position`` of each node's parent.
        fixed: where in ``order`` those are whose matrix has no exact TRS form, with their matrices
            ``(m, 4, 4) float32``.
    """

    order: NDArray[np.intp]
    position: NDArray[np.intp]
    levels: tuple[tuple[int, int, NDArray[np.intp]], ...]
    fixed: NDArray[np.intp]
    fixed_matrices: NDArray[np.float32]

    @classmethod
    def of(cls, nodes: Sequence[Node], *, only: Collection[int] | None = None) -> Hierarchy:
        """The hierarchy of nodes whose ``parent`` indices make trees; a node in a cycle raises ValueError.

        ``only``: these nodes, and what they hang from, instead of all.
        """
        kept: Collection[int] = range(len(nodes))
        if only is not None:
            kept = set()
            for node in only:
                while node >= 0 and node not in kept:
                    kept.add(node)
                    node = nodes[node].parent
        levels = [[i for i, node in enumerate(nodes) if node.parent < 0 and i in kept]]
        while levels[-1]:
            levels.append([child for parent in levels[-1] for child in nodes[parent].children if child in kept])
        order = np.array([i for level in levels for i in level], np.intp)
        if len(order) != len(kept) or len(set(order.tolist())) != len(kept):
            raise ValueError("the nodes do not make trees: parent and children disagree, or there is a cycle")
        position = np.full(len(nodes), -1, np.intp)
        position[order] = np.arange(len(order))
        spans, begin = [], len(levels[0])
        for level in levels[1:]:
            if level:
                parents = np.array([position[nodes[i].parent] for i in level], np.intp)
                spans.append((begin, begin + len(level), parents))
                begin += len(level)
        fixed = [place for place, i in enumerate(order.tolist()) if nodes[i].matrix is not None]
        matrices = [nodes[order[place]].matrix for place in fixed]
        return cls(
            order=order,
            position=position,
            levels=tuple(spans),
            fixed=np.array(fixed, np.intp),
            fixed_matrices=np.array(matrices, np.float32).reshape(-1, 4, 4),
        )

"""The avatar's outlines in a picture, found and smoothed (Persson, "Geometric post-process anti-aliasing", 2011)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.gl.figure import Figure
from renderer.gl.programs import Programs
from renderer.gl.projection import view_projection
from renderer.gl.silhouettes import Piece, Silhouettes
from renderer.gl.smoothing import Smoothing
from renderer.scene import Mode, View

NO_EDGES = np.zeros((0, 2, 3), np.float32)
_EDGE_LIFT = 0.004  # of the distance to what is looked at


class Outlines:
    """The edges of a figure's primitives, found when they are first needed."""

    def __init__(self, context: GraphicsContext, programs: Programs, figure: Figure) -> None:
        self._figure = figure
        self._smoothing = Smoothing(context, programs)
        self._silhouettes: Silhouettes | None = None
        self._drawn = [d for d in figure.drawn if d.geometry.mode >= Mode.TRIANGLES and d.geometry.count]
        self._rigid = [drawn for drawn in self._drawn if drawn.skin < 0]

    def find(self, *, view: View, aspect: float, flipped: bool) -> NDArray[np.float32]:
        """The outlines of the pose as ``Smoothing.draw`` takes them, ``(edges, 2, 3)``."""
        if not self._drawn:
            return NO_EDGES
        matrix = view_projection(view, aspect, flipped=flipped)
        # Where a round surface turns away, its pixels lie nearer than the edge: the edge comes forward for them.
        sight = np.asarray(view.target, np.float32) - np.asarray(view.eye, np.float32)
        nearer = matrix[:, :3] @ (sight * np.float32(-_EDGE_LIFT))
        edges = self._edges(matrix)
        places: NDArray[np.float32] = edges[..., :3] / edges[..., 3:]
        places[..., 2] = (edges[..., 2] + nearer[2]) / (edges[..., 3] + nearer[3])
        return places

    def smooth(self, picture: Any, edges: NDArray[np.float32], *, size: tuple[int, int]) -> None:
        """Smooth a picture along the edges that were found for it, as ``Smoothing.draw``."""
        self._smoothing.draw(edges, picture, size=size)

    def _edges(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(edges, 2, 4)`` in clip space."""
        made = self._silhouettes is None
        silhouettes = self._silhouettes = self._silhouettes or Silhouettes(self._pieces())
        for piece, drawn in enumerate(self._drawn):
            if drawn.geometry.morph is not None and (drawn.outline_stale or made):
                silhouettes.morph(piece, drawn.geometry.morph.current[:, :3])
                drawn.outline_stale = False
        stack = self._figure.joints.every()
        if self._rigid:
            stack = np.concatenate((stack, [drawn.model[:3] for drawn in self._rigid]))
        return silhouettes.outline(silhouettes.clip(stack, matrix))

    def _pieces(self) -> list[Piece]:
        figure = self._figure
        rigid = itertools.count(len(figure.joints.every()))
        return [
            Piece(
                primitive=figure.avatar.meshes[figure.avatar.nodes[drawn.node].mesh].primitives[drawn.primitive],
                first=figure.joints.first[drawn.skin] if drawn.skin >= 0 else next(rigid),
                skinned=drawn.skin >= 0,
            )
            for drawn in self._drawn
        ]

    def release(self) -> None:
        """Free the edges."""
        self._smoothing.release()

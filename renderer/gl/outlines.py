"""The avatar's outlines in a picture, found and smoothed (Persson, "Geometric post-process anti-aliasing", 2011)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.gl.figure import Drawn, Figure
from renderer.gl.programs import Programs
from renderer.gl.projection import view_projection
from renderer.gl.silhouettes import Silhouettes
from renderer.gl.smoothing import Smoothing
from renderer.scene import Mode, View

NO_EDGES = np.zeros((0, 2, 3), np.float32)
_EDGE_LIFT = 0.004  # of the distance to what is looked at


class Outlines:
    """The edges of a figure's primitives, made when they are first needed."""

    def __init__(self, context: GraphicsContext, programs: Programs, figure: Figure) -> None:
        self._figure = figure
        self._smoothing = Smoothing(context, programs)
        self._silhouettes: dict[int, Silhouettes] = {}

    def find(self, *, view: View, aspect: float, flipped: bool) -> NDArray[np.float32]:
        """The outlines of the pose as ``Smoothing.draw`` takes them, ``(edges, 2, 3)``."""
        matrix = view_projection(view, aspect, flipped=flipped)
        # Where a round surface turns away, its pixels lie nearer than the edge: the edge comes forward for them.
        sight = np.asarray(view.target, np.float32) - np.asarray(view.eye, np.float32)
        nearer = matrix[:, :3] @ (sight * np.float32(-_EDGE_LIFT))
        found = [NO_EDGES]
        for drawn in self._figure.drawn:
            if drawn.geometry.mode >= Mode.TRIANGLES and drawn.geometry.count:
                edges = self._outline(drawn, matrix)
                places = edges[..., :3] / edges[..., 3:]
                places[..., 2] = (edges[..., 2] + nearer[2]) / (edges[..., 3] + nearer[3])
                found.append(places)
        return np.concatenate(found)

    def smooth(self, picture: Any, edges: NDArray[np.float32], *, size: tuple[int, int]) -> None:
        """Smooth a picture along the edges that were found for it, as ``Smoothing.draw``."""
        self._smoothing.draw(edges, picture, size=size)

    def _outline(self, drawn: Drawn, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(edges, 2, 4)`` in clip space."""
        silhouettes = self._silhouettes.get(drawn.block)
        if silhouettes is None:
            mesh = self._figure.avatar.meshes[self._figure.avatar.nodes[drawn.node].mesh]
            primitive = mesh.primitives[drawn.primitive]
            silhouettes = self._silhouettes[drawn.block] = Silhouettes(primitive, skinned=drawn.skin >= 0)
            drawn.outline_stale = drawn.geometry.morph is not None
        if drawn.outline_stale and drawn.geometry.morph is not None:
            silhouettes.morph(drawn.geometry.morph.current[:, :3])
            drawn.outline_stale = False
        placed = self._figure.joints.matrices(drawn.skin) if drawn.skin >= 0 else drawn.model[None, :3]
        return silhouettes.outline(silhouettes.clip(placed, matrix))

    def release(self) -> None:
        """Free the edges."""
        self._smoothing.release()

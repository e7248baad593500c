"""Morph targets, evaluated on the CPU for the weights that are not zero (glTF 2.0, 3.7.2.2).

Only the vertices that some target moves take part; their differences lie in one matrix ``(targets, values)``, so that
a picture costs one vector-matrix product over the active rows. With all weights zero the vertices are the file's own,
to the bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.scene import MorphTarget

Floats = NDArray[np.float32]


class MorphedVertices:
    """Vertices ``(n, c)`` (position, then normal and tangent direction where present) and what the targets add.

    Args:
        base: ``(n, c) float32``; c is 3, 6 or 10 (the tangent's sign in the last column never changes).
        targets: the primitive's targets, one per weight.
    """

    def __init__(self, base: Floats, targets: tuple[MorphTarget, ...]) -> None:
        self._base = base
        self.current = base.copy()
        width = min(base.shape[1], 9)
        parts = [(t.positions, t.normals, t.tangents)[: width // 3] for t in targets]
        moved = np.zeros(len(base), bool)
        for target in parts:
            for part in target:
                if part is not None:
                    for axis in part.T:  # numpy is slow along rows as short as these
                        moved |= axis != 0.0
        self._rows = np.flatnonzero(moved)
        self._deltas = np.zeros((len(parts), len(self._rows), width), np.float32)
        for index, target in enumerate(parts):
            for column, part in enumerate(target):
                if part is not None:
                    self._deltas[index, :, 3 * column : 3 * column + 3] = part[self._rows]
        self._deltas = self._deltas.reshape(len(parts), -1)
        self._live = self._deltas.any(axis=1)
        self._start = base[self._rows, :width]
        self._sum = np.empty(self._deltas.shape[1], np.float32)
        self._weights = np.zeros(len(parts), np.float32)

    def update(self, weights: Floats) -> bool:
        """Bring ``current`` to the weights ``(targets,)``; False when nothing had to change."""
        wanted = np.where(self._live, weights, np.float32(0.0))
        if np.array_equal(wanted, self._weights):
            return False
        self._weights = wanted
        active = np.flatnonzero(wanted)
        width = self._start.shape[1]
        if not len(active):
            self.current[self._rows, :width] = self._start
        else:
            # Copying rows together pays only while they are few; the whole matrix is read in one go otherwise.
            if 3 * len(active) < len(wanted):
                np.dot(wanted[active], self._deltas[active], out=self._sum)
            else:
                np.dot(wanted, self._deltas, out=self._sum)
            self.current[self._rows, :width] = self._start + self._sum.reshape(self._start.shape)
        return True

"""Colliders of springs: spheres and capsules that push the tails of swinging bones out (VRMC_springBone 1.0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.scene.rig import Collider

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_NOWHERE = -1.0


class Colliders:
    """All colliders, and for each joint those that it is kept out of."""

    def __init__(
        self, colliders: tuple[Collider, ...], minded: list[tuple[int, ...]], radii: Array, places: Indices
    ) -> None:
        """
        Args:
            minded: of each joint, indices of the colliders that it is kept out of.
            radii: of each joint, metres.
            places: of each node of the avatar, where its matrix is in what ``placed`` is given.
        """
        self._nodes = places[np.array([c.node for c in colliders], np.intp)]
        self._ends = np.array([[c.offset, c.tail or c.offset] for c in colliders], np.float64).reshape(-1, 2, 3)
        self._radii = np.array([c.radius for c in colliders], np.float64)
        self._round = not any(c.tail for c in colliders)
        self._thick = radii
        width = max((len(indices) for indices in minded), default=0)
        self._minded = np.full((len(minded), width), -1, np.intp)
        for row, indices in enumerate(minded):
            self._minded[row, : len(indices)] = indices
        self._absent = self._minded < 0
        self._some_absent = bool(self._absent.any())

    def __bool__(self) -> bool:
        return not bool(self._absent.all())

    def placed(self, world: Array) -> Placed:
        """Where the colliders are, as each joint minds them; ``world``: matrices of their nodes ``(n, 4, 4)``."""
        matrices = world.take(self._nodes, axis=0)
        turns = matrices[:, :3, :3]
        ends = self._ends @ turns.transpose(0, 2, 1)
        ends += matrices[:, None, :3, 3]
        radii = self._radii * np.sqrt(np.maximum.reduce(np.add.reduce(turns * turns, axis=1), axis=1))
        reach = radii.take(self._minded)
        reach += self._thick[:, None]
        if self._some_absent:
            reach[self._absent] = _NOWHERE
        begins = ends.take(self._minded, axis=0)
        return Placed(
            begins=begins[:, :, 0],
            spans=None if self._round else begins[:, :, 1] - begins[:, :, 0],
            reach=reach,
            squares=reach * np.abs(reach),
        )


@dataclass(slots=True, kw_only=True, frozen=True)
class Placed:
    """Colliders in the world, for each joint those that it minds: capsules of a begin, a span and a distance to keep.

    ``spans`` is None where all are spheres; a collider that is not there has a negative distance.
    """

    begins: Array
    spans: Array | None
    reach: Array
    squares: Array

    def push_out(self, rows: slice, ways: Array, heads: Array, arms: Array, lengths: Array, *, careful: bool) -> bool:
        """Move tails out of the colliders, one collider after the other, each time at the bone's length again.

        ``ways`` go from the heads to the tails ``(n, 3)``. Unless ``careful``, what has no direction is left as NaN.
        Returns whether any was moved.
        """
        column, width = 0, self.reach.shape[1]
        while column < width:
            # All that are left at once: mostly none is hit.
            hits, near, away, squares = self._hits(rows, slice(column, width), (heads + ways)[:, None])
            if not hits.any():
                return column > 0
            first = int(np.logical_or.reduce(hits, axis=0).argmax())
            far = np.sqrt(squares[:, first])
            if careful:
                far = np.maximum(far, 1e-12)
            pushed = away[:, first] * (self.reach[rows, column + first] / far)[:, None]
            pushed += near[:, first]
            pushed -= heads
            if careful:
                pushed = reaching(pushed, arms, lengths)
            else:
                pushed *= (lengths / np.sqrt(np.vecdot(pushed, pushed)))[:, None]
            np.copyto(ways, pushed, where=hits[:, first, None])
            column += first + 1
        return True

    def hit(self, tails: Array) -> NDArray[np.bool_]:
        """Which of all joints' tails ``(n, 3)`` are inside a collider that they mind."""
        result: NDArray[np.bool_] = np.any(self._hits(slice(None), slice(None), tails[:, None])[0], axis=1)
        return result

    def _hits(self, rows: slice, columns: slice, tails: Array) -> tuple[NDArray[np.bool_], Array, Array, Array]:
        """Which tails ``(n, 1, 3)`` are inside which, the nearest points of the colliders' axes, the way from there and
        its square.
        """
        near = self.begins[rows, columns]
        if self.spans is not None:
            spans = self.spans[rows, columns]
            along = np.vecdot(tails - near, spans) / np.maximum(np.vecdot(spans, spans), 1e-12)
            near = near + spans * np.minimum(np.maximum(along, 0.0), 1.0)[..., None]
        away = tails - near
        squares = np.vecdot(away, away)
        return squares < self.squares[rows, columns], near, away, squares


def reaching(ways: Array, arms: Array, lengths: Array) -> Array:
    """The ways from heads to tails at the bones' lengths; without a direction, as at rest."""
    far = np.sqrt(np.vecdot(ways, ways))
    sound = (far > 1e-9) & (far < np.inf)
    result: Array = np.where(sound[:, None], ways * (lengths / np.where(sound, far, 1.0))[:, None], arms)
    return result

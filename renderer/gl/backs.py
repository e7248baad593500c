"""Back faces of two-sided surfaces that nobody sees, left out where the driver would shade them all the same.

llvmpipe shades every fragment of a multisampled picture, also those that the depth test throws away, and the inside of
clothes is a third of a dressed avatar's fragments. So the inside is first asked about piece by piece with occlusion
queries (GL_ANY_SAMPLES_PASSED) against the depth of all front faces: a piece without a passing sample cannot change
the picture, and is not drawn.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl import calls
from renderer.gl.calls import Calls
from renderer.scene import Mode, Primitive

PIECE = 128
"""Triangles in a piece: fewer are hidden more often, more are asked about faster."""

_FEWEST = 2 * PIECE  # triangles from which asking pays

Range = tuple[int, int]


def in_pieces(primitive: Primitive) -> NDArray[np.uint32] | None:
    """The primitive's indices with neighbouring triangles together, None where there is nothing to gain."""
    indices = primitive.indices
    if primitive.mode is not Mode.TRIANGLES or indices is None or len(indices) < 3 * _FEWEST:
        return None
    triangles = indices[: len(indices) // 3 * 3].reshape(-1, 3)
    middles = primitive.positions[triangles].mean(axis=1)
    low, high = middles.min(axis=0), middles.max(axis=0)
    cells = ((middles - low) / max(float((high - low).max()), 1e-12) * 1023.0).astype(np.uint64)
    code = np.zeros(len(cells), np.uint64)
    for bit in range(10):  # Morton order
        for axis in range(3):
            code |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(3 * bit + axis)
    return np.ascontiguousarray(triangles[np.argsort(code, kind="stable")].reshape(-1), np.uint32)


class Visibility:
    """Occlusion queries of one context, made when first needed and used again for every picture."""

    def __init__(self, gl: Calls) -> None:
        self._gl = gl
        self._names: list[int] = []
        self._result = ctypes.c_uint32(0)
        self._asked: list[list[tuple[int, Range]]] = []

    def begin(self) -> None:
        """Forget what was asked for the picture before."""
        self._asked = []

    def ask(self, count: int, array: Any) -> None:
        """Draw a vertex array of ``count`` indices piece by piece, each in a query of its own."""
        used = sum(len(pieces) for pieces in self._asked)
        pieces: list[tuple[int, Range]] = []
        for first in range(0, count, 3 * PIECE):
            name = self._name(used + len(pieces))
            length = min(3 * PIECE, count - first)
            self._gl.begin_query(calls.ANY_SAMPLES_PASSED, name)
            array.render(first=first, vertices=length)
            self._gl.end_query(calls.ANY_SAMPLES_PASSED)
            pieces.append((name, (first, length)))
        self._asked.append(pieces)

    def answers(self) -> list[list[Range]]:
        """For each call of ``ask``, what can be seen: first index and number, adjoining pieces as one."""
        return [_joined([piece for name, piece in pieces if self._passed(name)]) for pieces in self._asked]

    def _name(self, index: int) -> int:
        while index >= len(self._names):
            made = ctypes.c_uint32(0)
            self._gl.gen_queries(1, ctypes.addressof(made))
            self._names.append(made.value)
        return self._names[index]

    def _passed(self, name: int) -> bool:
        self._gl.get_query_result(name, calls.QUERY_RESULT, ctypes.addressof(self._result))
        return bool(self._result.value)

    def release(self) -> None:
        """Free the queries."""
        names = (ctypes.c_uint32 * len(self._names))(*self._names)
        self._gl.delete_queries(len(self._names), ctypes.addressof(names))
        self._names.clear()


def _joined(pieces: Sequence[Range]) -> list[Range]:
    joined: list[Range] = []
    for first, length in pieces:
        if joined and sum(joined[-1]) == first:
            joined[-1] = (joined[-1][0], joined[-1][1] + length)
        else:
            joined.append((first, length))
    return joined

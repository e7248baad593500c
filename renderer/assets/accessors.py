"""Typed arrays from buffers (glTF 2.0, sections 3.6.2 and 5.1): views where the bytes allow it, copies where not."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from renderer.assets.document import Accessor, Document
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.limits import Limits

AnyArray = NDArray[Any]

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
SHAPES = {
    "SCALAR": (1, 1),
    "VEC2": (1, 2),
    "VEC3": (1, 3),
    "VEC4": (1, 4),
    "MAT2": (2, 2),
    "MAT3": (3, 3),
    "MAT4": (4, 4),
}
"""Columns and rows of each type."""


class Buffers(Protocol):
    """Where the bytes of buffer views come from."""

    def view(self, index: int, *, where: str) -> memoryview:
        """The bytes of a buffer view (decompressed where it is compressed)."""

    def stride(self, index: int) -> int | None:
        """Its stride in bytes where it has one."""


class Accessors:
    """The accessors of one document, each decoded once.

    Arrays are read-only ``(count, components)``, C-contiguous, in the stored component type; matrices come as
    ``(count, 16)`` and so on in glTF's column-major order.
    """

    def __init__(self, document: Document, buffers: Buffers, *, log: IssueLog, limits: Limits) -> None:
        self._accessors = document.accessors
        self._buffers = buffers
        self._log = log
        self._limits = limits
        self._decoded: dict[int, AnyArray] = {}
        self._floats: dict[int, NDArray[np.float32]] = {}
        self._spent = 0
        self._spent_on_nothing = 0

    def __len__(self) -> int:
        return len(self._accessors)

    def info(self, index: int, *, where: str) -> Accessor:
        """The accessor's JSON. Raises AssetError ``reference.range``."""
        if index >= len(self._accessors):
            raise refusal("reference.range", f"accessor {index} does not exist", where=where)
        return self._accessors[index]

    def read(self, index: int, *, where: str) -> AnyArray:
        """The elements as stored. Raises AssetError ``accessor.*``, ``view.*``, ``limit.exceeded``."""
        accessor = self.info(index, where=where)
        if index not in self._decoded:
            array = self._decode(accessor, f"/accessors/{index}")
            array.flags.writeable = False
            self._decoded[index] = array
        return self._decoded[index]

    def floats(self, index: int, *, where: str) -> NDArray[np.float32]:
        """The elements as ``float32``; normalised integers become 0..1 or -1..1 (section 3.6.2.2)."""
        accessor = self.info(index, where=where)
        if index not in self._floats:
            array = self.read(index, where=where)
            if array.dtype.kind != "f":
                self._spend(array.size * 4, stored=True, where=f"/accessors/{index}")
                array = dequantise(array) if accessor.normalized else array.astype(np.float32)
                array.flags.writeable = False
            self._floats[index] = array
        return self._floats[index]

    def _decode(self, accessor: Accessor, where: str) -> AnyArray:
        if accessor.type not in SHAPES or accessor.component_type not in COMPONENTS:
            raise refusal("accessor.type", f"unknown type {accessor.type!r} of {accessor.component_type}", where=where)
        dtype = np.dtype(COMPONENTS[accessor.component_type])
        columns, rows = SHAPES[accessor.type]
        stored = accessor.buffer_view is not None
        self._spend(accessor.count * columns * rows * dtype.itemsize, stored=stored, where=where)
        if accessor.buffer_view is None:
            array: AnyArray = np.zeros((accessor.count, columns * rows), dtype)
        else:
            array = self._elements(
                accessor.buffer_view, accessor.byte_offset, accessor.count, dtype, columns, rows, where=where
            )
        if accessor.sparse is not None:
            array = self._replaced(array, accessor, dtype, columns, rows, where + "/sparse")
        return array

    def _elements(
        self, view: int, offset: int, count: int, dtype: np.dtype[Any], columns: int, rows: int, *, where: str
    ) -> AnyArray:
        """``count`` elements from a buffer view, as a view of its bytes when they are aligned and adjacent."""
        data = self._buffers.view(view, where=where)
        column = rows * dtype.itemsize
        # Columns of matrices of small components start on multiples of 4 bytes (section 3.6.2.4).
        pitch = (column + 3) & ~3 if columns > 1 else column
        element = pitch * (columns - 1) + column
        stride = self._buffers.stride(view) or pitch * columns
        if stride < element:
            raise refusal("view.stride", f"a stride of {stride} bytes for elements of {element}", where=where)
        if count and offset + stride * (count - 1) + element > len(data):
            raise refusal(
                "accessor.range",
                f"{count} elements of {element} bytes from {offset} do not fit into {len(data)} bytes",
                where=where,
            )
        odd = columns == 1 and stride % 4 and self._buffers.stride(view) is not None
        if stride == element and count and not odd:
            packed = np.frombuffer(data, dtype, count * columns * rows, offset)
            if packed.flags.aligned:
                return packed.reshape(count, columns * rows)
        shaped = np.ndarray(
            (count, columns, rows),
            dtype,
            buffer=data,
            offset=offset if count else 0,
            strides=(stride, pitch, dtype.itemsize),
        )
        if not shaped.flags.aligned:
            self._log.add("buffer.alignment", f"data at byte {offset} is not aligned", where=where)
        elif stride % dtype.itemsize or odd:
            self._log.add("buffer.alignment", f"a stride of {stride} bytes is not aligned", where=where)
        return np.require(shaped, requirements=["C", "A"]).reshape(count, columns * rows)

    def _replaced(
        self, base: AnyArray, accessor: Accessor, dtype: np.dtype[Any], columns: int, rows: int, where: str
    ) -> AnyArray:
        sparse = accessor.sparse
        if sparse is None or sparse.count == 0:
            return base
        kind = COMPONENTS.get(sparse.indices.component_type, "")
        if kind[1:2] != "u" or sparse.count > accessor.count:
            raise refusal("accessor.sparse", f"{sparse.count} replacements of type {kind or '?'}", where=where)
        at = self._elements(
            sparse.indices.buffer_view, sparse.indices.byte_offset, sparse.count, np.dtype(kind), 1, 1, where=where
        )[:, 0].astype(np.int64)
        if int(at[-1]) >= accessor.count or bool(np.any(at[1:] <= at[:-1])):
            raise refusal("accessor.sparse", "indices do not rise, or go beyond the accessor's count", where=where)
        values = self._elements(
            sparse.values.buffer_view, sparse.values.byte_offset, sparse.count, dtype, columns, rows, where=where
        )
        result = base if base.flags.writeable else base.copy()
        result[at] = values
        return result

    def _spend(self, amount: int, *, stored: bool, where: str) -> None:
        """Count the bytes an array takes, before it is made."""
        self._spent += amount
        if not stored:
            self._spent_on_nothing += amount
        if self._spent > self._limits.decoded_bytes or self._spent_on_nothing > self._limits.empty_bytes:
            raise refusal("limit.exceeded", "the accessors decode to more memory than allowed", where=where)


def dequantise(array: AnyArray) -> NDArray[np.float32]:
    """Normalised integers as floats: c / max for unsigned, max(c / max, -1) for signed ones (section 3.6.2.2)."""
    result = array.astype(np.float32)
    result *= np.float32(1.0 / np.iinfo(array.dtype).max)
    if array.dtype.kind == "i":
        np.maximum(result, np.float32(-1.0), out=result)
    return result

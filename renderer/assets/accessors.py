"""Typed arrays from buffers (glTF 2.0, sections 3.6.2 and 5.1): views where the bytes allow it, copies where not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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


@dataclass(slots=True, frozen=True, kw_only=True)
class _Layout:
    """How the elements of one type are stored; sizes in bytes.

    ``pitch`` is from one column to the next: columns of matrices of small components start on multiples of 4 bytes
    (section 3.6.2.4). ``width`` is the number of components.
    """

    dtype: np.dtype[Any]
    columns: int
    rows: int
    width: int
    pitch: int
    size: int
    tight: bool  # nothing is left free between the columns


@dataclass(slots=True, frozen=True, kw_only=True)
class _Place:
    """Where the elements of an accessor are in a buffer.

    Attributes:
        index: the accessor's.
        start: byte in the buffer at which its elements begin.
        room: bytes that its elements take there, gaps between them included.
        kind: buffer, stride, component type, type, count and whether normalised: what accessors that are read together
            have in common.
    """

    index: int
    start: int
    room: int
    kind: tuple[int, int | None, int, str, int, bool]

    def follows(self, run: Sequence[_Place]) -> bool:
        """Whether it is like the others, and as far from the last as they are from each other."""
        last = run[-1]
        step = self.start - last.start
        return self.kind == last.kind and step > 0 and (len(run) < 2 or step == last.start - run[-2].start)


def _layouts() -> Iterator[tuple[tuple[int, str], _Layout]]:
    for component, code in COMPONENTS.items():
        for name, (columns, rows) in SHAPES.items():
            dtype = np.dtype(code)
            column = rows * dtype.itemsize
            pitch = (column + 3) & ~3 if columns > 1 else column
            yield (
                (component, name),
                _Layout(
                    dtype=dtype,
                    columns=columns,
                    rows=rows,
                    width=columns * rows,
                    pitch=pitch,
                    size=pitch * (columns - 1) + column,
                    tight=pitch == column or columns == 1,
                ),
            )


_PLACE = "/accessors"
LAYOUTS = MappingProxyType(dict(_layouts()))
"""By component type and type."""


class Buffers(Protocol):
    """Where the bytes of buffer views come from."""

    def view(self, index: int, *, where: str) -> memoryview:
        """The bytes of a buffer view (decompressed where it is compressed)."""

    def buffer(self, index: int, *, where: str) -> memoryview:
        """The bytes of a whole buffer."""

    def located(self, index: int) -> tuple[memoryview, int, int, int | None] | None:
        """The bytes of a whole buffer that was read before, and a view's offset, length and stride in it; or None."""

    def place(self, index: int) -> tuple[int, int, int] | None:
        """Buffer, offset and length of a view, None where its bytes are not simply there."""

    def stride(self, index: int) -> int | None:
        """Its stride in bytes where it has one."""

    def extent(self, index: int, *, where: str) -> tuple[int, int | None]:
        """How many bytes ``view`` would give, and its stride."""


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
        self._paid: set[int] = set()
        self._spent = 0
        self._spent_on_nothing = 0

    def __len__(self) -> int:
        return len(self._accessors)

    def info(self, index: int, *, where: str) -> Accessor:
        """The accessor's JSON. Raises AssetError ``reference.range``."""
        if index >= len(self._accessors):
            raise refusal("reference.range", f"accessor {index} does not exist", where=where)
        return self._accessors[index]

    def check(self, indices: Sequence[int], *, where: str) -> None:
        """See to it that ``read`` and ``floats`` will not fail, without making arrays where that can wait.

        Raises as ``read`` does.
        """
        # There may be thousands: what is asked for again and again is kept at hand.
        accessors, paid, decoded, extent = self._accessors, self._paid, self._decoded, self._buffers.extent
        component, kind, layout = -1, "", None
        owed = 0
        for index in indices:
            if index in paid or index in decoded:
                continue
            accessor = accessors[index] if index < len(accessors) else self.info(index, where=where)
            view, count = accessor.buffer_view, accessor.count
            if view is None or accessor.sparse is not None:
                self.floats(index, where=where)
                continue
            if layout is None or accessor.component_type != component or accessor.type != kind:
                component, kind, layout = accessor.component_type, accessor.type, self._layout(accessor, index)
                width = layout.width * (layout.dtype.itemsize + (0 if layout.dtype.kind == "f" else 4))
                size, natural = layout.size, layout.pitch * layout.columns
            owed += count * width
            length, stride = extent(view, where=where)
            stride = stride or natural
            if stride < size or (accessor.byte_offset + stride * (count - 1) + size > length and count):
                self._span(view, accessor.byte_offset, count, layout, index)
            paid.add(index)
        self._spend(owed, indices[0] if indices else 0)

    def provide(self, index: int, elements: AnyArray) -> None:
        """Take ``(count, components)`` from elsewhere for what an accessor stands for, in its own component type.

        Raises AssetError ``accessor.type``, ``limit.exceeded``.
        """
        layout = self._layout(self._accessors[index], index)
        if elements.shape[1] != layout.width:
            raise refusal("accessor.type", f"{elements.shape[1]} components for {layout.width}", where=_at(index))
        self._spend(elements.size * layout.dtype.itemsize, index)
        array = np.ascontiguousarray(elements.astype(layout.dtype, copy=False))
        array.flags.writeable = False
        self._decoded[index] = array

    def read(self, index: int, *, where: str) -> AnyArray:
        """The elements as stored. Raises AssetError ``accessor.*``, ``view.*``, ``limit.exceeded``."""
        array = self._decoded.get(index)
        if array is None:
            accessor = self.info(index, where=where)
            array = self._decode(accessor, index, paid=index in self._paid)
            array.flags.writeable = False
            self._decoded[index] = array
        return array

    def floats(self, index: int, *, where: str) -> NDArray[np.float32]:
        """The elements as ``float32``; normalised integers become 0..1 or -1..1 (section 3.6.2.2)."""
        floats = self._floats.get(index)
        if floats is None:
            array = self.read(index, where=where)
            if array.dtype.kind != "f":
                if index not in self._paid:
                    self._spend(array.size * 4, index)
                array = dequantise(array) if self._accessors[index].normalized else array.astype(np.float32)
                array.flags.writeable = False
            floats = self._floats[index] = array
        return floats

    def stacks(self, indices: Sequence[int]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Those of the accessors that lie at even distances in one buffer, as morph targets usually do, all at once.

        Yields indices of accessors and their elements ``(accessors, count, components) float32``. Accessors that are
        alone, or in any way not sound, are left to ``floats``.
        """
        run: list[_Place] = []
        for index in indices:
            place = self._place(index)
            if place is not None and run and not place.follows(run):
                yield from self._stack(run)
                run = []
            if place is not None:
                run.append(place)
        yield from self._stack(run)

    def _place(self, index: int) -> _Place | None:
        """Where an accessor's bytes are, if they are all there."""
        if index >= len(self._accessors):
            return None
        accessor = self._accessors[index]
        layout = LAYOUTS.get((accessor.component_type, accessor.type))
        view = accessor.buffer_view
        if layout is None or layout.columns > 1 or not accessor.count or view is None or accessor.sparse is not None:
            return None
        place = self._buffers.place(view)
        if place is None:
            return None
        buffer, offset, length = place
        stride = self._buffers.stride(view)
        pitch = stride or layout.size
        room = pitch * (accessor.count - 1) + layout.size
        if pitch < layout.size or accessor.byte_offset + room > length:
            return None
        kind = (buffer, stride, accessor.component_type, accessor.type, accessor.count, accessor.normalized)
        return _Place(index=index, start=offset + accessor.byte_offset, room=room, kind=kind)

    def _stack(self, run: list[_Place]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        if len(run) < 2:
            return
        first, last = run[0], run[-1]
        accessor, layout = self._accessors[first.index], LAYOUTS[first.kind[2], first.kind[3]]
        data = self._buffers.buffer(first.kind[0], where=_at(first.index))
        pitch = first.kind[1] or layout.size
        if last.start + last.room > len(data) or pitch % layout.dtype.itemsize:
            return
        shape = (len(run), accessor.count, layout.width)
        strides = (run[1].start - first.start, pitch, layout.dtype.itemsize)
        stored: AnyArray = np.ndarray(shape, layout.dtype, buffer=data, offset=first.start, strides=strides)
        if not stored.flags.aligned:
            return
        if pitch % 4 and first.kind[1] is not None:
            message = f"a stride of {pitch} bytes is not aligned"
            self._log.add("buffer.alignment", message, where=_at(first.index), count=len(run))
        per_component = layout.dtype.itemsize if layout.dtype.kind == "f" else layout.dtype.itemsize + 4
        owed = sum(place.index not in self._paid for place in run)
        self._spend(owed * accessor.count * layout.width * per_component, first.index)
        stack: NDArray[np.float32] = stored
        if stored.dtype.kind != "f":
            stack = dequantise(stored) if accessor.normalized else stored.astype(np.float32)
        elif not stored[0].flags.c_contiguous:
            stack = np.ascontiguousarray(stored)
        stack.flags.writeable = False
        yield [place.index for place in run], stack

    def _layout(self, accessor: Accessor, index: int) -> _Layout:
        layout = LAYOUTS.get((accessor.component_type, accessor.type))
        if layout is None:
            raise refusal(
                "accessor.type", f"unknown type {accessor.type!r} of {accessor.component_type}", where=_at(index)
            )
        return layout

    def _decode(self, accessor: Accessor, index: int, *, paid: bool) -> AnyArray:
        layout = self._layout(accessor, index)
        view = accessor.buffer_view
        if not paid:
            amount = accessor.count * layout.width * layout.dtype.itemsize
            self._spend(amount, index, nothing=amount if view is None else 0)
        if view is None:
            array: AnyArray = np.zeros((accessor.count, layout.width), layout.dtype)
        else:
            array = self._elements(view, accessor.byte_offset, accessor.count, layout, index)
        if accessor.sparse is not None:
            array = self._replaced(array, accessor, layout, index)
        return array

    def _span(self, view: int, offset: int, count: int, layout: _Layout, index: int) -> tuple[memoryview, int]:
        """The bytes of a view in which so many elements are, and their stride."""
        data = self._buffers.view(view, where=_at(index))
        stride = self._buffers.stride(view) or layout.pitch * layout.columns
        if stride < layout.size:
            raise refusal("view.stride", f"a stride of {stride} bytes for elements of {layout.size}", where=_at(index))
        if count and offset + stride * (count - 1) + layout.size > len(data):
            raise refusal(
                "accessor.range",
                f"{count} elements of {layout.size} bytes from {offset} do not fit into {len(data)} bytes",
                where=_at(index),
            )
        return data, stride

    def _elements(self, view: int, offset: int, count: int, layout: _Layout, index: int) -> AnyArray:
        """``count`` elements from a buffer view, as a view of its bytes when they are aligned and adjacent."""
        found = self._buffers.located(view)
        if found is not None and layout.tight and count:  # as nearly always
            data, begin, length, declared = found
            simple = declared is None or (declared == layout.size and not declared % 4)
            if simple and offset + layout.size * count <= length:
                tight: AnyArray = np.ndarray((count, layout.width), layout.dtype, data, begin + offset)
                if tight.flags.aligned:
                    return tight
        data, stride = self._span(view, offset, count, layout, index)
        odd = layout.columns == 1 and stride % 4 and self._buffers.stride(view) is not None
        if stride == layout.size and count and not odd:
            packed = np.frombuffer(data, layout.dtype, count * layout.width, offset)
            if packed.flags.aligned:
                return packed.reshape(count, layout.width)
        shaped = np.ndarray(
            (count, layout.columns, layout.rows),
            layout.dtype,
            buffer=data,
            offset=offset if count else 0,
            strides=(stride, layout.pitch, layout.dtype.itemsize),
        )
        if not shaped.flags.aligned:
            self._log.add("buffer.alignment", f"data at byte {offset} is not aligned", where=_at(index))
        elif stride % layout.dtype.itemsize or odd:
            self._log.add("buffer.alignment", f"a stride of {stride} bytes is not aligned", where=_at(index))
        return np.array(shaped, order="C").reshape(count, layout.width)

    def _replaced(self, base: AnyArray, accessor: Accessor, layout: _Layout, index: int) -> AnyArray:
        sparse, where = accessor.sparse, f"{_at(index)}/sparse"
        if sparse is None or sparse.count == 0:
            return base
        kind = LAYOUTS.get((sparse.indices.component_type, "SCALAR"))
        if kind is None or kind.dtype.kind != "u" or sparse.count > accessor.count:
            named = kind.dtype.name if kind else "?"
            raise refusal("accessor.sparse", f"{sparse.count} replacements of type {named}", where=where)
        at = self._elements(sparse.indices.buffer_view, sparse.indices.byte_offset, sparse.count, kind, index)[
            :, 0
        ].astype(np.int64)
        if int(at[-1]) >= accessor.count or bool(np.any(at[1:] <= at[:-1])):
            raise refusal("accessor.sparse", "indices do not rise, or go beyond the accessor's count", where=where)
        values = self._elements(sparse.values.buffer_view, sparse.values.byte_offset, sparse.count, layout, index)
        result = base if base.flags.writeable else base.copy()
        result[at] = values
        return result

    def _spend(self, amount: int, index: int, *, nothing: int = 0) -> None:
        """Count the bytes an array takes, before it is made; ``nothing``: the part no stored bytes stand behind."""
        self._spent += amount
        self._spent_on_nothing += nothing
        if self._spent > self._limits.decoded_bytes or self._spent_on_nothing > self._limits.empty_bytes:
            raise refusal("limit.exceeded", "the accessors decode to more memory than allowed", where=_at(index))


def _at(index: int) -> str:
    return f"{_PLACE}/{index}"


_STEPS = MappingProxyType(
    {code[1:]: np.float32(1.0 / np.iinfo(code).max) for code in COMPONENTS.values() if code[1] != "f"}
)


def dequantise(array: AnyArray) -> NDArray[np.float32]:
    """Normalised integers as floats: c / max for unsigned, max(c / max, -1) for signed ones (section 3.6.2.2)."""
    result = array.astype(np.float32)
    result *= _STEPS[array.dtype.str[-2:]]
    if array.dtype.kind == "i":
        np.maximum(result, np.float32(-1.0), out=result)
    return result

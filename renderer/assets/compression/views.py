"""Buffer views that EXT_meshopt_compression stores compressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from renderer.assets.compression.attributes import Stream, decode_attributes
from renderer.assets.compression.damage import Damaged
from renderer.assets.compression.filters import apply_filter
from renderer.assets.compression.indices import decode_sequence, decode_triangles
from renderer.assets.document import Index, Size

MESHOPT = "EXT_meshopt_compression"


class CompressedView(msgspec.Struct, rename="camel"):
    """The extension's object on a buffer view."""

    buffer: Index
    byte_length: Size
    byte_stride: Size
    count: Size
    mode: str
    byte_offset: Size = 0
    filter: str = "NONE"


@dataclass(slots=True, kw_only=True, frozen=True)
class Compressed:
    """The compressed bytes of a view, and what the extension says of them."""

    data: memoryview
    view: CompressedView


def decompress(items: Sequence[Compressed]) -> list[memoryview]:
    """For each item the ``count * byteStride`` bytes it stands for.

    Attributes of one stride are decoded together: a file may have thousands of small views.
    Raises ``Damaged`` with the number of the item.
    """
    result: list[memoryview] = [memoryview(b"")] * len(items)
    strides: dict[int, list[int]] = {}
    for number, item in enumerate(items):
        if item.view.mode == "ATTRIBUTES":
            strides.setdefault(item.view.byte_stride, []).append(number)
            continue
        try:
            result[number] = _indices(item)
        except Damaged as error:
            raise Damaged(str(error), item=number) from error
    for stride, numbers in strides.items():
        streams = [Stream(data=items[number].data, count=items[number].view.count) for number in numbers]
        try:
            decoded = decode_attributes(streams, stride=stride)
        except Damaged as error:
            raise Damaged(str(error), item=numbers[error.item]) from error
        for number, elements in zip(numbers, decoded, strict=True):
            try:
                result[number] = _view(apply_filter(items[number].view.filter, elements))
            except Damaged as error:
                raise Damaged(str(error), item=number) from error
    return result


def _indices(item: Compressed) -> memoryview:
    view = item.view
    if view.byte_stride not in (2, 4) or view.filter != "NONE" or view.mode not in ("TRIANGLES", "INDICES"):
        raise Damaged(f"mode {view.mode} with elements of {view.byte_stride} bytes")
    decode = decode_triangles if view.mode == "TRIANGLES" else decode_sequence
    indices = decode(item.data, count=view.count)
    if view.byte_stride == 2:
        if len(indices) and int(indices.max()) > 0xFFFF:
            raise Damaged("an index does not fit into two bytes")
        return _view(indices.astype("<u2"))
    return _view(indices.astype("<u4"))


def _view(array: NDArray[Any]) -> memoryview:
    """The array's bytes, without copying them."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data

"""The attribute codec of EXT_meshopt_compression (appendix A, mode 0, version 0).

Elements are stored byte by byte ("lanes") as zigzag deltas in groups of 16. How long a group is follows from its own
bytes, so a first pass walks along the stream only to find where each block's lanes begin. All groups of a kind are
then decoded at once; sums within groups, and of groups along each lane, give the bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from renderer.assets.compression.damage import Damaged

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

HEADER = 0xA0
_GROUP = 16
_TAIL = 32
_ROOM = 16 * 24
"""Zeros behind the last stream: a damaged lane is noticed at its end, sixteen groups of at most 24 bytes later."""

_ALL = np.arange(256, dtype=np.uint8)
_UNZIGZAG = (_ALL >> 1) ^ (np.uint8(0) - (_ALL & 1))
_THREES = sum(((_ALL >> shift) & 3 == 3).astype(np.uint8) for shift in (0, 2, 4, 6))
_FIFTEENS = sum(((_ALL >> shift) & 15 == 15).astype(np.uint8) for shift in (0, 4))
_KINDS = MappingProxyType(
    {header: tuple(kind for shift in (0, 2, 4, 6) if (kind := header >> shift & 3)) for header in range(256)}
)
"""Header byte to the kinds of its groups that are not all zero: 1, 2 (bits 2 and 4 wide), 3 (whole bytes)."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Stream:
    """One compressed stream and how many elements it holds."""

    data: memoryview
    count: int


def decode_attributes(streams: Sequence[Stream], *, stride: int) -> list[Bytes]:
    """The elements ``(count, stride)`` of each stream, all streams at once.

    Raises ``Damaged`` with the number of the stream.
    """
    if stride % 4 or not 4 <= stride <= 256:
        raise Damaged(f"elements of {stride} bytes")
    block = min(8192 // stride & ~15, 256)
    for number, stream in enumerate(streams):
        _check(stream, number, stride, block)
    joined = np.frombuffer(b"".join((*(stream.data for stream in streams), bytes(_ROOM))), np.uint8)
    ends = np.cumsum([len(stream.data) for stream in streams], dtype=np.int64)
    starts = np.concatenate(([0], np.cumsum([-(-stream.count // _GROUP) for stream in streams]))).astype(np.int64)
    groups = int(starts[-1])
    # What each group adds to its lane in all, and the running values inside the groups that add anything.
    totals = np.zeros((groups, stride), np.uint8)
    values: list[tuple[Places, Places, Bytes]] = []
    for kind, (row, lane, offset) in enumerate(_locate(joined, streams, ends, starts, stride, block), start=1):
        deltas = np.cumsum(_UNZIGZAG[_groups(joined, offset, kind)], axis=1, dtype=np.uint8)
        totals[row, lane] = deltas[:, -1]
        values.append((row, lane, deltas))
    before = np.cumsum(totals, axis=0, dtype=np.uint8) - totals
    for end, first, last in zip(ends, starts, starts[1:], strict=False):
        if last > first:
            # Each stream starts from its own baseline, whatever the ones before it have summed up to.
            before[first:last] += joined[end - stride : end] - before[first]
    rows = np.repeat(before.view("<u4"), _GROUP, axis=0).view(np.uint8)
    result = rows.reshape(groups, _GROUP, stride)
    for row, lane, deltas in values:
        result[row, :, lane] = deltas + before[row, lane][:, None]
    return [
        rows[first * _GROUP : first * _GROUP + stream.count] for first, stream in zip(starts, streams, strict=False)
    ]


def _check(stream: Stream, number: int, stride: int, block: int) -> None:
    """Before anything is reserved: a short stream cannot ask for much memory."""
    whole, rest = divmod(stream.count, block)
    headers = (whole * -(-block // 64) + -(-rest // 64)) * stride
    if len(stream.data) < 1 + headers + max(stride, _TAIL) or stream.data[0] != HEADER:
        raise Damaged("the stream is too short or of an unknown version", item=number)


def _locate(
    joined: Bytes, streams: Sequence[Stream], ends: Places, starts: Places, stride: int, block: int
) -> Iterator[tuple[Places, Places, Places]]:
    """For each kind of group: its number among all groups of a lane, its lane, and where in the stream it begins."""
    # The length of a group, of each kind, that began at any byte of the stream.
    narrow = (_window(_THREES[joined], 4) + np.uint8(4)).tobytes()
    wide = (_window(_FIFTEENS[joined], 8) + np.uint8(8)).tobytes()
    lengths = (b"", narrow, wide, bytes((16,)) * len(joined))
    offsets = (array("q"), array("q"), array("q"), array("q"))
    note = tuple(places.append for places in offsets)
    # Of every lane of a block that has any group: its first group, its lane, its header's place and length.
    firsts, lanes, headers, sizes = array("q"), array("q"), array("q"), array("q")
    data = joined.tobytes()
    tail = max(stride, _TAIL)
    for number, stream in enumerate(streams):
        end = int(ends[number])
        at, end = end - len(stream.data) + 1, end - tail
        for first in range(0, stream.count, block):
            size = -(-min(block, stream.count - first) // 64)
            nothing = bytes(size)
            row = int(starts[number]) + first // _GROUP
            for lane in range(stride):
                header = data[at : at + size]
                if header == nothing:
                    at += size
                    continue
                firsts.append(row)
                lanes.append(lane)
                headers.append(at)
                sizes.append(size)
                at += size
                for kinds in header:
                    for kind in _KINDS[kinds]:
                        note[kind](at)
                        at += lengths[kind][at]
                if at > end:
                    raise Damaged("a group reaches into the tail", item=number)
        if at != end:
            raise Damaged(f"{end - at} bytes are left over", item=number)
    first_of, lane_of, header_of, size_of = (np.array(a, np.int64) for a in (firsts, lanes, headers, sizes))
    found = _header_kinds(joined, header_of, size_of)
    limit = starts[np.searchsorted(starts, first_of, side="right")]
    for kind in (1, 2, 3):
        # In the order of the walk, because both go along the lanes as they are stored.
        record, group = np.nonzero(found == kind)
        row_of = first_of[record] + group
        # A header may name groups behind the last element; they take room in the stream, and that is all.
        kept = row_of < limit[record]
        yield row_of[kept], lane_of[record][kept], np.array(offsets[kind], np.int64)[kept]


def _header_kinds(joined: Bytes, places: Places, sizes: Places) -> Bytes:
    """The kinds ``(n, 16)`` of the groups of each lane, 0 beyond the header's own bytes."""
    columns = np.arange(4)
    header = np.where(columns < sizes[:, None], joined[places[:, None] + columns], np.uint8(0))
    shifts = np.array((0, 2, 4, 6), np.uint8)
    kinds: Bytes = np.bitwise_and(header[:, :, None] >> shifts, np.uint8(3), dtype=np.uint8).reshape(-1, _GROUP)
    return kinds


def _window(values: Bytes, size: int) -> Bytes:
    """The sum of ``size`` neighbours from every place on."""
    padded = np.concatenate((values, np.zeros(size, np.uint8)))
    result = padded[: len(values)].copy()
    for i in range(1, size):
        result += padded[i : i + len(values)]
    return result


def _groups(stream: Bytes, offsets: Places, kind: int) -> Bytes:
    """Zigzag deltas ``(n, 16)`` of groups of one kind."""
    if kind == 3:
        return np.lib.stride_tricks.sliding_window_view(stream, 16)[offsets]
    size, bits = (4, 2) if kind == 1 else (8, 4)
    packed = np.lib.stride_tricks.sliding_window_view(stream, size)[offsets]
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    mask = np.uint8((1 << bits) - 1)
    values = (packed[:, :, None] >> shifts & mask).reshape(-1, _GROUP)
    rows, columns = np.nonzero(values == mask)
    # The sentinels of a group have their full bytes one after the other behind it.
    starts = np.searchsorted(rows, np.arange(len(values)))
    rank = np.arange(len(rows)) - starts[rows]
    values[rows, columns] = stream[offsets[rows] + size + rank]
    return values

"""The index codecs of EXT_meshopt_compression (appendix A, modes 1 and 2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.assets.compression.damage import Damaged

TRIANGLES_HEADER = 0xE1
SEQUENCE_HEADER = 0xD1


def decode_triangles(data: memoryview, *, count: int) -> NDArray[np.uint32]:
    """``(count,)`` indices of a triangle list. Raises ``Damaged``.

    Edges and vertices are appended to lists and looked up from their ends, which is what the format's rings of
    sixteen come to; an encoder never refers to an entry that was not there.
    """
    if count % 3 or len(data) < 1 + count // 3 + 16 or data[0] != TRIANGLES_HEADER:
        raise Damaged("the stream is too short or of an unknown version")
    stream = bytes(data)
    try:
        indices = _triangles(stream, count // 3)
        result = np.array(indices, np.int64)
    except (IndexError, OverflowError) as error:
        raise Damaged("a triangle refers to what was not there") from error
    if len(result) and not 0 <= int(result.min()) <= int(result.max()) < 1 << 32:
        raise Damaged("an index is out of range")
    return result.astype(np.uint32)


def _triangles(stream: bytes, count: int) -> list[int]:
    table = stream[-16:]
    end = len(stream) - 16
    at = 1 + count
    following = last = 0
    out: list[int] = []
    first: list[int] = []
    second: list[int] = []
    vertices: list[int] = []
    for code in stream[1 : 1 + count]:
        if code < 0xF0:
            edge, vertex = -1 - (code >> 4), code & 15
            a, b = first[edge], second[edge]
            if vertex == 0:
                c = following
                following += 1
                vertices.append(c)
            elif vertex < 13:
                c = vertices[-1 - vertex]
            else:
                if vertex == 15:
                    delta, at = _varint(stream, at, end)
                    last += ~(delta >> 1) if delta & 1 else delta >> 1
                else:
                    last += 1 if vertex == 14 else -1
                c = last
                vertices.append(c)
            first += (c, a)
            second += (b, c)
        else:
            if code < 0xFE:
                pair = table[code & 15]
                a = following
                following += 1
            else:
                if at >= end:
                    raise IndexError(at)
                pair = stream[at]
                at += 1
                if pair == 0:
                    following = 0
                if code == 0xFE:
                    a = following
                    following += 1
                else:
                    delta, at = _varint(stream, at, end)
                    last += ~(delta >> 1) if delta & 1 else delta >> 1
                    a = last
            pushed = [a]
            chosen = []
            for reference in (pair >> 4, pair & 15):
                if reference == 0:
                    chosen.append(following)
                    pushed.append(following)
                    following += 1
                elif reference == 15 and code >= 0xFE:
                    delta, at = _varint(stream, at, end)
                    last += ~(delta >> 1) if delta & 1 else delta >> 1
                    chosen.append(last)
                    pushed.append(last)
                else:
                    chosen.append(vertices[-reference])
            b, c = chosen
            first += (b, c, a)
            second += (a, b, c)
            vertices += pushed
        out += (a, b, c)
    if at != end:
        raise IndexError(at)
    return out


def decode_sequence(data: memoryview, *, count: int) -> NDArray[np.uint32]:
    """``(count,)`` indices of any topology. Raises ``Damaged``.

    Numbers are varints; each moves one of two baselines by a signed step, so a running sum per baseline decodes all.
    """
    if len(data) < 1 + count + 4 or data[0] != SEQUENCE_HEADER:
        raise Damaged("the stream is too short or of an unknown version")
    body = np.frombuffer(data, np.uint8)[1:-4]
    ends = np.flatnonzero(body < 0x80)
    if len(ends) != count or (count and int(ends[-1]) != len(body) - 1):
        raise Damaged(f"{len(ends)} numbers where {count} are declared")
    if not count:
        return np.zeros(0, np.uint32)
    starts = np.concatenate(([0], ends[:-1] + 1))
    if int((ends - starts).max()) > 4:
        raise Damaged("a number of more than five bytes")
    place = np.arange(len(body)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((body & np.uint8(0x7F)).astype(np.int64) << 7 * place, starts)
    steps = np.where(values & 2, ~(values >> 2), values >> 2)
    second = (values & 1).astype(bool)
    result = np.where(second, np.cumsum(np.where(second, steps, 0)), np.cumsum(np.where(second, 0, steps)))
    if int(result.min()) < 0 or int(result.max()) >= 1 << 32:
        raise Damaged("an index is out of range")
    return result.astype(np.uint32)


def _varint(stream: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned LEB128 number of at most five bytes, and where the next one begins."""
    value = shift = 0
    while at < end and shift < 35:
        byte = stream[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise IndexError(at)

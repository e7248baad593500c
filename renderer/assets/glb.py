"""The GLB container (glTF 2.0, chapter 4): a 12-byte header, then a JSON and at most one binary chunk."""

from __future__ import annotations

import struct

from renderer.assets.issues import IssueLog, refusal

MAGIC = b"glTF"
_JSON = 0x4E4F534A
_BIN = 0x004E4942
_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<II")


def split(data: bytes, *, log: IssueLog, where: str = "") -> tuple[memoryview, memoryview | None]:
    """The JSON and, if there is one, the binary chunk, as views into ``data``.

    Raises AssetError: ``glb.magic``, ``glb.version``, ``glb.truncated``, ``glb.length``, ``glb.chunk-length``,
    ``glb.chunk-order``.
    """
    if data[:4] != MAGIC:
        raise refusal("glb.magic", "not a GLB file: it does not start with glTF", where=where)
    if len(data) < _HEADER.size:
        raise _truncated(where, f"the header is cut off at {len(data)} of {_HEADER.size} bytes")
    _, version, length = _HEADER.unpack_from(data)
    if version != 2:
        raise refusal("glb.version", f"GLB version {version}; only 2 can be read", where=where)
    if length < _HEADER.size + _CHUNK.size:
        raise refusal("glb.length", f"the header declares {length} bytes in all", where=where)
    if length > len(data):
        raise _truncated(where, f"{len(data)} of {length} bytes are there")
    if length < len(data):
        log.add("glb.trailing", f"{len(data) - length} bytes after the declared end", where=where)

    view = memoryview(data)
    chunks: dict[int, memoryview] = {}
    offset, number = _HEADER.size, 0
    while offset < length:
        if length - offset < _CHUNK.size:
            raise _truncated(where, f"the header of chunk {number} is cut off")
        size, kind = _CHUNK.unpack_from(data, offset)
        offset += _CHUNK.size
        if size > length - offset:
            raise refusal(
                "glb.chunk-length",
                f"chunk {number} declares {size} bytes where {length - offset} are left",
                where=where,
                hint="the file is damaged or cut off",
            )
        if size % 4:
            log.add("glb.chunk-alignment", f"chunk {number} has {size} bytes", where=where)
        if (number == 0) != (kind == _JSON) or kind in chunks:
            raise refusal("glb.chunk-order", f"chunk {number} is not of the expected type", where=where)
        if kind in (_JSON, _BIN):
            chunks[kind] = view[offset : offset + size]
        else:
            log.add("glb.unknown-chunk", f"chunk {number} has type 0x{kind:08x}", where=where)
        offset += size
        number += 1
    return chunks[_JSON], chunks.get(_BIN)


def _truncated(where: str, message: str) -> Exception:
    return refusal("glb.truncated", f"the GLB file is cut off: {message}", where=where, hint="fetch the file again")

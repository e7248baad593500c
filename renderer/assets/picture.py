"""What kind of picture some bytes are, and how large, from the header alone: nothing is decoded here."""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True, frozen=True)
class PictureInfo:
    """MIME type and size in pixels."""

    mime_type: str
    width: int
    height: int


def probe(data: bytes | memoryview) -> PictureInfo | None:
    """Kind and size of a PNG, JPEG, WebP or KTX2 picture; None for anything else or a cut-off header."""
    head = bytes(data[:32])
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", head, 16)
            return PictureInfo(mime_type="image/png", width=width, height=height)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(memoryview(data))
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
        if head.startswith(b"\xabKTX 20\xbb\r\n\x1a\n"):
            width, height = struct.unpack_from("<II", head, 20)
            return PictureInfo(mime_type="image/ktx2", width=width, height=height)
    except struct.error:
        return None
    return None


def _jpeg(data: memoryview) -> PictureInfo | None:
    """Walk the segments up to the frame header (ITU-T T.81, B.2.2); SOF markers but DHT, JPG and DAC."""
    offset = 2
    while offset + 9 <= len(data):
        if data[offset] != 0xFF:
            return None
        marker = data[offset + 1]
        if marker == 0xFF:
            offset += 1
            continue
        (length,) = struct.unpack_from(">H", data, offset + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, offset + 5)
            return PictureInfo(mime_type="image/jpeg", width=width, height=height)
        offset += 2 + length
    return None


def _webp(head: bytes) -> PictureInfo | None:
    """The three forms of the first chunk: lossy, lossless, extended (WebP container specification)."""
    kind = head[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        width, height = width & 0x3FFF, height & 0x3FFF
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width = int.from_bytes(head[24:27], "little") + 1
        height = int.from_bytes(head[27:30], "little") + 1
    else:
        return None
    return PictureInfo(mime_type="image/webp", width=width, height=height)

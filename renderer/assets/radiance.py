"""Radiance RGBE pictures (``.hdr``): read, written, and summed up as a simple environment.

Format: G. Ward, "Real Pixels" (Graphics Gems II) and the Radiance file formats document. An avatar package's reader
takes ``value = byte * 2 ** (exponent - 128) / 255`` where the original divides by 256; both directions here follow it.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from renderer.errors import AssetError
from renderer.scene import Environment

Floats = NDArray[np.float32]
MOST_PIXELS = 1 << 25


def read_hdr(data: bytes, *, where: str = "") -> Floats:
    """``(h, w, 3)`` linear RGB, top row first; flat and run-length coded pixels.

    Raises:
        AssetError: ``hdr.header``, ``hdr.size``, ``hdr.pixels``.
    """
    end = data.find(b"\n\n")
    head = data[: max(end, 0)].split(b"\n")
    size = re.match(rb"-Y (\d{1,6}) \+X (\d{1,6})\n", data[end + 2 : end + 40]) if end > 0 else None
    if not head[0].startswith(b"#?") or b"FORMAT=32-bit_rle_rgbe" not in head or size is None:
        raise AssetError("not a Radiance RGBE picture with rows from top to bottom", code="hdr.header", where=where)
    height, width = int(size[1]), int(size[2])
    if not 0 < height * width <= MOST_PIXELS:
        raise AssetError(f"a picture of {width} x {height} pixels", code="hdr.size", where=where)
    body = np.frombuffer(data, np.uint8, offset=end + 2 + size.end())
    coded = 8 <= width < 0x8000 and body[:2].tolist() == [2, 2]
    if not coded and body.size < height * width * 4:
        raise AssetError("the picture is cut off", code="hdr.pixels", where=where)
    rgbe = _runs(body, height, width, where) if coded else body[: height * width * 4].reshape(height, width, 4)
    scale = np.ldexp(np.float32(1 / 255), rgbe[..., 3].astype(np.int32) - 128)
    return np.asarray(rgbe[..., :3] * np.where(rgbe[..., 3:] > 0, scale[..., None], 0), np.float32)


def write_hdr(pixels: Floats) -> bytes:
    """``(h, w, 3)`` linear RGB as flat pixels."""
    height, width = pixels.shape[:2]
    brightest = np.maximum(pixels.max(axis=-1), 1e-30)
    exponent = np.ceil(np.log2(brightest))
    scaled = np.rint(np.clip(pixels / np.exp2(exponent)[..., None], 0, 1) * 255)
    rgbe = np.concatenate([scaled, np.clip(exponent + 128, 0, 255)[..., None]], axis=-1).astype(np.uint8)
    return b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n" + f"-Y {height} +X {width}\n".encode() + rgbe.tobytes()


def gradient_hdr(environment: Environment, *, size: tuple[int, int] = (32, 16)) -> bytes:
    """An environment as an equirectangular picture of ``(width, height)``."""
    basis = _bands(size[1]) @ np.array([environment.horizon, environment.sky, environment.ground])
    rows = np.asarray(basis * environment.intensity, np.float32)
    return write_hdr(np.repeat(rows[:, None], size[0], axis=1))


def environment_of(pixels: Floats, *, intensity: float = 1.0) -> Environment:
    """The sky, horizon and ground that come nearest to an equirectangular picture, each direction weighed by how much
    of the sphere it covers.
    """
    bands = _bands(len(pixels))
    weight = np.sqrt(np.cos(_elevations(len(pixels))))[:, None]
    rows = pixels.astype(np.float64).mean(axis=1)
    solved, *_ = np.linalg.lstsq(bands * weight, rows * weight, rcond=None)
    horizon, sky, ground = (tuple(float(v) for v in np.maximum(row, 0.0)) for row in solved)
    return Environment(
        sky=(sky[0], sky[1], sky[2]),
        horizon=(horizon[0], horizon[1], horizon[2]),
        ground=(ground[0], ground[1], ground[2]),
        intensity=intensity,
    )


def gradient_of(pixels: Floats, *, intensity: float = 1.0) -> Environment | None:
    """The simple environment that an equirectangular picture is a picture of, None where it shows more than that.

    What one byte of mantissa cannot tell apart counts as the same.
    """
    found = environment_of(pixels, intensity=intensity)
    rows = _bands(len(pixels)) @ np.array([found.horizon, found.sky, found.ground])
    tolerance = 2.0 / 255.0 * np.maximum(pixels.max(initial=0.0), 1e-6)
    return found if bool((np.abs(pixels - rows[:, None]) <= tolerance).all()) else None


def _elevations(rows: int) -> NDArray[np.float64]:
    return np.asarray((0.5 - (np.arange(rows) + 0.5) / rows) * np.pi)


def _bands(rows: int) -> NDArray[np.float64]:
    """``(rows, 3)``: the share of horizon, sky and ground in each row, as ``Environment`` blends them."""
    up = np.sin(_elevations(rows))
    return np.stack([1 - np.abs(up), np.maximum(up, 0), np.maximum(-up, 0)], axis=1)


def _runs(body: NDArray[np.uint8], height: int, width: int, where: str) -> NDArray[np.uint8]:
    """Run-length coded rows: four separate channels, each of runs (length + 128) and literal stretches."""
    raw = body.tobytes()
    out = np.empty((height, 4, width), np.uint8)
    at = 0
    for row in range(height):
        if raw[at : at + 2] != b"\x02\x02" or raw[at + 2 : at + 4] != width.to_bytes(2, "big"):
            raise AssetError(f"row {row} of the picture is not coded as the first", code="hdr.pixels", where=where)
        at += 4
        for channel in range(4):
            line, filled = bytearray(), 0
            while filled < width:
                count = raw[at] if at < len(raw) else 0
                run = count > 128
                count -= 128 if run else 0
                piece = raw[at + 1 : at + 2] * count if run else raw[at + 1 : at + 1 + count]
                if not 0 < count == len(piece) <= width - filled:
                    raise AssetError(f"row {row} of the picture is damaged", code="hdr.pixels", where=where)
                line += piece
                filled += count
                at += 2 if run else 1 + count
            out[row, channel] = np.frombuffer(bytes(line), np.uint8)
    return out.transpose(0, 2, 1)

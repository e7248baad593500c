"""The container: cut anywhere, it is refused with a code and nothing else."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.assets import load
from renderer.errors import AssetError


def good(gltf: Any) -> bytes:
    gltf.show(gltf.triangle())
    data: bytes = gltf.glb()
    return data


def refusal(data: bytes) -> str:
    with pytest.raises(AssetError) as caught:
        load(data, name="made.glb")
    assert caught.value.where.startswith("made.glb")
    return caught.value.code


def test_every_truncation_is_refused(gltf: Any) -> None:
    data = good(gltf)
    codes = {refusal(data[:length]) for length in range(len(data))}
    assert codes == {"source.unknown", "glb.truncated"}


def test_a_real_avatar_cut_at_forty_places(shared: Path) -> None:
    data = (shared / "models/avatars/RobotExpressive-quantized.glb").read_bytes()
    for length in np.linspace(4, len(data) - 1, 40, dtype=int):
        assert refusal(data[:length]) == "glb.truncated"


def test_a_truncated_file_whose_header_was_mended(gltf: Any) -> None:
    data = good(gltf)
    for length in range(20, len(data), 4):
        code = refusal(data[:8] + struct.pack("<I", length) + data[12:length])
        assert code in ("glb.chunk-length", "glb.truncated", "json.syntax", "buffer.missing")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: b"", "source.unknown"),
        (lambda d: b"this is no avatar", "source.unknown"),
        (lambda d: d[:4] + struct.pack("<I", 1) + d[8:], "glb.version"),
        (lambda d: d[:8] + struct.pack("<I", 12) + d[12:], "glb.length"),
        (lambda d: d[:16] + b"BIN\0" + d[20:], "glb.chunk-order"),
        (lambda d: d[:12] + struct.pack("<I", 0xFFFFFFF0) + d[16:], "glb.chunk-length"),
    ],
)
def test_wrong_headers(gltf: Any, change: Any, code: str) -> None:
    assert refusal(change(good(gltf))) == code


def test_a_second_binary_chunk_is_refused(gltf: Any) -> None:
    data = good(gltf)
    extra = struct.pack("<II", 4, 0x004E4942) + b"abcd"
    assert refusal(data[:8] + struct.pack("<I", len(data) + len(extra)) + data[12:] + extra) == "glb.chunk-order"


def test_bytes_after_the_end_and_unknown_chunks_are_tolerated(gltf: Any) -> None:
    data = good(gltf)
    extra = struct.pack("<II", 4, 0x12345678) + b"abcd"
    longer = data[:8] + struct.pack("<I", len(data) + len(extra)) + data[12:] + extra + b"tail"
    asset = load(longer)
    assert [issue.code for issue in asset.issues if issue.code.startswith("glb.")] == [
        "glb.trailing",
        "glb.unknown-chunk",
    ]
    assert asset.avatar.meshes[0].primitives[0].positions.shape == (3, 3)

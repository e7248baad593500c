"""EXT_meshopt_compression against streams that the reference encoder wrote, and against damage."""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.assets import load
from renderer.assets.compression.damage import Damaged
from renderer.assets.compression.filters import apply_filter
from renderer.assets.compression.views import Compressed, CompressedView, decompress
from renderer.errors import AssetError

VECTORS = json.loads((Path(__file__).parent / "meshopt_vectors.json").read_text(encoding="utf-8"))["vectors"]


def item(vector: dict[str, Any], data: bytes | None = None, **changes: Any) -> Compressed:
    encoded = base64.b64decode(vector["encoded"]) if data is None else data
    facts = {"count": vector["count"], "byte_stride": vector["stride"], "mode": vector["mode"]} | changes
    view = CompressedView(buffer=0, byte_length=len(encoded), filter=changes.pop("filter", vector["filter"]), **facts)
    return Compressed(data=memoryview(encoded), view=view)


def equal(vector: dict[str, Any], found: memoryview) -> bool:
    expected = base64.b64decode(vector["decoded"])
    if not vector["slack"]:
        return bytes(found) == expected
    kind = np.int8 if vector["stride"] == 4 else np.int16
    differences = np.frombuffer(found, kind).astype(int) - np.frombuffer(expected, kind)
    return bool(np.abs(differences).max() <= vector["slack"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_reference_streams_one_by_one(vector: dict[str, Any]) -> None:
    assert equal(vector, decompress([item(vector)])[0])


def test_reference_streams_all_at_once() -> None:
    """Streams of one stride are decoded as one; each must still start from its own baseline."""
    order = [*VECTORS, *reversed(VECTORS), *VECTORS]
    for vector, found in zip(order, decompress([item(vector) for vector in order]), strict=True):
        assert equal(vector, found), vector["name"]


def test_the_example_of_the_specification() -> None:
    """Sixteen deltas in 4-bit form with two sentinels; the stream around them is made by hand."""
    group = bytes.fromhex("175ff0bc77a921003 4b5".replace(" ", ""))
    deltas = [-1, -4, -3, 26, -91, 0, -6, 6, -4, -4, 5, -5, 1, -1, 0, 0]
    stream = b"\xa0" + b"\x02" + group + b"\0\0\0" + bytes(28) + bytes((10, 20, 30, 40))
    vector = {"encoded": "", "count": 16, "stride": 4, "mode": "ATTRIBUTES", "filter": "NONE"}
    found = np.frombuffer(decompress([item(vector, stream)])[0], np.uint8).reshape(16, 4)
    assert found[:, 0].tolist() == ((10 + np.cumsum(deltas)) % 256).tolist()
    assert found[:, 1:].tolist() == [[20, 30, 40]] * 16


@given(st.sampled_from(VECTORS), st.data())
@settings(max_examples=100, deadline=None)
def test_damage_is_found_or_harmless(vector: dict[str, Any], draw: Any) -> None:
    encoded = bytearray(base64.b64decode(vector["encoded"]))
    size = vector["count"] * vector["stride"]
    if draw.draw(st.booleans()):
        encoded = encoded[: draw.draw(st.integers(0, len(encoded) - 1))]
    else:
        for _ in range(draw.draw(st.integers(1, 5))):
            encoded[draw.draw(st.integers(0, len(encoded) - 1))] = draw.draw(st.integers(0, 255))
    with np.errstate(all="ignore"):
        try:
            found = decompress([item(vector, bytes(encoded))])[0]
        except Damaged:
            return
    assert len(found) == size


def test_an_exponent_beyond_single_precision_is_infinite_and_no_warning() -> None:
    """A mantissa of 2 ** 22 with the exponent 127; the loader tells of numbers that are not finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = apply_filter("EXPONENTIAL", np.array([[0x7F400000]], "<i4").view(np.uint8))
    assert np.isinf(stored.view("<f4")).all()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("attributes 12", {"count": 1 << 40}),
        ("attributes 12", {"byte_stride": 6}),
        ("attributes 12", {"byte_stride": 260}),
        ("attributes 12", {"count": 256}),
        ("attributes 12", {"mode": "ZIP"}),
        ("triangles grid", {"count": 337}),
        ("triangles grid", {"byte_stride": 3}),
        ("triangles wild", {"byte_stride": 2}),
        ("indices grid", {"count": 335}),
    ],
)
def test_lies_are_refused(name: str, changes: dict[str, Any]) -> None:
    vector = next(vector for vector in VECTORS if vector["name"] == name)
    with pytest.raises(Damaged) as caught:
        decompress([item(VECTORS[0]), item(vector, **changes)])
    assert caught.value.item == 1


@pytest.mark.shared
def test_a_damaged_view_is_named(shared: Path) -> None:
    data = bytearray((shared / "models/formats/meshopt/BoxMeshopt.glb").read_bytes())
    begin = data.index(b"BIN\0") + 4
    data[begin] = 0
    with pytest.raises(AssetError) as caught:
        load(bytes(data), name="box.glb")
    assert caught.value.code == "compression.meshopt"
    assert caught.value.where.startswith("box.glb#/bufferViews/")


@pytest.mark.shared
def test_both_containers_hold_one_box(shared: Path) -> None:
    glb, gltf = (load(shared / "models/formats/meshopt" / f"BoxMeshopt.{kind}").avatar for kind in ("glb", "gltf"))
    corners = []
    for primitive in (glb.meshes[0].primitives[0], gltf.meshes[0].primitives[0]):
        assert primitive.indices is not None
        low, high = primitive.positions.min(axis=0), primitive.positions.max(axis=0)
        corners.append(((primitive.positions - low) / (high - low))[primitive.indices].reshape(-1, 3, 3))
    for triangles in corners:
        # Quantised to other ranges, but either way two triangles on each of six faces, corners where a box has them.
        assert np.isin(np.round(triangles, 3), (0.0, 1.0)).all()
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        assert sorted(map(tuple, np.round(normals, 3).tolist())) == sorted(
            tuple(sign * row) for row in np.eye(3) for sign in (1, -1) for _ in range(2)
        )

"""Accessors of every type against numpy arrays laid out by hand."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renderer.assets.accessors import COMPONENTS, SHAPES, Accessors
from renderer.assets.buffers import BufferStore
from renderer.assets.document import Document
from renderer.assets.issues import IssueLog
from renderer.assets.limits import Limits
from renderer.assets.resolver import NoFiles
from renderer.errors import AssetError

SIZES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}


def reader(
    binary: bytes, views: list[dict[str, Any]], *accessors: dict[str, Any], log: IssueLog | None = None, **limits: int
) -> Accessors:
    log = log or IssueLog()
    document = msgspec.convert(
        {
            "asset": {"version": "2.0"},
            "buffers": [{"byteLength": len(binary)}],
            "bufferViews": [{"buffer": 0, **view} for view in views],
            "accessors": list(accessors),
        },
        Document,
    )
    bounds = Limits(**limits)
    store = BufferStore(document, memoryview(binary), NoFiles(), log=log, limits=bounds)
    return Accessors(document, store, log=log, limits=bounds)


@given(
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(sorted(COMPONENTS)),
    st.integers(1, 9),
    st.integers(0, 3),
    st.integers(0, 2),
    st.randoms(use_true_random=False),
)
def test_every_type_at_any_offset_and_stride(
    kind: str, component: int, count: int, offset: int, gap: int, random: Any
) -> None:
    columns, rows = SHAPES[kind]
    size = SIZES[component]
    dtype = np.dtype(COMPONENTS[component])
    pitch = -(-rows * size // 4) * 4 if columns > 1 else rows * size
    stride = -(-(pitch * columns) // 4) * 4 + 4 * gap
    expected = np.array([[random.randrange(0, 100) for _ in range(columns * rows)] for _ in range(count)], dtype)
    data = bytearray(offset * 4 + stride * count)
    for i, element in enumerate(expected):
        for c in range(columns):
            start = offset * 4 + i * stride + c * pitch
            data[start : start + rows * size] = element[c * rows : (c + 1) * rows].tobytes()
    found = reader(
        bytes(data),
        [{"byteLength": len(data), "byteStride": stride}],
        {"bufferView": 0, "byteOffset": offset * 4, "componentType": component, "count": count, "type": kind},
    ).read(0, where="")
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    assert np.array_equal(found, expected)


def test_tightly_packed_data_is_not_copied() -> None:
    binary = np.arange(12, dtype=np.float32).tobytes()
    accessors = reader(
        binary,
        [{"byteLength": 48}],
        {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
    )
    array = accessors.floats(0, where="")
    assert np.shares_memory(array, np.frombuffer(binary, np.float32))
    assert not array.flags.writeable
    assert accessors.floats(0, where="") is array


@pytest.mark.parametrize(
    ("component", "code", "stored", "expected"),
    [
        (5120, "b", (-128, -127, 0, 127), (-1, -1, 0, 1)),
        (5121, "B", (0, 51, 102, 255), (0, 0.2, 0.4, 1)),
        (5122, "h", (-32768, -32767, 0, 32767), (-1, -1, 0, 1)),
        (5123, "H", (0, 13107, 26214, 65535), (0, 0.2, 0.4, 1)),
    ],
)
def test_normalised_integers(component: int, code: str, stored: tuple[int, ...], expected: tuple[float, ...]) -> None:
    binary = struct.pack(f"<4{code}", *stored)
    info = {"bufferView": 0, "componentType": component, "count": 4, "type": "SCALAR"}
    accessors = reader(binary, [{"byteLength": len(binary)}], {**info, "normalized": True}, info)
    assert accessors.floats(0, where="")[:, 0] == pytest.approx(expected, abs=1e-7)
    assert accessors.floats(1, where="")[:, 0].tolist() == list(stored)


def test_sparse_replaces_elements_of_a_base_and_of_nothing() -> None:
    base = np.arange(12, dtype=np.float32).reshape(4, 3)
    where = np.array([1, 3], np.uint16)
    values = np.array([[9, 8, 7], [6, 5, 4]], np.float32)
    binary = base.tobytes() + where.tobytes() + values.tobytes()
    views = [
        {"byteLength": 48},
        {"byteOffset": 48, "byteLength": 4},
        {"byteOffset": 52, "byteLength": 24},
    ]
    sparse = {"count": 2, "indices": {"bufferView": 1, "componentType": 5123}, "values": {"bufferView": 2}}
    info = {"componentType": 5126, "count": 4, "type": "VEC3", "sparse": sparse}
    accessors = reader(binary, views, {**info, "bufferView": 0}, info)
    assert accessors.read(0, where="").tolist() == [[0, 1, 2], [9, 8, 7], [6, 7, 8], [6, 5, 4]]
    assert accessors.read(1, where="").tolist() == [[0, 0, 0], [9, 8, 7], [0, 0, 0], [6, 5, 4]]
    assert base.tolist()[1] == [3, 4, 5]


@pytest.mark.parametrize("indices", [(3, 1), (1, 1), (1, 4)])
def test_sparse_indices_must_rise_and_exist(indices: tuple[int, int]) -> None:
    binary = np.array(indices, np.uint16).tobytes() + bytes(24)
    sparse = {"count": 2, "indices": {"bufferView": 0, "componentType": 5123}, "values": {"bufferView": 1}}
    accessors = reader(
        binary,
        [{"byteLength": 4}, {"byteOffset": 4, "byteLength": 24}],
        {"componentType": 5126, "count": 4, "type": "VEC3", "sparse": sparse},
    )
    with pytest.raises(AssetError) as caught:
        accessors.read(0, where="")
    assert caught.value.code == "accessor.sparse"


def test_unaligned_data_is_read_with_a_warning() -> None:
    log = IssueLog()
    binary = b"\0\0" + np.array([1.5, -2.5], np.float32).tobytes()
    info = {"bufferView": 0, "byteOffset": 2, "componentType": 5126, "count": 2, "type": "SCALAR"}
    accessors = reader(binary, [{"byteLength": 10}], info, log=log)
    assert accessors.read(0, where="")[:, 0].tolist() == [1.5, -2.5]
    assert [issue.code for issue in log.issues()] == ["buffer.alignment"]


VEC3 = {"bufferView": 0, "componentType": 5126, "count": 2, "type": "VEC3"}


@pytest.mark.parametrize(
    ("view", "accessor", "code"),
    [
        ({"byteLength": 24}, {**VEC3, "count": 3}, "accessor.range"),
        ({"byteLength": 24}, {**VEC3, "byteOffset": 4}, "accessor.range"),
        ({"byteLength": 24, "byteStride": 8}, VEC3, "view.stride"),
        ({"byteLength": 25}, VEC3, "view.range"),
        ({"byteLength": 24, "byteOffset": 1 << 40}, VEC3, "view.range"),
        ({"byteLength": 24, "buffer": 7}, VEC3, "reference.range"),
        ({"byteLength": 24}, {**VEC3, "bufferView": 7}, "reference.range"),
        ({"byteLength": 24}, {**VEC3, "type": "VEC9"}, "accessor.type"),
        ({"byteLength": 24}, {**VEC3, "componentType": 5124}, "accessor.type"),
        ({"byteLength": 24}, {**VEC3, "count": 1 << 40}, "limit.exceeded"),
    ],
)
def test_lies_are_refused(view: dict[str, Any], accessor: dict[str, Any], code: str) -> None:
    with pytest.raises(AssetError) as caught:
        reader(bytes(24), [view], accessor).read(0, where="")
    assert caught.value.code == code


def test_zeros_without_data_are_limited() -> None:
    info = {"componentType": 5126, "count": 1_000_000, "type": "VEC3"}
    assert not reader(b"", [], info).read(0, where="").any()
    with pytest.raises(AssetError) as caught:
        reader(b"", [], info, empty_bytes=11_999_999).read(0, where="")
    assert caught.value.code == "limit.exceeded"

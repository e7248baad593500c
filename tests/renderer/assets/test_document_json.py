"""The typed JSON: wrong types, depth, versions, pointers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from renderer.assets import extensions, load
from renderer.assets.document import pointer_of
from renderer.errors import AssetError, UnsupportedAsset


def refusal(text: bytes) -> AssetError:
    with pytest.raises(AssetError) as caught:
        load(text, name="made.gltf")
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        (b'{"asset":{"version":"2.0"},"nodes":[{},{"mesh":"x"}]}', "json.type", "made.gltf#/nodes/1/mesh"),
        (b'{"asset":{"version":"2.0"},"nodes":[{"mesh":-1}]}', "json.type", "made.gltf#/nodes/0/mesh"),
        (b'{"asset":{"version":"2.0"},"nodes":{}}', "json.type", "made.gltf#/nodes"),
        (b'{"asset":{"version":"2.0"},"accessors":[{"count":1e400}]}', "json.type", "made.gltf#/accessors/0/count"),
        (b'{"asset":{"version":"1.0"}}', "asset.version", "made.gltf#/asset"),
        (b'{"asset":{"version":"2.1","minVersion":"2.1"}}', "asset.version", "made.gltf#/asset"),
        (b'{"asset":{"version":"2.0"}', "json.syntax", "made.gltf"),
        (b'{"asset":{"version":"2.0"},"scene":2.0,,}', "json.syntax", "made.gltf"),
        (b'{"asset":{"version":"2.0"},"nodes":[{"name":"\xff"}]}', "json.syntax", "made.gltf"),
        (b'{"asset":{"version":"2.0"},"extras":' + b"[" * 100_000, "json.depth", "made.gltf"),
        (b'{"asset":{"version":"2.0"},"extras":' + b'{"a":' * 100_000, "json.depth", "made.gltf"),
    ],
)
def test_refused_with_a_code_and_a_pointer(text: bytes, code: str, where: str) -> None:
    error = refusal(text)
    assert (error.code, error.where) == (code, where)


def test_a_newer_minor_version_without_a_demand_loads() -> None:
    assert [i.code for i in load(b'{"asset":{"version":"2.7"}}').issues] == ["scene.empty"]


def test_numbers_written_otherwise_are_read_with_a_warning() -> None:
    asset = load(b'\xef\xbb\xbf{"asset":{"version":"2.0"},"nodes":[{"children":[1.0]},{"name":"b"}]}')
    assert asset.avatar.nodes[1].parent == 0
    assert {issue.code for issue in asset.issues} >= {"json.coerced", "json.bom"}


@pytest.mark.parametrize(
    ("path", "pointer"),
    [("$.nodes[0].mesh", "/nodes/0/mesh"), ("$", ""), ("$.a[...].b", "/a/.../b")],
)
def test_pointers(path: str, pointer: str) -> None:
    assert pointer_of(path) == pointer


def test_required_extensions_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "available", lambda: False)  # as without DracoPy
    with pytest.raises(UnsupportedAsset) as caught:
        load(b'{"asset":{"version":"2.0"},"extensionsRequired":["KHR_draco_mesh_compression","ACME_magic"]}')
    assert caught.value.code == "extension.required"
    assert "KHR_draco_mesh_compression, ACME_magic" in caught.value.message
    assert "Draco" in caught.value.hint


def test_merely_used_extensions_are_warned_about() -> None:
    asset = load(b'{"asset":{"version":"2.0"},"extensionsUsed":["ACME_magic","KHR_materials_unlit"]}')
    assert [(i.code, i.message) for i in asset.issues if i.code.startswith("ext")] == [
        ("extension.unknown", "drawn without ACME_magic")
    ]


def test_an_extension_of_the_wrong_shape_is_left_out(packed: Callable[[bytes, bytes], bytes]) -> None:
    document = {
        "asset": {"version": "2.0"},
        "materials": [{"extensions": {"KHR_materials_emissive_strength": {"emissiveStrength": "much"}}}],
    }
    asset = load(packed(json.dumps(document).encode(), b""))
    assert asset.avatar.materials[0].emissive_strength == 1.0
    assert "extension.malformed" in {issue.code for issue in asset.issues}


def test_too_many_objects() -> None:
    document: dict[str, Any] = {"asset": {"version": "2.0"}, "nodes": [{}] * 100_001}
    assert refusal(json.dumps(document).encode()).code == "limit.exceeded"

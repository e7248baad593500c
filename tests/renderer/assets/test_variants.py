"""Sets of materials to choose from (KHR_materials_variants)."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from renderer.assets import Asset, choose_variant, load
from renderer.errors import AssetError

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32).tobytes()
MAPPINGS = [{"material": 1, "variants": [0, 2]}, {"material": 2, "variants": [1]}]


def made(mappings: list[dict[str, Any]]) -> Asset:
    primitive: dict[str, Any] = {"attributes": {"POSITION": 0}, "material": 0}
    primitive["extensions"] = {"KHR_materials_variants": {"mappings": mappings}}
    names = [{"name": "Beach"}, {"name": "Street"}, {"name": "Night"}]
    uri = f"data:application/octet-stream;base64,{base64.b64encode(CORNERS).decode()}"
    document = {
        "asset": {"version": "2.0"},
        "extensionsUsed": ["KHR_materials_variants"],
        "extensionsRequired": ["KHR_materials_variants"],
        "extensions": {"KHR_materials_variants": {"variants": names}},
        "materials": [{"name": name} for name in ("plain", "sand", "stone")],
        "meshes": [{"primitives": [primitive, {"attributes": {"POSITION": 0}, "material": 0}]}],
        "nodes": [{"mesh": 0}],
        "scenes": [{"nodes": [0]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]}
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36, "uri": uri}],
    }
    return load(json.dumps(document).encode())


def materials(asset: Asset) -> list[int]:
    return [primitive.material for primitive in asset.avatar.meshes[0].primitives]


def test_without_a_choice_the_file_is_as_it_is() -> None:
    asset = made(MAPPINGS)
    assert asset.avatar.variants == ("Beach", "Street", "Night")
    assert materials(asset) == [0, 0]
    assert [issue.code for issue in asset.issues if issue.code.startswith("extension")] == []


@pytest.mark.parametrize(("name", "expected"), [("Beach", 1), ("street", 2), ("NIGHT", 1)])
def test_a_choice_gives_primitives_its_materials(name: str, expected: int) -> None:
    asset = made(MAPPINGS)
    choose_variant(asset.avatar, name)
    assert materials(asset) == [expected, 0]


def test_what_a_variant_does_not_speak_of_stays() -> None:
    asset = made([{"material": 2, "variants": [1]}])
    choose_variant(asset.avatar, "Night")
    assert materials(asset) == [0, 0]


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(AssetError) as caught:
        choose_variant(made(MAPPINGS).avatar, "Snow")
    assert caught.value.code == "variant.unknown"
    assert "Beach, Street, Night" in str(caught.value.hint)


def test_a_mapping_to_no_material_is_left_out() -> None:
    asset = made([{"material": 9, "variants": [0]}])
    choose_variant(asset.avatar, "Beach")
    assert materials(asset) == [0, 0]
    assert "material.reference" in {issue.code for issue in asset.issues}

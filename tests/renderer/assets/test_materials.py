"""Materials, their layers, textures and pictures."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from renderer.assets import Asset, load
from renderer.assets.picture import probe
from renderer.scene.material import AlphaMode, Material, Wrap

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 3, 2) + b"\x08\x02\0\0\0"


def made(material: dict[str, Any], **parts: Any) -> Asset:
    document = {
        "asset": {"version": "2.0"},
        "materials": [material],
        "textures": [{"source": 0}, {"source": 1}, {"source": 7}],
        "images": [{"uri": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAA="}, {"uri": "absent.png"}],
        **parts,
    }
    return load(json.dumps(document).encode())


def codes(asset: Asset) -> set[str]:
    return {issue.code for issue in asset.issues} - {"scene.empty"}


def test_silence_is_gltfs_default() -> None:
    asset = made({})
    assert asset.avatar.materials[0] == Material()


def test_everything_said() -> None:
    asset = made(
        {
            "pbrMetallicRoughness": {
                "baseColorFactor": [0.1, 0.2, 0.3, 0.4],
                "baseColorTexture": {
                    "index": 0,
                    "texCoord": 1,
                    "extensions": {
                        "KHR_texture_transform": {"offset": [1, 2], "rotation": 3, "scale": [4, 5], "texCoord": 0}
                    },
                },
                "metallicFactor": 0.5,
                "roughnessFactor": 0.25,
            },
            "normalTexture": {"index": 0, "scale": -2},
            "occlusionTexture": {"index": 0, "strength": 0.75, "texCoord": 1},
            "emissiveFactor": [1, 2, 3],
            "alphaMode": "MASK",
            "alphaCutoff": 0.1,
            "doubleSided": True,
            "extensions": {"KHR_materials_emissive_strength": {"emissiveStrength": 7}, "KHR_materials_unlit": {}},
        }
    )
    material = asset.avatar.materials[0]
    base = material.base_color_texture
    assert base is not None
    assert (base.texture, base.uv_set, base.offset, base.rotation, base.scale) == (0, 0, (1, 2), 3, (4, 5))
    assert material.base_color_factor == (0.1, 0.2, 0.3, 0.4)
    assert (material.metallic_factor, material.roughness_factor, material.normal_scale) == (0.5, 0.25, -2)
    assert material.occlusion_texture is not None
    assert (material.occlusion_strength, material.occlusion_texture.uv_set) == (0.75, 1)
    assert (material.emissive_factor, material.emissive_strength) == ((1, 2, 3), 7)
    assert (material.alpha_mode, material.alpha_cutoff) == (AlphaMode.MASK, 0.1)
    assert material.double_sided
    assert material.unlit


@pytest.mark.parametrize(
    ("material", "expected", "code"),
    [
        ({"normalTexture": {"index": 9}}, {}, "texture.reference"),
        ({"normalTexture": {"index": 1}}, {}, "image.missing"),
        ({"normalTexture": {"index": 2}}, {}, "texture.reference"),
        ({"alphaMode": "GLASS"}, {}, "material.value"),
        ({"alphaCutoff": -1}, {"alpha_cutoff": 0.0}, "material.value"),
        ({"pbrMetallicRoughness": {"metallicFactor": 2}}, {"metallic_factor": 1.0}, "material.value"),
    ],
)
def test_what_cannot_be_is_left_out(material: dict[str, Any], expected: dict[str, Any], code: str) -> None:
    asset = made(material)
    assert asset.avatar.materials[0] == Material(**expected)
    assert code in codes(asset)


def test_texture_sets_beyond_the_second() -> None:
    asset = made({"normalTexture": {"index": 0, "texCoord": 2}})
    assert asset.avatar.materials[0].normal_texture is not None
    assert asset.avatar.materials[0].normal_texture.uv_set == 0
    assert "texture.uv-set" in codes(asset)


def test_samplers() -> None:
    samplers = [{"magFilter": 9728, "minFilter": 9987, "wrapS": 33071, "wrapT": 33648}, {"wrapS": 5, "minFilter": 1}]
    asset = made(
        {}, samplers=samplers, textures=[{"source": 0, "sampler": 0}, {"source": 0, "sampler": 1}, {"sampler": 9}]
    )
    first, second, third = (texture.sampler for texture in asset.avatar.textures)
    assert (first.mag_filter, first.min_filter) == (9728, 9987)
    assert (first.wrap_s, first.wrap_t) == (Wrap.CLAMP_TO_EDGE, Wrap.MIRRORED_REPEAT)
    assert (second.min_filter, second.wrap_s) == (None, Wrap.REPEAT)
    assert third == type(third)()


@pytest.mark.parametrize(
    ("layer", "extensions", "expected"),
    [
        ("specular", {"KHR_materials_ior": {"ior": 1.4}}, {"ior": 1.4, "factor": 1.0}),
        ("specular", {"KHR_materials_ior": {"ior": 0.5}}, {"ior": 1.0}),
        ("specular", {"KHR_materials_specular": {"specularFactor": 0.3, "specularColorFactor": [2, 1, 0]}},
         {"ior": 1.5, "factor": 0.3, "color_factor": (2, 1, 0)}),
        ("clearcoat",
         {"KHR_materials_clearcoat": {"clearcoatFactor": 1, "clearcoatNormalTexture": {"index": 0, "scale": 2}}},
         {"factor": 1, "normal_scale": 2, "roughness_factor": 0}),
        ("sheen", {"KHR_materials_sheen": {"sheenColorFactor": [1, 0, 0], "sheenRoughnessFactor": 0.5}},
         {"color_factor": (1, 0, 0), "roughness_factor": 0.5}),
        ("transmission",
         {"KHR_materials_transmission": {"transmissionFactor": 1}, "KHR_materials_volume": {"thicknessFactor": 2}},
         {"factor": 1, "thickness": 2, "attenuation_distance": float("inf")}),
        ("iridescence", {"KHR_materials_iridescence": {"iridescenceFactor": 1}},
         {"ior": 1.3, "thickness_maximum": 400}),
        ("anisotropy", {"KHR_materials_anisotropy": {"anisotropyStrength": 0.5, "anisotropyRotation": 1}},
         {"strength": 0.5, "rotation": 1}),
        ("toon", {"VRMC_materials_mtoon": {"outlineWidthMode": "worldCoordinates", "outlineWidthFactor": 0.01,
                                            "uvAnimationScrollXSpeedFactor": 2, "shadeColorFactor": [0.5, 0, 0]}},
         {"outline": "world", "outline_width": 0.01, "scroll_x": 2, "shade_color": (0.5, 0, 0), "rim_power": 5}),
    ],
)  # fmt: skip
def test_layers(layer: str, extensions: dict[str, Any], expected: dict[str, Any]) -> None:
    material = made({"extensions": extensions}).avatar.materials[0]
    found = getattr(material, layer)
    assert {name: getattr(found, name) for name in expected} == expected
    others = {"specular", "clearcoat", "sheen", "transmission", "iridescence", "anisotropy", "toon"} - {layer}
    assert all(getattr(material, other) is None for other in others)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (PNG, ("image/png", 3, 2)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x0b\x08\0\x05\0\x07\x01\0\0\0", ("image/jpeg", 7, 5)),
        (b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x05\x40\x06\x80aa", ("image/webp", 5, 6)),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x04\x40\x01\0aaaaaaa", ("image/webp", 5, 6)),
        (b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x04\0\0\x05\0\0aa", ("image/webp", 5, 6)),
        (b"\xabKTX 20\xbb\r\n\x1a\n" + struct.pack("<IIII", 0, 1, 40, 30), ("image/ktx2", 40, 30)),
    ],
)
def test_headers_of_pictures(data: bytes, expected: tuple[str, int, int]) -> None:
    info = probe(data)
    assert info is not None
    assert (info.mime_type, info.width, info.height) == expected
    for length in range(len(data)):
        probe(data[:length])


@pytest.mark.shared
def test_sizes_of_real_pictures_agree_with_the_index(shared: Path) -> None:
    index = json.loads((shared / "models/INDEX.json").read_text(encoding="utf-8"))
    checked = 0
    for model in index["models"]:
        images = model.get("gltf", {}).get("images", [])
        if not images or "draco" in model["path"]:
            continue
        found = [probe(image.data) for image in load(shared / "models" / model["path"]).avatar.images]
        for info, facts in zip(found, images, strict=True):
            assert info is not None
            if "width" in facts:
                assert (info.width, info.height) == (facts["width"], facts["height"]), model["path"]
                checked += 1
    assert checked > 50


def test_more_textures_than_can_be_drawn_together_are_told() -> None:
    picture = {"index": 0}
    full = {
        "normalTexture": picture,
        "occlusionTexture": picture,
        "emissiveTexture": picture,
        "pbrMetallicRoughness": {"baseColorTexture": picture, "metallicRoughnessTexture": picture},
        "extensions": {
            "KHR_materials_specular": {"specularTexture": picture, "specularColorTexture": picture},
            "KHR_materials_clearcoat": {
                "clearcoatTexture": picture,
                "clearcoatRoughnessTexture": picture,
                "clearcoatNormalTexture": picture,
            },
        },
    }
    assert "material.textures" not in codes(made(full))
    full["extensions"]["KHR_materials_transmission"] = {"transmissionTexture": picture}
    assert "material.textures" in codes(made(full))

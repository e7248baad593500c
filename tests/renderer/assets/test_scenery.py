"""What comes with a package beside its character: the 3D background and the colour table."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from renderer.animation.pose import Pose
from renderer.assets import Asset, load_package
from renderer.assets.color_table import read_color_table
from renderer.errors import AssetError
from renderer.scene import Avatar
from renderer.scene.extent import extent


def picture(size: tuple[int, int] = (2, 2), color: tuple[int, int, int] = (9, 8, 7)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


def room(kind: type[Any], **parts: Any) -> bytes:
    """A triangle two metres up with a texture, and one without a material."""
    made = kind()
    image = made.view(picture())
    textured = {**made.triangle(), "material": 0}
    made.show(textured, made.triangle(), extras={"targetNames": []})
    made.json["nodes"] = [{"mesh": 0, "name": "arm L", "translation": [0, 2, 0]}]
    made.json["images"] = [{"bufferView": image, "mimeType": "image/png"}]
    made.json["textures"] = [{"source": 0}]
    made.json["materials"] = [
        {
            "name": "wall",
            "pbrMetallicRoughness": {"metallicFactor": 0.25, "baseColorTexture": {"index": 0}},
            "extensions": {"KHR_materials_clearcoat": {"clearcoatFactor": 1, "clearcoatTexture": {"index": 0}}},
        }
    ]
    made.json.update(parts)
    return bytes(made.glb())


@pytest.fixture
def furnished(files: dict[str, bytes], gltf: Any) -> dict[str, bytes]:
    return {
        **files,
        "background.glb": room(type(gltf)),
        "background.png": picture(),
        "metaInfo.json": b'{"web":{"encrypt_list":["background.glb"]}}',
    }


def codes(asset: Asset) -> set[str]:
    return {issue.code for issue in asset.issues}


def wall(avatar: Avatar) -> int:
    return next(i for i in sorted(avatar.scenery) if avatar.nodes[i].mesh >= 0)


def test_it_stands_halved_and_a_little_lower_whatever_the_character_does(furnished: dict[str, bytes]) -> None:
    asset = load_package(furnished)
    world = asset.player(group="speak").pose(0.5).world(asset.avatar)[wall(asset.avatar)]
    assert np.allclose(world @ (0, 0, 0, 1), (0, 1 - 0.006, 0, 1), atol=1e-6)
    assert np.allclose(world @ (1, 0, 0, 1), (0.5, 1 - 0.006, 0, 1), atol=1e-6)


def test_it_keeps_its_materials_and_textures_and_is_not_graded(furnished: dict[str, bytes]) -> None:
    avatar = load_package(furnished).avatar
    first, second = avatar.meshes[avatar.nodes[wall(avatar)].mesh].primitives
    plaster, plain = avatar.materials[first.material], avatar.materials[second.material]
    assert (plaster.name, plaster.metallic_factor, plaster.graded) == ("wall", 0.25, False)
    assert plaster.base_color_texture is not None
    assert avatar.images[avatar.textures[plaster.base_color_texture.texture].image].data == picture()
    assert plaster.clearcoat is not None
    assert plaster.clearcoat.texture == plaster.base_color_texture
    # glTF's own default material, not the character's changed one.
    assert (plain.metallic_factor, plain.roughness_factor, plain.graded) == (1.0, 1.0, False)
    skin = avatar.materials[avatar.meshes[avatar.nodes[0].mesh].primitives[0].material]
    assert (skin.name, skin.graded) == ("default", True)


def test_no_override_reaches_it(furnished: dict[str, bytes]) -> None:
    given = json.loads(furnished["character.config.json"])
    furnished["character.config.json"] = json.dumps({**given, "isUnlit": True}).encode()
    avatar = load_package(furnished).avatar
    materials = {m.name: m for m in avatar.materials}
    assert (materials["skin"].unlit, materials["skin"].casts_both_sides) == (True, True)
    assert (materials["wall"].unlit, materials["wall"].casts_both_sides) == (False, False)


def test_no_camera_makes_room_for_it(furnished: dict[str, bytes], files: dict[str, bytes]) -> None:
    with_room, without = load_package(furnished).avatar, load_package(files).avatar
    boxes = [extent(avatar, Pose.rest(avatar).world(avatar)) for avatar in (with_room, without)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert np.array_equal(boxes[0].high, boxes[1].high)


def test_it_is_drawn_where_metainfo_lists_it_and_only_there(furnished: dict[str, bytes]) -> None:
    chosen = load_package(furnished)
    assert (chosen.background, bool(chosen.avatar.scenery)) == (None, True)
    furnished["metaInfo.json"] = b'{"web":{"encrypt_list":["character.glb"]}}'
    flat = load_package(furnished)
    assert (flat.background, bool(flat.avatar.scenery)) == (picture(), False)
    furnished["metaInfo.json"] = b'{"web":{"encrypt_list":["background.glb"]}}'
    del furnished["background.glb"]
    assert "package.background" in codes(load_package(furnished))


def test_one_with_animations_is_refused_by_name(furnished: dict[str, bytes], gltf: Any) -> None:
    clips = [{"name": "turn", "samplers": [], "channels": []}]
    furnished["background.glb"] = room(type(gltf), animations=clips)
    with pytest.raises(AssetError) as caught:
        load_package(furnished, name="made")
    assert (caught.value.code, caught.value.where) == ("package.background-animations", "made/background.glb")


def test_a_colour_table_is_read_as_it_stands(files: dict[str, bytes]) -> None:
    table = np.arange(16 * 256 * 3, dtype=np.uint32).reshape(16, 256, 3).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(table).save(stream, "PNG", icc_profile=b"not a profile", gamma=2.2)
    asset = load_package({**files, "lut.png": stream.getvalue()})
    assert asset.color_table is not None
    assert np.array_equal(read_color_table(asset.color_table), table)


def test_a_colour_table_of_another_size_is_left_out(files: dict[str, bytes]) -> None:
    for wrong in (picture((16, 16)), b"no picture"):
        asset = load_package({**files, "lut.png": wrong})
        assert asset.color_table is None
        assert "package.color-table" in codes(asset)
    assert read_color_table(picture((256, 16))[:60]) is None

"""An avatar file as an open package: complete, readable, and nothing changed on the way."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.assets import load, load_package
from renderer.assets.character_glb import character_glb
from renderer.assets.glb_writer import pack_glb
from renderer.assets.radiance import environment_of, read_hdr
from renderer.assets.repack import GROUPS, package_files
from renderer.errors import AssetError
from renderer.sample import SAMPLE

NAMES = {
    "metaInfo.json",
    "character.config.json",
    "animation.config.json",
    "motion.config.json",
    "character.glb",
    "animation.glb",
    "background.png",
    "background.hdr",
}


def document_of(data: bytes) -> dict:
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


def sizes(files: dict[str, bytes]) -> dict[str, int]:
    config = json.loads(files["animation.config.json"])
    return {group: config[group]["size"] for group in GROUPS}


@pytest.fixture(scope="module")
def sample() -> dict[str, bytes]:
    return package_files(SAMPLE, name="Sample")


def test_all_files_are_there(sample: dict[str, bytes]) -> None:
    assert set(sample) == NAMES


def test_character_has_no_animations_and_animation_no_pictures(sample: dict[str, bytes]) -> None:
    character, animation = document_of(sample["character.glb"]), document_of(sample["animation.glb"])
    assert "animations" not in character
    assert len(character["meshes"]) > 5
    assert [clip["name"] for clip in animation["animations"]][:3] == ["hello", "idle_1", "idle_2"]
    assert not {"images", "textures", "materials", "skins"} & set(animation)
    assert len(sample["animation.glb"]) < len(sample["character.glb"]) / 3


def test_groups_are_counted_in_the_order_of_the_file(sample: dict[str, bytes]) -> None:
    assert sizes(sample) == {"hello": 1, "idle": 2, "listen": 1, "speak": 3, "think": 1}
    names = [clip["name"] for clip in document_of(sample["animation.glb"])["animations"]]
    assert names == ["hello", "idle_1", "idle_2", "listen", "speak_1", "speak_2", "speak_3", "think"]


def test_package_loads_with_everything_bound(sample: dict[str, bytes]) -> None:
    asset = load_package(sample, name="Sample")
    assert [issue for issue in asset.issues if issue.severity.value != "info"] == []
    assert len(asset.clips) == 8
    assert {group: len(found) for group, found in asset.groups.items()} == sizes(sample)
    plain = load(SAMPLE)
    for one, other in zip(plain.clips, asset.clips, strict=True):
        assert {(c.node_name, c.path) for c in one.channels} == {(c.node_name, c.path) for c in other.channels}


def test_dropping_clips_keeps_geometry_and_pictures(sample: dict[str, bytes]) -> None:
    before, after = load(SAMPLE).avatar, load(sample["character.glb"]).avatar
    assert [image.data for image in after.images][: len(before.images)] == [image.data for image in before.images]
    for one, other in zip(before.meshes, after.meshes, strict=True):
        for p, q in zip(one.primitives, other.primitives, strict=True):
            np.testing.assert_array_equal(q.positions, p.positions)
            np.testing.assert_array_equal(q.indices, p.indices)
            for a, b in zip(p.targets, q.targets, strict=True):
                np.testing.assert_array_equal(b.positions, a.positions)
    assert len(sample["character.glb"]) < SAMPLE.stat().st_size


def factors(avatar) -> list[tuple[float, float, float]]:
    """Metalness and roughness of each material as drawn: factor times what its map says in the middle."""
    found = []
    for material in avatar.materials:
        metal, rough = material.metallic_factor, material.roughness_factor
        if material.metallic_roughness_texture is not None:
            image = avatar.images[avatar.textures[material.metallic_roughness_texture.texture].image]
            with Image.open(io.BytesIO(image.data)) as picture:
                pixels = np.asarray(picture.convert("RGB"), np.float64) / 255
            metal, rough = metal * pixels[..., 2].mean(), rough * pixels[..., 1].mean()
        found.append((metal, rough))
    return found


@pytest.mark.parametrize("name", ["sample", "brunette-t.glb", "RobotExpressive.glb", "Michelle.glb"])
def test_overridden_factors_draw_the_same(name: str, request: pytest.FixtureRequest) -> None:
    """The package's reader replaces every factor; what is drawn must stay what the file says."""
    path = SAMPLE if name == "sample" else request.getfixturevalue("shared") / "models" / "avatars" / name
    before = load(path).avatar
    after = load_package(package_files(path, name="x")).avatar
    np.testing.assert_allclose(factors(after)[: len(before.materials)], factors(before), atol=2.5 / 255)


def test_metalness_is_never_left_to_the_readers_default(sample: dict[str, bytes]) -> None:
    config = json.loads(sample["character.config.json"])
    assert config["physicalMaterialParams"]["metalness"] == 0
    assert config["projectionType"] == "perspective"
    for key in ("position", "rotation", "scale"):
        assert set(config[key]) == {"x", "y", "z"}


@pytest.mark.parametrize("name", ["sample", "brunette-t.glb", "Michelle.glb"])
def test_camera_holds_the_standing_figure(name: str, request: pytest.FixtureRequest) -> None:
    path = SAMPLE if name == "sample" else request.getfixturevalue("shared") / "models" / "avatars" / name
    asset = load_package(package_files(path, name="x"))
    assert asset.config is not None
    view = asset.config.view
    yfov = view.projection.yfov
    eye = np.array(view.eye)
    top = max(
        float(p.positions[:, 1].max()) * (0.01 if np.abs(p.positions).max() > 20 else 1)
        for mesh in asset.avatar.meshes
        for p in mesh.primitives
    )
    for height in (0.02, min(top, 1.9) - 0.02):
        angle = np.arctan2(height - eye[1], eye[2]) - np.arctan2(view.target[1] - eye[1], eye[2] - view.target[2])
        assert abs(angle) < yfov / 2
    assert 0.55 < (2 * np.arctan2(0.85, eye[2])) / yfov < 1.0  # and fills most of the picture


def test_a_file_without_clips_gets_made_ones(shared: Path) -> None:
    files = package_files(shared / "models" / "avatars" / "brunette-t.glb", name="Brunette")
    assert sizes(files) == {"hello": 1, "idle": 2, "listen": 1, "speak": 3, "think": 1}
    asset = load_package(files)
    assert {channel.path for channel in asset.clips[0].channels} == {"translation", "rotation", "weights"}


def test_own_clips_are_kept_and_gaps_filled(shared: Path) -> None:
    files = package_files(shared / "models" / "avatars" / "Michelle.glb", name="Michelle")
    names = [clip["name"] for clip in document_of(files["animation.glb"])["animations"]]
    assert names == ["hello", "SambaDance", "listen", "speak_1", "speak_2", "speak_3", "think"]
    assert "animations" not in document_of(files["character.glb"])
    assert len(files["character.glb"]) < 0.6 * (shared / "models" / "avatars" / "Michelle.glb").stat().st_size


def test_clips_are_sorted_by_their_names(shared: Path) -> None:
    files = package_files(shared / "models" / "avatars" / "RobotExpressive.glb", name="Robot")
    names = [clip["name"] for clip in document_of(files["animation.glb"])["animations"]]
    assert names[0] == "Wave"
    assert names[1] == "Idle"
    assert sizes(files)["hello"] == 1
    assert load_package(files).clips


def test_something_that_is_no_person_still_makes_a_package(shared: Path) -> None:
    files = package_files(shared / "models" / "khronos" / "Box.glb", name="Box")
    counts = sizes(files)
    assert counts["idle"] == 1
    assert counts["speak"] == 1
    asset = load_package(files)
    assert len(asset.clips) == 2


def test_bytes_and_path_give_the_same(sample: dict[str, bytes]) -> None:
    assert package_files(SAMPLE.read_bytes(), name="Sample") == sample


def test_background_is_a_portrait(sample: dict[str, bytes]) -> None:
    with Image.open(io.BytesIO(sample["background.png"])) as picture:
        assert picture.size == (720, 1280)
        rows = np.asarray(picture.convert("RGB"), np.float64).mean(axis=(1, 2))
    assert rows[0] > rows[-1]
    assert np.abs(np.diff(rows)).max() < 1.0


def test_surroundings_light_it_from_all_sides(sample: dict[str, bytes]) -> None:
    asset = load_package(sample)
    assert asset.environment is not None
    environment = environment_of(read_hdr(asset.environment))
    assert min(environment.horizon) > 0.3
    assert min(environment.sky) > min(environment.horizon) > max(environment.ground)


def test_weights_are_animated_only_where_there_is_something_to_weigh(sample: dict[str, bytes]) -> None:
    document = document_of(sample["animation.glb"])
    for clip in document["animations"]:
        for channel in clip["channels"]:
            if channel["target"]["path"] == "weights":
                mesh = document["meshes"][document["nodes"][channel["target"]["node"]]["mesh"]]
                assert mesh["primitives"][0]["mode"] == 0


def test_unused_bytes_of_clips_leave_the_file() -> None:
    """Accessors and views that only a clip used go; those shared with a mesh stay."""
    binary = bytes(range(48)) + bytes(48)
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 96}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 48},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "SCALAR"},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
        "animations": [
            {
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "translation"}}],
                "samplers": [{"input": 1, "output": 0}],
            }
        ],
    }
    stripped, _ = character_glb(pack_glb(document, binary))
    left = document_of(stripped)
    assert "animations" not in left
    assert len(left["accessors"]) == len(left["bufferViews"]) == 1
    assert left["buffers"] == [{"byteLength": 48}]
    assert stripped.endswith(bytes(range(48)))


@pytest.mark.parametrize("data", [b"", b"not a model at all", b"glTF" + bytes(30)])
def test_what_is_no_avatar_is_refused(data: bytes) -> None:
    with pytest.raises(AssetError) as caught:
        package_files(data, name="bad.glb")
    assert "bad.glb" in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError) as caught:
        package_files(tmp_path / "none.glb", name="x")
    assert "none.glb" in str(caught.value)

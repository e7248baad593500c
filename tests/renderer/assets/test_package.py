"""Avatar packages: open files, folders and zips."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.pose import Pose
from renderer.assets import Limits, load, load_package
from renderer.errors import AssetError


def zipped(files: dict[str, bytes], *, root: str = "avatar/") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(root + name, data)
    return stream.getvalue()


def code_of(source: Any, **options: Any) -> str:
    with pytest.raises(AssetError) as caught:
        load(source, **options) if not isinstance(source, dict) else load_package(source)
    return caught.value.code


def test_clips_are_bound_by_sanitised_name_and_the_rest_is_reported(files: dict[str, bytes]) -> None:
    asset = load_package(files, name="made")
    assert [clip.name for clip in asset.clips] == ["a", "b"]
    assert asset.groups["idle"] == (0,)
    assert asset.groups["speak"] == (1,)
    assert asset.groups["listen"] == (0,)
    assert [(channel.node, channel.node_name) for channel in asset.clips[0].channels] == [(0, "arm: L")]
    unbound = next(issue for issue in asset.issues if issue.code == "animation.unbound")
    assert "tail" in unbound.message


def test_a_package_moves_its_character(files: dict[str, bytes]) -> None:
    asset = load_package(files)
    pose = asset.player(group="speak").pose(0.5)
    # Half way up 4 metres; then doubled, turned a quarter about y, lifted by 1.
    assert np.allclose(pose.world(asset.avatar)[0] @ (1, 0, 0, 1), (0, 5, -2, 1), atol=1e-5)


def test_the_configuration_rules_every_material(files: dict[str, bytes]) -> None:
    asset = load_package(files)
    skin = asset.avatar.materials[0]
    assert (skin.roughness_factor, skin.metallic_factor, skin.emissive_factor) == (1.0, 1.0, (1.0, 1.0, 1.0))
    default = asset.avatar.materials[asset.avatar.meshes[0].primitives[0].material]
    assert default.roughness_factor == 1.0
    given = json.loads(files["character.config.json"])
    given["physicalMaterialParams"] = {"roughness": 0.5, "metalness": 0, "emissive": [0.5, 0.5, 0]}
    files["character.config.json"] = json.dumps(given).encode()
    skin = load_package(files).avatar.materials[0]
    assert (skin.roughness_factor, skin.metallic_factor, skin.emissive_factor) == (0.5, 0.0, (0.5, 0.5, 0.0))


@pytest.mark.parametrize("missing", ["character.glb", "animation.glb", "character.config.json", "motion.config.json"])
def test_a_missing_file_is_named(files: dict[str, bytes], missing: str) -> None:
    del files[missing]
    with pytest.raises(AssetError) as caught:
        load_package(files, name="made")
    assert caught.value.code == "package.missing"
    assert missing in caught.value.message


def test_a_sealed_package_is_not_taken_for_a_broken_one(files: dict[str, bytes]) -> None:
    files["character.glb.lm"] = files.pop("character.glb")
    assert code_of(files) == "archive.encrypted"


def test_an_error_names_the_file_inside(files: dict[str, bytes]) -> None:
    files["animation.glb"] = files["animation.glb"][:100]
    with pytest.raises(AssetError) as caught:
        load_package(files, name="made")
    assert (caught.value.code, caught.value.where) == ("glb.truncated", "made/animation.glb")


def test_folder_and_zip_hold_the_same_avatar(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    archive = tmp_path / "made.zip"
    archive.write_bytes(zipped(files))
    for source in (tmp_path, archive, zipped(files, root="")):
        asset = load(source)
        assert asset.config is not None
        assert asset.config.name == "made"
        assert len(asset.clips) == 2


def test_an_entry_without_a_name_is_refused() -> None:
    stream, entry = io.BytesIO(), zipfile.ZipInfo()
    entry.filename = ""
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", b"")
        archive.writestr(entry, b"")
    assert code_of(stream.getvalue()) == "archive.name"


def test_archives_that_lie(files: dict[str, bytes]) -> None:
    assert code_of(zipped(files)[:-30]) == "archive.malformed"
    assert code_of(zipped({"../../evil": b""})) == "archive.name"
    assert code_of(zipped({"x": b""}, root="/")) == "archive.name"
    assert code_of(zipped(files), limits=Limits(archive_bytes=1000)) == "archive.too-large"
    assert code_of(zipped({"a": bytes(10_000_000)}), limits=Limits(archive_bytes=1_000_000)) == "archive.too-large"
    assert code_of(zipped(files), limits=Limits(archive_entries=3)) == "archive.too-large"
    two = {"a/metaInfo.json": b"{}", "b/character.config.json": b"{}"}
    assert code_of(zipped(two, root="")) == "package.ambiguous"
    broken = bytearray(zipped(files))
    broken[60:120] = bytes(60)
    assert code_of(bytes(broken)) == "archive.malformed"


def test_a_zip_made_on_a_mac_is_read(files: dict[str, bytes]) -> None:
    names = {f"avatar/{name}": data for name, data in files.items()}
    assert load(zipped({"__MACOSX/metaInfo.json": b"x", **names}, root="")).config is not None


def test_backgrounds(files: dict[str, bytes]) -> None:
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0"
    assert load_package({**files, "background.png": png}).background == png
    broken = load_package({**files, "background.png": b"no picture", "metaInfo.json": b"no json"})
    assert broken.background is None
    assert {"package.background", "package.metainfo"} <= {issue.code for issue in broken.issues}


def test_the_rest_pose_is_untouched_by_playing(files: dict[str, bytes]) -> None:
    asset = load_package(files)
    before = Pose.rest(asset.avatar)
    asset.player().pose(0.7)
    assert np.array_equal(Pose.rest(asset.avatar).translations, before.translations)

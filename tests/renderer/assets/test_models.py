"""Real files: what loads, what is refused by name, and where their vertices are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.pose import Pose
from renderer.assets import load
from renderer.assets.compression.draco import available
from renderer.errors import UnsupportedAsset
from tests.renderer.skinning import posed_bounds

REFUSED = {
    "formats/draco/Box/Box.gltf": "KHR_draco_mesh_compression",
    "formats/draco/CesiumMan/CesiumMan.gltf": "KHR_draco_mesh_compression",
    "formats/draco/DracoSparseMesh.gltf": "KHR_draco_mesh_compression",
    "formats/draco/MorphPrimitivesTest/MorphPrimitivesTest.gltf": "KHR_draco_mesh_compression",
}
"""What a file requires that is not there yet."""

TURNED = ("avatars/Godette_vrm_v4.vrm", "avatars/cryptovoxels.vrm", "avatars/catbot.vrm")
"""VRM 0.x: they face -Z in the file and +Z once loaded."""

WARNINGS = {
    "avatars/facecap.glb": {"buffer.alignment"},
    "avatars/RobotExpressive.glb": {"skin.weights"},
    "avatars/nop.vrma": {"scene.empty"},
}
"""Files that other tools tolerate, and what they are told."""


def models(shared: Path) -> list[dict[str, Any]]:
    index = json.loads((shared / "models/INDEX.json").read_text(encoding="utf-8"))
    return [model for model in index["models"] if not model["path"].endswith(".ktx2")]


@pytest.mark.shared
def test_every_model_loads_or_is_refused_by_the_extension_it_requires(shared: Path) -> None:
    refused = {}
    for model in models(shared):
        try:
            asset = load(shared / "models" / model["path"])
        except UnsupportedAsset as error:
            refused[model["path"]] = error.message.removeprefix("the file requires ")
            continue
        facts, avatar = model["gltf"], asset.avatar
        extra = 1 if model["path"] in TURNED else 0
        assert len(avatar.nodes) - extra == facts["nodes"], model["path"]
        assert len(avatar.meshes) == facts["meshes"], model["path"]
        assert len(asset.clips) == len(facts["animations"]), model["path"]
        assert len(avatar.materials) == facts["materials"]["count"], model["path"]
        assert max((len(skin.joints) for skin in avatar.skins), default=0) == facts["max_joints_in_a_skin"]
        assert all(image.data for image in avatar.images), model["path"]
    assert refused == ({} if available() else REFUSED)


@pytest.mark.shared
def test_resting_vertices_are_where_a_reference_found_them(shared: Path) -> None:
    """Boxes of the index: float64, from another reader, after node transforms, skinning and default weights."""
    compared = 0
    for model in models(shared):
        stored = model["gltf"].get("static_bounds")
        if (model["path"] in REFUSED and not available()) or not stored:
            continue
        avatar = load(shared / "models" / model["path"]).avatar
        found = posed_bounds(avatar, Pose.rest(avatar))
        assert found is not None
        low, high = np.array(stored["min"]), np.array(stored["max"])
        if model["path"] in TURNED:
            low, high = np.array((-high[0], low[1], -high[2])), np.array((-low[0], high[1], -low[2]))
        # The index keeps five decimals; one sphere of TextureEncodingTest is 1e-3 wider by flat interpolation there.
        slack = 2e-5 if "TextureEncoding" not in model["path"] else 1e-3
        assert np.abs(found[0] - low).max() < slack, model["path"]
        assert np.abs(found[1] - high).max() < slack, model["path"]
        compared += 1
    assert compared > 60


@pytest.mark.shared
@pytest.mark.parametrize("path", sorted(WARNINGS))
def test_what_others_tolerate_is_drawn_with_a_warning(shared: Path, path: str) -> None:
    asset = load(shared / "models" / path)
    assert {issue.code for issue in asset.issues if issue.severity.value == "warning"} == WARNINGS[path]


@pytest.mark.shared
def test_a_quantised_file_equals_its_plain_twin(shared: Path) -> None:
    """Same meshes by name, same place within the quantisation step, in the rest pose and in a clip both have."""
    plain = load(shared / "models/avatars/RobotExpressive.glb")
    small = load(shared / "models/avatars/RobotExpressive-quantized.glb")
    common = {clip.name for clip in plain.clips} & {clip.name for clip in small.clips}
    assert "Walking" in common
    for clip in (None, "Walking", "Dance"):
        boxes = []
        for asset in (plain, small):
            pose = Pose.rest(asset.avatar) if clip is None else asset.player(clip=clip).pose(0.4)
            found = posed_bounds(asset.avatar, pose)
            assert found is not None
            boxes.append(np.concatenate(found))
        size = (boxes[0][3:] - boxes[0][:3]).max()
        assert np.abs(boxes[0] - boxes[1]).max() < 2e-3 * size, clip


@pytest.mark.shared
@pytest.mark.parametrize("name", ["BoxTextured", "SimpleSkin"])
def test_the_same_model_in_another_container_is_the_same(shared: Path, name: str) -> None:
    other = {"BoxTextured": "BoxTextured.glb", "SimpleSkin": "SimpleSkin/SimpleSkin.gltf"}[name]
    first = load(shared / "models/formats/embedded" / f"{name}.gltf").avatar
    second = load(shared / "models/khronos" / other).avatar
    for ours, theirs in zip(first.meshes, second.meshes, strict=True):
        for a, b in zip(ours.primitives, theirs.primitives, strict=True):
            assert np.array_equal(a.positions, b.positions)
            assert np.array_equal(np.concatenate(a.uvs) if a.uvs else 0, np.concatenate(b.uvs) if b.uvs else 0)
    assert [image.data for image in first.images] == [image.data for image in second.images]

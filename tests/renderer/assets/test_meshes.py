"""Primitives: what is added, normalised, left out or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.assets import Asset, load
from renderer.assets.shading import tangents_of
from renderer.errors import AssetError
from renderer.scene.mesh import Mode, Primitive
from renderer.scene.triangles import triangles


def codes(asset: Asset) -> set[str]:
    return {issue.code for issue in asset.issues}


def test_flat_normals_and_vertices_of_their_own(gltf: Any) -> None:
    positions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    indices = np.array([0, 1, 2, 0, 3, 1], np.uint8)
    deltas = np.array([[0, 0, 0], [0, 0, 0], [5, 0, 0], [0, 7, 0]], np.float32)
    gltf.show(
        {
            "attributes": {"POSITION": gltf.add(positions)},
            "indices": gltf.add(indices),
            "targets": [{"POSITION": gltf.add(deltas)}],
        }
    )
    asset = load(gltf.glb())
    primitive = asset.avatar.meshes[0].primitives[0]
    assert primitive.indices is None
    assert primitive.positions.tolist() == positions[indices].tolist()
    assert primitive.normals is not None
    assert primitive.normals.tolist() == [[0, 0, 1]] * 3 + [[0, 1, 0]] * 3
    assert primitive.targets[0].positions is not None
    assert primitive.targets[0].positions.tolist() == deltas[indices].tolist()
    assert "mesh.flat-normals" in codes(asset)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.TRIANGLES, [[0, 1, 2]]),
        (Mode.TRIANGLE_STRIP, [[0, 1, 2], [1, 3, 2], [2, 3, 4]]),
        (Mode.TRIANGLE_FAN, [[1, 2, 0], [2, 3, 0], [3, 4, 0]]),
    ],
)
def test_triangles_of_each_mode(mode: Mode, expected: list[list[int]]) -> None:
    primitive = Primitive(positions=np.zeros((5, 3), np.float32), mode=mode)
    found = triangles(primitive)
    assert found is not None
    assert found.tolist() == expected


def test_weights_are_normalised_and_eight_influences_read(gltf: Any) -> None:
    gltf.json["skins"] = [{"joints": [1, 2]}]
    joints = np.array([[0, 1, 0, 0]] * 3, np.uint8)
    first = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0]], np.float32)
    second = np.array([[2, 0, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0]], np.float32)
    gltf.show(
        gltf.triangle(
            JOINTS_0=gltf.add(joints), WEIGHTS_0=gltf.add(first), JOINTS_1=gltf.add(joints), WEIGHTS_1=gltf.add(second)
        )
    )
    gltf.json["nodes"] = [{"mesh": 0, "skin": 0}, {}, {}]
    asset = load(gltf.glb())
    primitive = asset.avatar.meshes[0].primitives[0]
    assert primitive.weights is not None
    assert primitive.weights.tolist() == [
        [0.25, 0.25, 0, 0, 0.5, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0.5, 0, 0, 0, 0.5, 0, 0, 0],
    ]
    assert [i.code for i in asset.issues if i.severity.value == "warning"] == ["skin.weights"]


def test_influences_of_joints_that_do_not_exist_are_dropped(gltf: Any) -> None:
    gltf.json["skins"] = [{"joints": [0]}]
    joints = np.array([[0, 9, 0, 0]] * 3, np.uint16)
    weights = np.array([[0.5, 0.5, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]], np.float32)
    gltf.show(gltf.triangle(JOINTS_0=gltf.add(joints), WEIGHTS_0=gltf.add(weights)))
    gltf.json["nodes"] = [{"mesh": 0, "skin": 0}]
    asset = load(gltf.glb())
    primitive = asset.avatar.meshes[0].primitives[0]
    assert primitive.joints is not None
    assert primitive.weights is not None
    assert primitive.joints.max() == 0
    assert primitive.weights.tolist() == [[1, 0, 0, 0]] * 3
    assert "skin.joint-range" in codes(asset)


def test_indices_beyond_the_vertices_lose_their_triangles(gltf: Any) -> None:
    normals = gltf.add(np.array([[0, 0, 1]] * 3, np.float32))
    primitive = gltf.triangle(NORMAL=normals)
    gltf.show({**primitive, "indices": gltf.add(np.array([0, 1, 2, 2, 1, 3, 2, 1, 0, 1], np.uint32))})
    asset = load(gltf.glb())
    found = asset.avatar.meshes[0].primitives[0].indices
    assert found is not None
    assert found.tolist() == [0, 1, 2, 2, 1, 0]
    assert {"mesh.index-range", "mesh.index-count"} <= codes(asset)


def test_numbers_that_are_none(gltf: Any) -> None:
    positions = np.array([[0, np.nan, 0], [np.inf, 0, 0], [0, 1, -np.inf]], np.float32)
    normals = np.array([[0, 0, 3], [0, 0, 0], [0, np.nan, 1]], np.float32)
    gltf.show({"attributes": {"POSITION": gltf.add(positions), "NORMAL": gltf.add(normals)}})
    asset = load(gltf.glb())
    primitive = asset.avatar.meshes[0].primitives[0]
    assert primitive.positions.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert primitive.normals is not None
    assert primitive.normals.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert {"mesh.non-finite", "mesh.normals"} <= codes(asset)


def test_colours_get_an_alpha(gltf: Any) -> None:
    colors = np.array([[255, 0, 51], [0, 255, 0], [0, 0, 0]], np.uint8)
    padded = np.concatenate((colors, np.zeros((3, 1), np.uint8)), axis=1)
    index = gltf.add(padded)
    gltf.json["accessors"][index] |= {"type": "VEC3", "normalized": True}
    gltf.json["bufferViews"][index]["byteStride"] = 4
    gltf.show(gltf.triangle(COLOR_0=index))
    found = load(gltf.glb()).avatar.meshes[0].primitives[0].colors
    assert found is not None
    assert found.tolist() == [[1, 0, pytest.approx(0.2), 1], [0, 1, 0, 1], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda g, p: g.show(), "mesh.no-primitives"),
        (lambda g, p: g.show({**p, "mode": 7}), "mesh.mode"),
        (lambda g, p: g.show(p, {**p, "targets": [{}]}), "mesh.targets"),
        (
            lambda g, p: g.show({**p, "attributes": {**p["attributes"], "NORMAL": g.add(np.ones((2, 3), np.float32))}}),
            "mesh.count",
        ),
        (lambda g, p: g.show({**p, "indices": g.add(np.zeros(3, np.float32))}), "accessor.type"),
        (lambda g, p: g.show({"attributes": {"POSITION": 99}}), "reference.range"),
    ],
)
def test_refused(gltf: Any, change: Any, code: str) -> None:
    change(gltf, gltf.triangle())
    with pytest.raises(AssetError) as caught:
        load(gltf.glb())
    assert caught.value.code == code


def test_morph_targets_keep_their_places_and_lose_their_zeros(gltf: Any) -> None:
    deltas = gltf.add(np.array([[1, 0, 0]] * 3, np.float32))
    zeros = gltf.add(np.zeros((3, 3), np.float32))
    short = gltf.add(np.ones((2, 3), np.float32))
    gltf.show(
        {**gltf.triangle(), "targets": [{"POSITION": zeros}, {"POSITION": deltas}, {"POSITION": short}]},
        weights=[0.5],
        extras={"targetNames": ["a", "b"]},
    )
    asset = load(gltf.glb())
    mesh = asset.avatar.meshes[0]
    assert [target.positions is None for target in mesh.primitives[0].targets] == [True, False, True]
    assert mesh.target_names == ("a", "b", "")
    assert mesh.weights.tolist() == [0.5, 0, 0]
    assert {"mesh.target-count", "mesh.target-names", "mesh.weights-count"} <= codes(asset)


def test_tangents_agree_with_those_that_a_modelling_tool_wrote(shared: Path) -> None:
    primitive = load(shared / "models/khronos/NormalTangentMirrorTest.glb").avatar.meshes[0].primitives[0]
    stored = primitive.tangents
    assert stored is not None
    made = tangents_of(primitive, uv_set=0)
    assert made is not None
    cosine = np.einsum("ij,ij->i", made[:, :3], stored[:, :3])
    assert (made[:, 3] == stored[:, 3]).mean() > 0.999
    assert (cosine > 0.99).mean() > 0.98
    assert primitive.normals is not None
    assert np.abs(np.einsum("ij,ij->i", made[:, :3], primitive.normals)).max() < 1e-5
    assert np.abs(np.linalg.norm(made[:, :3], axis=1) - 1).max() < 1e-5


def test_a_quad_facing_the_viewer_has_the_textbook_tangent() -> None:
    """glTF counts v from the top: with u to the right and v down, the bitangent must come out as up."""
    quad = Primitive(
        positions=np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32),
        normals=np.array([[0, 0, 1]] * 4, np.float32),
        uvs=(np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32),),
        indices=np.array([0, 1, 2, 0, 2, 3], np.uint32),
    )
    found = tangents_of(quad, uv_set=0)
    assert found is not None
    assert np.allclose(found, [[1, 0, 0, 1]] * 4)
    mirrored = Primitive(
        positions=quad.positions,
        normals=quad.normals,
        uvs=(quad.uvs[0] * np.float32((-1, 1)),),
        indices=quad.indices,
    )
    found = tangents_of(mirrored, uv_set=0)
    assert found is not None
    assert np.allclose(found, [[-1, 0, 0, -1]] * 4)

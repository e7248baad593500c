"""What is written reads back the same, the same bytes each time."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.assets import load
from renderer.assets.glb_writer import pack_glb, write_glb
from renderer.errors import AssetError
from renderer.scene import AlphaMode, Avatar, Material, Mesh, MorphTarget, Node, Primitive, Skin


def node(name: str, *, parent: int = -1, children: tuple[int, ...] = (), mesh: int = -1, skin: int = -1) -> Node:
    return Node(
        name=name,
        parent=parent,
        children=children,
        translation=np.array([0.25, 0.5, -1.0], np.float32),
        rotation=np.array([0.0, 0.6, 0.0, 0.8], np.float32),
        scale=np.array([1.0, 2.0, 1.0], np.float32),
        mesh=mesh,
        skin=skin,
    )


def small_avatar() -> Avatar:
    rng = np.random.default_rng(4)
    count = 40
    moves = np.zeros((count, 3), np.float32)
    moves[7] = (0.1, -0.2, 0.3)
    dense = rng.normal(size=(count, 3)).astype(np.float32)
    weights = rng.uniform(0, 1, (count, 4)).astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    normals = rng.normal(size=(count, 3))
    primitive = Primitive(
        positions=rng.normal(size=(count, 3)).astype(np.float32),
        normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
        uvs=(rng.uniform(0, 1, (count, 2)).astype(np.float32),),
        colors=rng.uniform(0, 1, (count, 4)).astype(np.float32),
        joints=rng.integers(0, 2, (count, 4)).astype(np.uint16),
        weights=weights,
        indices=rng.integers(0, count, 30).astype(np.uint32),
        material=0,
        targets=(
            MorphTarget(positions=moves),
            MorphTarget(positions=dense, normals=moves),
            MorphTarget(positions=np.zeros_like(moves)),
        ),
    )
    material = Material(
        name="m",
        base_color_factor=(0.25, 0.5, 0.75, 0.5),
        metallic_factor=0.0,
        roughness_factor=0.3,
        alpha_mode=AlphaMode.MASK,
        alpha_cutoff=0.4,
        double_sided=True,
        emissive_factor=(0.1, 0.2, 0.3),
    )
    inverse = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    inverse[1, :3, 3] = (1.0, 2.0, 3.0)
    mesh = Mesh(
        name="mesh", primitives=(primitive,), weights=np.array([0, 0.5, 0], np.float32), target_names=("a", "b", "c")
    )
    return Avatar(
        name="small",
        nodes=(node("root", children=(1,)), node("joint", parent=0), node("body", mesh=0, skin=0)),
        roots=(0, 2),
        order=(0, 1, 2),
        meshes=(mesh,),
        materials=(material,),
        skins=(Skin(name="s", joints=np.array([0, 1], np.int32), inverse_bind=inverse, skeleton=0),),
    )


def small_clip() -> Clip:
    times = np.array([0.0, 0.5, 2.0], np.float32)
    turns = np.array([[0, 0, 0, 1], [0, 0.6, 0, 0.8], [0.8, 0, 0, -0.6]], np.float32)
    linear = Interpolation.LINEAR
    moves = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    return Clip(
        name="clip",
        duration=2.0,
        channels=(
            Channel(node=1, node_name="joint", path="rotation", interpolation=linear, times=times, values=turns),
            Channel(
                node=0,
                node_name="root",
                path="translation",
                interpolation=Interpolation.CUBICSPLINE,
                times=times,
                values=moves,
            ),
            Channel(
                node=2,
                node_name="body",
                path="weights",
                interpolation=linear,
                times=times,
                values=np.array([[0, 0.5, 1], [0.25, 0, 0], [1, 1, 1]], np.float32),
            ),
        ),
    )


@pytest.mark.parametrize("compact", [True, False])
def test_reads_back_the_same(compact: bool) -> None:
    avatar, clip = small_avatar(), small_clip()
    asset = load(write_glb(avatar, clips=[clip], compact=compact))
    assert asset.issues == ()
    step = 1 / 255 if compact else 0.0
    (before,), (after,) = avatar.meshes[0].primitives, asset.avatar.meshes[0].primitives
    for name in ("positions", "normals", "indices", "joints"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), err_msg=name)
    np.testing.assert_allclose(after.uvs[0], before.uvs[0], atol=step / 100 + 1e-7)
    np.testing.assert_allclose(after.colors, before.colors, atol=step / 2 + 1e-7)
    np.testing.assert_allclose(after.weights, before.weights, atol=step + 1e-7)
    np.testing.assert_allclose(after.weights.sum(axis=1), 1.0, atol=1e-6)
    for one, other in zip(before.targets, after.targets, strict=True):
        np.testing.assert_array_equal(np.zeros((40, 3)) if other.positions is None else other.positions, one.positions)
    np.testing.assert_array_equal(after.targets[1].normals, before.targets[1].normals)
    assert asset.avatar.meshes[0].target_names == ("a", "b", "c")
    np.testing.assert_array_equal(asset.avatar.meshes[0].weights, avatar.meshes[0].weights)
    assert asset.avatar.materials[0] == avatar.materials[0]
    np.testing.assert_array_equal(asset.avatar.skins[0].inverse_bind, avatar.skins[0].inverse_bind)
    for one, other in zip(avatar.nodes, asset.avatar.nodes, strict=True):
        assert (one.name, one.parent, one.children, one.mesh, one.skin) == (
            *(other.name, other.parent, other.children),
            *(other.mesh, other.skin),
        )
        np.testing.assert_array_equal(other.translation, one.translation)
        np.testing.assert_array_equal(other.rotation, one.rotation)
        np.testing.assert_array_equal(other.scale, one.scale)
    (read,) = asset.clips
    assert (read.name, read.duration) == ("clip", 2.0)
    for one_key, other_key in zip(clip.channels, read.channels, strict=True):
        assert (one_key.node, one_key.path, one_key.interpolation) == (
            *(other_key.node, other_key.path),
            other_key.interpolation,
        )
        np.testing.assert_allclose(other_key.values, one_key.values, atol=1e-4 if compact else 0)


def test_same_input_same_bytes() -> None:
    assert write_glb(small_avatar(), clips=[small_clip()]) == write_glb(small_avatar(), clips=[small_clip()])


def test_compact_is_smaller_and_sparse_targets_cost_what_moves() -> None:
    avatar = small_avatar()
    assert len(write_glb(avatar)) < len(write_glb(avatar, compact=False))
    data = write_glb(avatar)
    document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    targets = document["meshes"][0]["primitives"][0]["targets"]
    accessors = document["accessors"]
    assert accessors[targets[0]["POSITION"]]["sparse"]["count"] == 1
    assert "sparse" not in accessors[targets[1]["POSITION"]]
    still = accessors[targets[2]["POSITION"]]
    assert "sparse" not in still
    assert "bufferView" not in still


def test_container_is_aligned() -> None:
    data = pack_glb({"asset": {"version": "2.0"}, "x": "é"}, b"abc")
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<II", data, 12)
    assert (size % 4, kind) == (0, 0x4E4F534A)
    assert struct.unpack_from("<II", data, 20 + size) == (4, 0x004E4942)


def test_arrays_that_do_not_fit_are_refused() -> None:
    avatar = small_avatar()
    primitive = avatar.meshes[0].primitives[0]
    short = replace(primitive, normals=primitive.normals[:-1])
    few = replace(primitive, targets=primitive.targets[:1])
    broken = primitive.positions.copy()
    broken[3, 1] = np.nan
    for wrong, code in (
        (short, "glb_writer.counts"),
        (few, "glb_writer.targets"),
        (replace(primitive, positions=broken), "glb_writer.not_finite"),
    ):
        meshes = (replace(avatar.meshes[0], primitives=(wrong,)),)
        with pytest.raises(AssetError) as caught:
            write_glb(replace(avatar, meshes=meshes))
        assert caught.value.code == code


def test_a_clip_of_a_node_that_is_not_there_is_refused() -> None:
    clip = small_clip()
    stray = replace(clip, channels=(replace(clip.channels[0], node=99),))
    with pytest.raises(AssetError) as caught:
        write_glb(small_avatar(), clips=[stray])
    assert caught.value.code == "glb_writer.node"

"""Poses: rest is rest, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.pose import Pose
from renderer.assets import load
from renderer.maths import compose
from renderer.scene import Primitive, Skin
from tests.renderer.skinning import morphed_positions, posed_bounds, skin_matrices, skinned_positions


@pytest.mark.shared
@pytest.mark.parametrize("name", ["brunette-t.glb", "Michelle.glb", "Godette_vrm_v4.vrm"])
def test_a_skin_in_its_bind_pose_moves_nothing(shared: Path, name: str) -> None:
    """With each joint where its inverse bind matrix was taken, every matrix is the identity and every vertex stays."""
    avatar = load(shared / "models/avatars" / name).avatar
    for skin in avatar.skins:
        world = np.zeros((len(avatar.nodes), 4, 4), np.float32)
        world[skin.joints] = np.linalg.inv(skin.inverse_bind.astype(np.float64))
        avatar_skins = skin_matrices(avatar, world)
        matrices = next(m for m, s in zip(avatar_skins, avatar.skins, strict=True) if s is skin)
        assert np.abs(matrices - np.eye(4)).max() < 1e-4
        for index, node in enumerate(avatar.nodes):
            if node.mesh < 0 or node.skin < 0 or avatar.skins[node.skin] is not skin:
                continue
            assert index >= 0
            for primitive in avatar.meshes[node.mesh].primitives:
                moved = skinned_positions(primitive, primitive.positions, matrices)
                assert np.abs(moved - primitive.positions).max() < 1e-4


def test_a_vertex_between_two_joints_goes_half_way(make: Any) -> None:
    skin = Skin(name="", joints=np.array([0, 1], np.int32), inverse_bind=np.array([np.eye(4)] * 2, np.float32))
    avatar = make.avatar(make.node(), make.node(), skins=[skin])
    pose = Pose.rest(avatar)
    pose.translations[1] = (0, 4, 0)
    primitive = Primitive(
        positions=np.array([[1, 0, 0]] * 3, np.float32),
        joints=np.array([[0, 1, 0, 0]] * 3, np.uint16),
        weights=np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 1, 0, 0]], np.float32),
    )
    moved = skinned_positions(primitive, primitive.positions, skin_matrices(avatar, pose.world(avatar))[0])
    assert moved.tolist() == [[1, 0, 0], [1, 2, 0], [1, 4, 0]]


def test_morph_weight_zero_is_no_morph_and_weights_add_up(make: Any) -> None:
    primitive = make.face("a", "b").primitives[0]
    assert morphed_positions(primitive, np.zeros(2, np.float32)) is primitive.positions
    assert morphed_positions(primitive, np.array([1, 0.5], np.float32)).tolist() == [[2, 2, 2]] * 3


def test_rest_takes_a_nodes_own_weights_before_its_meshs(make: Any) -> None:
    mesh = make.face("a")
    mesh.weights[:] = 0.25
    own = make.node(mesh=0)
    own.weights = np.array([0.75], np.float32)
    pose = Pose.rest(make.avatar(own, make.node(mesh=0), meshes=[mesh]))
    assert [pose.weights[0].tolist(), pose.weights[1].tolist()] == [[0.75], [0.25]]
    pose.weights[1][:] = 1
    assert mesh.weights.tolist() == [0.25]


def test_world_matrices_of_a_shuffled_tree_equal_products_along_each_path(make: Any) -> None:
    rng = np.random.default_rng(7)
    order = rng.permutation(40)
    parents = {int(order[i]): int(order[rng.integers(0, i)]) if i > 2 else -1 for i in range(40)}
    nodes = [make.node(parent=parents[i], children=[c for c, p in parents.items() if p == i]) for i in range(40)]
    avatar = make.avatar(*nodes)
    pose = Pose.rest(avatar)
    pose.translations[:] = rng.normal(size=(40, 3))
    pose.rotations[:] = rng.normal(size=(40, 4))
    pose.rotations /= np.linalg.norm(pose.rotations, axis=1, keepdims=True)
    pose.scales[:] = rng.uniform(0.5, 1.5, size=(40, 3))
    local = compose(pose.translations, pose.rotations, pose.scales).astype(np.float64)
    found = pose.world(avatar)
    for i in range(40):
        expected, at = local[i], parents[i]
        while at >= 0:
            expected, at = local[at] @ expected, parents[at]
        assert np.allclose(found[i], expected, atol=1e-4)


def test_bounds_count_only_vertices_that_are_drawn(make: Any) -> None:
    mesh = make.face()
    mesh.primitives[0].positions = np.array([[0, 0, 0], [1, 2, 3], [99, 99, 99]], np.float32)
    mesh.primitives[0].indices = np.array([0, 1, 1], np.uint32)
    avatar = make.avatar(make.node(mesh=0), meshes=[mesh])
    found = posed_bounds(avatar, Pose.rest(avatar))
    assert found is not None
    assert [found[0].tolist(), found[1].tolist()] == [[0, 0, 0], [1, 2, 3]]
    empty = make.avatar(make.node())
    assert posed_bounds(empty, Pose.rest(empty)) is None


def test_a_copy_is_its_own(make: Any) -> None:
    avatar = make.avatar(make.node(mesh=0), meshes=[make.face("a")])
    pose = Pose.rest(avatar)
    other = pose.copy()
    other.translations += 1
    other.weights[0] += 1
    assert not pose.translations.any()
    assert not pose.weights[0].any()
    pose.assign(other)
    assert np.array_equal(pose.translations, other.translations)
    assert pose.weights[0] is not other.weights[0]
    assert pose.weights[0].tolist() == [1]

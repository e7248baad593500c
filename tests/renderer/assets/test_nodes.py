"""The hierarchy: scenes, transforms, cycles, parents."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from renderer.animation.pose import Pose
from renderer.assets import Asset, load
from renderer.errors import AssetError


def document(**parts: Any) -> bytes:
    return json.dumps({"asset": {"version": "2.0"}, **parts}).encode()


def codes(asset: Asset) -> set[str]:
    return {issue.code for issue in asset.issues}


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        ([{"children": [1]}, {"children": [0]}], "node.cycle"),
        ([{"children": [0]}], "node.cycle"),
        ([{}, {"children": [2]}, {"children": [3]}, {"children": [1]}], "node.cycle"),
        ([{"children": [2]}, {"children": [2]}, {}], "node.two-parents"),
        ([{"children": [1, 1]}, {}], "node.two-parents"),
        ([{"children": [5]}], "reference.range"),
        ([{"mesh": 0}], "reference.range"),
        ([{"skin": 0}], "reference.range"),
    ],
)
def test_refused(nodes: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(AssetError) as caught:
        load(document(nodes=nodes))
    assert caught.value.code == code


def test_a_chain_as_deep_as_allowed_is_no_trouble() -> None:
    nodes: list[dict[str, Any]] = [{"children": [i + 1], "translation": [0, 1, 0]} for i in range(4999)]
    asset = load(document(nodes=[*nodes, {}], scenes=[{"nodes": [0]}]))
    world = Pose.rest(asset.avatar).world(asset.avatar)
    assert world[4999, 1, 3] == 4999
    assert asset.avatar.order == tuple(range(5000))


@pytest.mark.parametrize(
    ("parts", "roots", "order"),
    [
        ({"scenes": [{"nodes": [0]}, {"nodes": [2]}], "scene": 1}, (2,), (2,)),
        ({"scenes": [{"nodes": [0]}, {"nodes": [2]}]}, (0,), (0, 1)),
        ({}, (0, 2), (0, 1, 2)),
        ({"scenes": [{"nodes": [2]}], "scene": 9}, (2,), (2,)),
        ({"scenes": [{"nodes": [0, 1, 2, 0]}]}, (0, 1, 2), (0, 1, 2)),
    ],
)
def test_which_scene_is_drawn(parts: dict[str, Any], roots: tuple[int, ...], order: tuple[int, ...]) -> None:
    asset = load(document(nodes=[{"children": [1]}, {}, {}], **parts))
    assert (asset.avatar.roots, asset.avatar.order) == (roots, order)


def test_world_transforms_chain_from_the_root() -> None:
    nodes = [
        {"children": [1], "translation": [1, 0, 0], "rotation": [0, 0, 0.7071067811865476, 0.7071067811865476]},
        {"children": [2], "scale": [2, 2, 2]},
        {"matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 3, 0, 0, 1]},
    ]
    asset = load(document(nodes=nodes))
    world = Pose.rest(asset.avatar).world(asset.avatar)
    # 3 along x, doubled, turned a quarter about z, moved by 1 along x.
    assert np.allclose(world[2] @ (0, 0, 0, 1), (1, 6, 0, 1), atol=1e-6)
    assert asset.avatar.nodes[2].matrix is None


def test_a_sheared_matrix_is_kept_as_it_is() -> None:
    shear = np.array([[1, 0.5, 0, 3], [0, 1, 0, 2], [0, 0, 1, 1], [0, 0, 0, 1]], np.float32)
    asset = load(document(nodes=[{"matrix": shear.T.reshape(-1).tolist()}]))
    assert np.array_equal(Pose.rest(asset.avatar).world(asset.avatar)[0], shear)


@pytest.mark.parametrize(
    ("node", "code"),
    [
        ({"matrix": [1.0] * 15}, "node.transform"),
        ({"translation": [1e39, 0, 0]}, "node.transform"),
        ({"rotation": [0, 0, 0, 2]}, "node.rotation"),
        ({"rotation": [0, 0, 0, 0]}, "node.rotation"),
        ({"camera": 4}, "node.reference"),
        ({"extensions": {"KHR_lights_punctual": {"light": 3}}}, "node.reference"),
        ({"translation": [1, 0, 0], "matrix": np.eye(4).reshape(-1).tolist()}, "node.matrix-and-trs"),
    ],
)
def test_odd_nodes_are_the_identity_with_a_warning(node: dict[str, Any], code: str) -> None:
    asset = load(document(nodes=[node]))
    assert np.array_equal(Pose.rest(asset.avatar).world(asset.avatar)[0], np.eye(4))
    assert code in codes(asset)


def test_more_lights_than_shine_are_told() -> None:
    def lights(count: int) -> set[str]:
        nodes = [{"extensions": {"KHR_lights_punctual": {"light": 0}}} for _ in range(count)]
        document = {
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": list(range(count))}],
            "nodes": nodes,
            "extensionsUsed": ["KHR_lights_punctual"],
            "extensions": {"KHR_lights_punctual": {"lights": [{"type": "point"}]}},
        }
        return {issue.code for issue in load(json.dumps(document).encode()).issues}

    assert "light.many" not in lights(8)
    assert "light.many" in lights(9)

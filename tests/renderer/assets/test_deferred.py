"""What loading leaves for later: nothing that could refuse the file, and nothing that is forgotten."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.clip import Clip
from renderer.assets import Asset, accessors, clips, load, meshes, primitives
from renderer.errors import AssetError


def animated(**changes: Any) -> bytes:
    """A node with one translation channel of two keys; ``changes`` go into the values' accessor."""
    data = np.array([0, 1, 1, 2, 3, 4, 5, 6], "<f4").tobytes()
    values = {"bufferView": 0, "byteOffset": 8, "componentType": 5126, "count": 2, "type": "VEC3", **changes}
    document = {
        "asset": {"version": "2.0"},
        "nodes": [{}],
        "buffers": [{"byteLength": 32, "uri": "data:;base64," + base64.b64encode(data).decode()}],
        "bufferViews": [{"buffer": 0, "byteLength": 32}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 2, "type": "SCALAR"}, values],
        "animations": [
            {
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "translation"}}],
                "samplers": [{"input": 0, "output": 1}],
            }
        ],
    }
    return json.dumps(document).encode()


def test_clips_are_read_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Clip] = []
    original = clips._Reader.clip
    monkeypatch.setattr(clips._Reader, "clip", lambda *a, **k: read.append(original(*a, **k)) or read[-1])
    asset = load(animated())
    assert read == []
    assert asset.clips[0].channels[0].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert asset.clips is asset.clips
    assert len(read) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"count": 3}, "accessor.range"),
        ({"bufferView": 4}, "reference.range"),
        ({"type": "VEC9"}, "accessor.type"),
        ({"bufferView": None, "count": 1 << 40}, "limit.exceeded"),
        ({"sparse": {"count": 9, "indices": {"bufferView": 0, "componentType": 5125}, "values": {"bufferView": 0}}},
         "accessor.sparse"),
    ],
)  # fmt: skip
def test_keys_that_cannot_be_read_refuse_the_file_at_once(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(AssetError) as caught:
        load(animated(**changes))
    assert caught.value.code == code


def test_to_ask_for_the_issues_is_to_read_the_clips() -> None:
    asset = load(animated(type="VEC2"))
    assert "animation.values" in {issue.code for issue in asset.issues}
    assert asset.clips[0].channels == ()


def morphing(gltf: Any, **target: Any) -> bytes:
    """A triangle with one target; ``target`` goes into its accessor."""
    deltas = gltf.add(np.array([[0, 1, 0], [0, 0, 0], [0, 0, 2]], np.float32), **target)
    gltf.show({**gltf.triangle(), "targets": [{"POSITION": deltas}]}, extras={"targetNames": ["up"]})
    return bytes(gltf.glb())


def test_targets_are_read_when_they_are_asked_for(gltf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = primitives.PrimitiveReader._target
    monkeypatch.setattr(primitives.PrimitiveReader, "_target", lambda *a: read.append(1) or original(*a))
    primitive = load(morphing(gltf)).avatar.meshes[0].primitives[0]
    assert read == []
    assert primitive.targets[0].positions is not None
    assert primitive.targets[0].positions.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 2]]
    assert read == [1]


@pytest.mark.parametrize(("target", "code"), [({"count": 9}, "accessor.range"), ({"bufferView": 7}, "reference.range")])
def test_targets_that_cannot_be_read_refuse_the_file_at_once(gltf: Any, target: dict[str, Any], code: str) -> None:
    with pytest.raises(AssetError) as caught:
        load(morphing(gltf, **target))
    assert caught.value.code == code


def test_to_ask_for_the_issues_is_to_read_targets_and_rig(gltf: Any) -> None:
    gltf.json["extensions"] = {"VRMC_vrm": {"expressions": {"preset": {"happy": {"morphTargetBinds": [{"node": 5}]}}}}}
    found = {issue.code for issue in load(morphing(gltf, count=2)).issues}
    assert {"mesh.target-count", "vrm.bind"} <= found


@pytest.mark.shared
def test_tangents_are_computed_once_where_primitives_share_arrays(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    original = meshes.tangents_of
    monkeypatch.setattr(meshes, "tangents_of", lambda *a, **k: made.append(original(*a, **k)) or made[-1])
    asset = load(shared / "models/avatars/brunette-t.glb")
    assert made == []
    primitives = [primitive for mesh in asset.avatar.meshes for primitive in mesh.primitives]
    mapped = [p for p in primitives if p.tangents is not None]
    assert 0 < len(made) <= len(mapped) < len(primitives)
    assert all(any(p.tangents is tangents for tangents in made) for p in mapped)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["brunette-t.glb", "facecap.glb", "Godette_vrm_v4.vrm", "catbot.vrm"])
def test_targets_read_together_are_those_read_one_by_one(
    shared: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def targets(asset: Asset) -> list[Any]:
        return [
            (target.positions, target.normals, target.tangents)
            for mesh in asset.avatar.meshes
            for primitive in mesh.primitives
            for target in primitive.targets
        ]

    path = shared / "models/avatars" / name
    together = load(path)
    monkeypatch.setattr(accessors.Accessors, "stacks", lambda *_: iter(()))
    alone = load(path)
    assert [(i.code, i.count) for i in together.issues] == [(i.code, i.count) for i in alone.issues]
    pairs = list(zip(targets(together), targets(alone), strict=True))
    assert len(pairs) >= 15
    for one, other in pairs:
        for a, b in zip(one, other, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_array_equal(a, b)
                assert a.flags.c_contiguous
                assert not a.flags.writeable


def test_clips_may_share_rotations_and_use_more_or_fewer_of_them(gltf: Any) -> None:
    turns = gltf.add(np.array([[0, 0, 0, 1], [0, 0.6, 0, 0.8], [0, 2, 0, 0]], np.float32))
    times = [gltf.add(np.arange(count, dtype=np.float32)) for count in (2, 3)]
    gltf.json["nodes"] = [{}, {}]
    gltf.json["animations"] = [
        {
            "samplers": [{"input": time, "output": turns} for time in times],
            "channels": [{"sampler": i, "target": {"node": i, "path": "rotation"}} for i in range(2)],
        }
    ]
    first, second = load(gltf.glb()).clips[0].channels
    assert (len(first.values), len(second.values)) == (2, 3)
    assert second.values[2].tolist() == [0, 1, 0, 0]

"""Clips of one file on the nodes of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.retarget import retarget, sanitised
from renderer.animation.sampler import ClipSampler
from renderer.assets import load


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mixamorig:Hips", "mixamorigHips"), ("Bone.001", "Bone001"), ("a b\tc", "a_b_c"), ("[x]/y", "xy"), ("手", "手")],
)
def test_names(name: str, expected: str) -> None:
    assert sanitised(name) == expected


def weights(values: Any, node: int = 0) -> Channel:
    return Channel(
        node=node,
        node_name="head",
        path="weights",
        interpolation=Interpolation.LINEAR,
        times=np.array([0], np.float32),
        values=np.array([values], np.float32),
    )


def test_morph_weights_are_matched_by_name(make: Any) -> None:
    source = make.avatar(make.node("head", mesh=0), meshes=[make.face("a", "b", "c")])
    target = make.avatar(make.node(), make.node("head", mesh=0), meshes=[make.face("c", "new", "a")])
    found = retarget([Clip(name="x", duration=0.0, channels=(weights([1, 2, 3]),))], source=source, target=target)
    channel = found.clips[0].channels[0]
    assert (channel.node, channel.values.tolist()) == (1, [[3, 0, 1]])


def test_unnamed_targets_are_taken_over_when_their_number_is_the_same(make: Any) -> None:
    source = make.avatar(make.node("head", mesh=0), meshes=[make.face("", "")])
    clips = [Clip(name="x", duration=0.0, channels=(weights([1, 2]),))]
    same = make.avatar(make.node("head", mesh=0), meshes=[make.face("", "")])
    other = make.avatar(make.node("head", mesh=0), meshes=[make.face("", "", "")])
    assert retarget(clips, source=source, target=same).clips[0].channels[0].values.tolist() == [[1, 2]]
    missed = retarget(clips, source=source, target=other)
    assert (missed.clips[0].channels, missed.unbound) == ((), ("head",))


@pytest.mark.shared
def test_a_file_onto_itself_changes_nothing(shared: Path) -> None:
    asset = load(shared / "models/avatars/Michelle.glb")
    found = retarget(asset.clips, source=asset.avatar, target=asset.avatar)
    assert found.unbound == ()
    for ours, theirs in zip(found.clips, asset.clips, strict=True):
        first, second = asset.player(clip=0).pose(0).copy(), asset.player(clip=0).pose(0).copy()
        ClipSampler(ours).apply(first, 1.0)
        ClipSampler(theirs).apply(second, 1.0)
        assert np.array_equal(first.rotations, second.rotations)

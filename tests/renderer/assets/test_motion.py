"""Clips of another file on an avatar: VRM animations, humanoids of other names, and plain names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from renderer.animation.pose import Pose
from renderer.assets import load, with_motion
from renderer.assets.glb_writer import write_glb
from renderer.errors import AssetError
from renderer.sample import sample_avatar


@pytest.mark.shared
def test_the_vrm_animation_that_does_nothing(shared: Path) -> None:
    """nop.vrma holds every bone at rest: on any VRM the body stays as it is."""
    motion = load(shared / "models/avatars/nop.vrma")
    for name in ("vrm1-Example.vrm", "Godette_vrm_v4.vrm"):
        asset = load(shared / "models/avatars" / name)
        moved = with_motion(asset, motion)
        assert len(moved.clips) == 1
        assert {channel.path for channel in moved.clips[0].channels} <= {"rotation", "translation"}
        assert len(moved.clips[0].channels) > 10
        rest = Pose.rest(asset.avatar).world(asset.avatar)
        world = moved.player(clip=0, blink=False).pose(0.0).world(moved.avatar)
        for bone in ("leftHand", "rightFoot", "head"):
            node = asset.avatar.humanoid[bone]
            np.testing.assert_allclose(world[node, :3, 3], rest[node, :3, 3], atol=0.01, err_msg=f"{name} {bone}")


@pytest.mark.shared
def test_a_humanoid_whose_nodes_are_called_otherwise(shared: Path) -> None:
    """The sample waves on Ready Player Me's and on VRM's skeleton: the right hand goes above the shoulder."""
    motion = load(sample_avatar(), name="sample")
    for name in ("brunette-t.glb", "vrm1-Example.vrm"):
        asset = load(shared / "models/avatars" / name)
        moved = with_motion(asset, motion)
        assert [clip.name for clip in moved.clips] == [clip.name for clip in motion.clips]
        world = moved.player(clip="hello", blink=False).pose(1.5).world(moved.avatar)
        at = {bone: world[node, :3, 3] for bone, node in asset.avatar.humanoid.items()}
        assert at["rightHand"][1] > at["rightUpperArm"][1] + 0.05
        assert at["leftHand"][1] < at["hips"][1] + 0.1


def test_the_same_names_are_simply_bound() -> None:
    asset = load(sample_avatar(), name="sample")
    moved = with_motion(asset, load(write_glb(asset.avatar, clips=asset.clips[:2]), name="two"))
    assert [clip.name for clip in moved.clips] == ["hello", "idle_1"]
    assert {c.path for clip in moved.clips for c in clip.channels} == {"rotation", "translation", "weights"}
    assert moved.groups == {}


def test_clips_that_fit_nowhere_are_refused() -> None:
    stranger = load(json.dumps({"asset": {"version": "2.0"}, "nodes": [{"name": "cube"}]}).encode())
    with pytest.raises(AssetError) as caught:
        with_motion(stranger, load(sample_avatar(), name="sample"))
    assert caught.value.code == "clip.unknown"

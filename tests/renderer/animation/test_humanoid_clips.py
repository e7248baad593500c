"""Made clips: they fit any humanoid, move what they should, and close into loops."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from renderer.animation.clip import Clip
from renderer.animation.gestures import GROUPS, motions
from renderer.animation.humanoid import humanoid_clips
from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.assets import load
from renderer.sample import SAMPLE
from renderer.scene import Avatar

COUNTS = {"hello": 1, "idle": 2, "listen": 1, "speak": 3, "think": 1}
STRANGERS = ("brunette-t.glb", "Michelle.glb", "Godette_vrm_v4.vrm", "vrm1-Example.vrm")


@cache
def avatar_of(path: Path) -> Avatar:
    return load(path).avatar


@pytest.fixture(params=["sample", *STRANGERS])
def avatar(request: pytest.FixtureRequest) -> Avatar:
    if request.param == "sample":
        return avatar_of(SAMPLE)
    return avatar_of(request.getfixturevalue("shared") / "models" / "avatars" / request.param)


def posed(avatar: Avatar, clip: Clip, time: float) -> Pose:
    pose = Pose.rest(avatar)
    ClipSampler(clip).apply(pose, time)
    return pose


def places(avatar: Avatar, clip: Clip, time: float) -> dict[str, np.ndarray]:
    """World position of every bone."""
    world = posed(avatar, clip, time).world(avatar)
    return {name: world[node][:3, 3] for name, node in avatar.humanoid.items()}


MADE: dict[int, tuple[Avatar, dict[str, Clip]]] = {}
"""Clips by the avatar's identity, which is kept alive with them."""


def clips_by_name(avatar: Avatar) -> dict[str, Clip]:
    if id(avatar) not in MADE:
        MADE[id(avatar)] = avatar, {c.name: c for clips in humanoid_clips(avatar).values() for c in clips}
    return MADE[id(avatar)][1]


def test_every_group_has_its_clips(avatar: Avatar) -> None:
    assert {group: len(clips) for group, clips in humanoid_clips(avatar).items()} == COUNTS


def test_one_group_alone_is_the_same_as_among_all() -> None:
    avatar = avatar_of(SAMPLE)
    (alone,) = humanoid_clips(avatar, groups=["think"])["think"]
    assert list(humanoid_clips(avatar, groups=["think"])) == ["think"]
    for one, other in zip(alone.channels, clips_by_name(avatar)["think"].channels, strict=True):
        assert one.node == other.node
        np.testing.assert_array_equal(one.values, other.values)


def test_clips_close_into_loops(avatar: Avatar) -> None:
    for clip in clips_by_name(avatar).values():
        for channel in clip.channels:
            first, last = channel.values[0], channel.values[-1]
            if channel.path == "rotation":
                last = last * np.sign(np.dot(first, last))
            np.testing.assert_allclose(last, first, atol=4e-3, err_msg=f"{clip.name} {channel.node_name}")
            assert channel.times[0] == 0.0
            assert channel.times[-1] == pytest.approx(clip.duration)


def test_keys_are_finite_rising_and_of_unit_length(avatar: Avatar) -> None:
    for clip in clips_by_name(avatar).values():
        for channel in clip.channels:
            assert np.isfinite(channel.values).all()
            assert (np.diff(channel.times) > 0).all()
            if channel.path == "rotation":
                np.testing.assert_allclose(np.linalg.norm(channel.values, axis=1), 1.0, atol=1e-5)
                # neighbours lie on the same side, so that even a plain mix takes the short way
                assert (np.sum(channel.values[1:] * channel.values[:-1], axis=1) > 0).all()


def test_idle_arms_hang(avatar: Avatar) -> None:
    """Whatever the resting pose, the hands end up well below the shoulders and near the hips' width."""
    for time in (0.0, 2.0, 5.0):
        at = places(avatar, clips_by_name(avatar)["idle_1"], time)
        for side in ("left", "right"):
            arm = at[f"{side}Hand"] - at[f"{side}UpperArm"]
            assert arm[1] / np.linalg.norm(arm) < -0.85


def test_wave_raises_the_right_hand_alone(avatar: Avatar) -> None:
    at = places(avatar, clips_by_name(avatar)["hello"], 1.6)
    assert at["rightHand"][1] > at["rightUpperArm"][1] + 0.4 * np.linalg.norm(at["rightHand"] - at["rightLowerArm"])
    assert at["leftHand"][1] < at["leftUpperArm"][1]


def test_wave_goes_from_side_to_side() -> None:
    avatar = avatar_of(SAMPLE)
    clip = clips_by_name(avatar)["hello"]
    aside = [places(avatar, clip, time)["rightHand"][0] for time in np.arange(1.1, 2.4, 0.05)]
    turns = np.sum(np.diff(np.sign(np.diff(aside))) != 0)
    assert turns >= 3
    assert np.ptp(aside) > 0.05


def palm(avatar: Avatar, clip: Clip, time: float, side: str) -> np.ndarray:
    """Where the palm faces, for an avatar whose palms face down when its arms are brought to the sides."""
    rest, now = Pose.rest(avatar).world(avatar), posed(avatar, clip, time).world(avatar)
    elbow, hand = avatar.humanoid[f"{side}LowerArm"], avatar.humanoid[f"{side}Hand"]
    along = rest[hand][:3, 3] - rest[elbow][:3, 3]
    ahead = np.array([0.0, 0.0, 1.0])
    down = np.cross(along, ahead)
    down *= -np.sign(down[1]) / np.linalg.norm(down)
    return now[hand][:3, :3] @ np.linalg.inv(rest[hand][:3, :3]) @ down


def test_palms_face_people(avatar: Avatar) -> None:
    """Waving: ahead. Explaining: up. Hanging: to the thighs."""
    clips = clips_by_name(avatar)
    assert palm(avatar, clips["hello"], 1.7, "right")[2] > 0.5
    assert palm(avatar, clips["speak_1"], 1.6, "right")[1] > 0.2
    assert palm(avatar, clips["speak_2"], 2.0, "left")[1] > 0.2
    assert palm(avatar, clips["idle_1"], 0.0, "left")[0] < -0.7
    assert palm(avatar, clips["idle_1"], 0.0, "right")[0] > 0.7


def test_thinking_hand_comes_to_the_chin(avatar: Avatar) -> None:
    at = places(avatar, clips_by_name(avatar)["think"], 2.5)
    arm = np.linalg.norm(at["rightHand"] - at["rightLowerArm"])
    assert abs(at["rightHand"][0] - at["head"][0]) < arm
    assert at["rightUpperArm"][1] - 0.3 * arm < at["rightHand"][1] < at["head"][1] + 0.35 * arm


def test_feet_stay_where_they_stand(avatar: Avatar) -> None:
    rest = Pose.rest(avatar).world(avatar)
    for clip in clips_by_name(avatar).values():
        for time in np.linspace(0, clip.duration, 7):
            world = posed(avatar, clip, float(time)).world(avatar)
            for bone in ("leftFoot", "rightFoot"):
                node = avatar.humanoid[bone]
                assert np.linalg.norm(world[node][:3, 3] - rest[node][:3, 3]) < 0.006
                np.testing.assert_allclose(world[node][:3, :3], rest[node][:3, :3], atol=0.02)


def test_head_moves_when_listening() -> None:
    avatar = avatar_of(SAMPLE)
    clip = clips_by_name(avatar)["listen"]
    node = avatar.humanoid["head"]
    nods = [posed(avatar, clip, t).world(avatar)[node][1, 2] for t in np.arange(0, clip.duration, 0.1)]
    assert np.ptp(nods) > 0.06  # of the head's Z axis' height: about four degrees


def test_speech_moves_jaw_and_lips_and_idle_blinks(avatar: Avatar) -> None:
    faces = [mesh for mesh in avatar.meshes if "jawOpen" in mesh.target_names]
    if not faces:
        pytest.skip("this avatar has no ARKit shapes")
    clips = clips_by_name(avatar)

    def peak(clip: Clip, name: str) -> float:
        tops = [
            channel.values[:, avatar.meshes[avatar.nodes[channel.node].mesh].target_names.index(name)].max()
            for channel in clip.channels
            if channel.path == "weights" and name in avatar.meshes[avatar.nodes[channel.node].mesh].target_names
        ]
        return float(max(tops))

    for name in ("speak_1", "speak_2", "speak_3"):
        assert 0.2 < peak(clips[name], "jawOpen") < 0.8
        assert peak(clips[name], "mouthFunnel") > 0.1
        assert peak(clips[name], "mouthPressLeft") > 0.1
    for name in ("idle_1", "idle_2"):
        assert peak(clips[name], "eyeBlinkLeft") > 0.9
        assert peak(clips[name], "jawOpen") < 0.01
    assert peak(clips["hello"], "mouthSmileLeft") > 0.4


def test_one_weight_drives_every_mesh_that_has_it(shared: Path) -> None:
    avatar = avatar_of(shared / "models" / "avatars" / "brunette-t.glb")
    holders = {i for i, node in enumerate(avatar.nodes) if node.mesh >= 0 and avatar.meshes[node.mesh].target_names}
    speak = clips_by_name(avatar)["speak_1"]
    assert {channel.node for channel in speak.channels if channel.path == "weights"} == holders
    assert len(holders) == 4


def test_a_different_roll_of_the_bones_changes_nothing_in_the_world() -> None:
    """The same skeleton with every bone's own axes turned: the same places in the world."""
    avatar = avatar_of(SAMPLE)
    rolled = with_roll(avatar)
    for name in ("hello", "think", "speak_2"):
        one = places(avatar, clips_by_name(avatar)[name], 1.7)
        other = places(rolled, clips_by_name(rolled)[name], 1.7)
        for bone, place in one.items():
            np.testing.assert_allclose(other[bone], place, atol=2e-3, err_msg=f"{name} {bone}")


def with_roll(avatar: Avatar) -> Avatar:
    """Every bone turned by a quarter about its own X; its children and their places turned back."""
    half = np.float32(np.sqrt(0.5))
    roll = np.array([half, 0, 0, half], np.float32)
    back = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)  # the quarter undone
    bones = set(avatar.humanoid.values())
    nodes = []
    for index, node in enumerate(avatar.nodes):
        if index in bones:
            under = node.parent in bones
            nodes.append(
                structs.replace(
                    node,
                    rotation=np.array([0, 0, 0, 1], np.float32) if under else roll,
                    translation=back @ node.translation if under else node.translation,
                )
            )
        else:
            nodes.append(node)
    return replace(avatar, nodes=tuple(nodes))


def test_without_bones_the_face_still_moves() -> None:
    avatar = replace(avatar_of(SAMPLE), humanoid={})
    groups = humanoid_clips(avatar)
    assert list(groups) == list(COUNTS)
    assert {channel.path for clips in groups.values() for clip in clips for channel in clip.channels} == {"weights"}


def test_without_bones_and_face_there_are_no_clips(shared: Path) -> None:
    assert humanoid_clips(load(shared / "models" / "khronos" / "Box.glb").avatar) == {}


def test_curves_are_smooth() -> None:
    """No joint angle jumps from one instant (1/20 s) to the next: at most as fast as a brisk gesture."""
    for group in GROUPS:
        for motion in motions(group):
            for rows in (motion.left, motion.right):
                assert np.abs(np.diff(rows[:, :3], axis=0)).max() < 0.24, motion.name
            for name, rows in motion.trunk.items():
                assert np.abs(np.diff(rows, axis=0)).max() < 0.05, (motion.name, name)


def test_bones_outside_the_drawn_scene_are_moved_all_the_same() -> None:
    whole = avatar_of(SAMPLE)
    avatar = replace(whole, roots=(), order=())
    assert {g: len(c) for g, c in humanoid_clips(avatar).items()} == {
        g: len(c) for g, c in humanoid_clips(whole).items()
    }

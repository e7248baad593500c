"""The player: which clip, which face, and nothing left to chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.blink import EVERY, LENGTH, eyelids
from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.player import Player
from renderer.assets import load
from renderer.errors import AssetError
from renderer.scene import Avatar


def rising(name: str, seconds: float, *, base: float = 0.0) -> Clip:
    """Moves node 0 along x from ``base`` by one metre per second."""
    channel = Channel(
        node=0,
        node_name="",
        path="translation",
        interpolation=Interpolation.LINEAR,
        times=np.array([0, seconds], np.float32),
        values=np.array([[base, 0, 0], [base + seconds, 0, 0]], np.float32),
    )
    return Clip(name=name, duration=seconds, channels=(channel,))


CLIPS = (rising("Wave", 1.0), rising("Idle_A", 2.0, base=10), rising("Talk", 4.0, base=20))


@pytest.fixture
def avatar(make: Any) -> Avatar:
    made: Avatar = make.avatar(make.node(mesh=0), meshes=[make.face("eyeBlink_L", "eyeBlink_R", "jawOpen")])
    return made


def x(player: Player, time: float) -> float:
    return float(player.pose(time).translations[0, 0])


@pytest.mark.parametrize(
    ("options", "playing"),
    [
        ({}, ("Idle_A",)),
        ({"clip": "Talk"}, ("Talk",)),
        ({"clip": "wave"}, ("Wave",)),
        ({"clip": 2}, ("Talk",)),
        ({"clip": "2"}, ("Talk",)),
        ({"group": "speak", "groups": {"speak": (2, 0)}}, ("Talk", "Wave")),
        ({"groups": {"idle": (0,)}}, ("Wave",)),
        ({"clip": "Talk", "group": "idle", "groups": {"idle": (0,)}}, ("Talk",)),
    ],
)
def test_what_is_played(avatar: Avatar, options: dict[str, Any], playing: tuple[str, ...]) -> None:
    assert Player(avatar=avatar, clips=CLIPS, **options).playing == playing


def test_without_an_idle_clip_the_longest_plays_and_without_clips_the_rest_pose(avatar: Avatar) -> None:
    assert Player(avatar=avatar, clips=(CLIPS[0], CLIPS[2])).playing == ("Talk",)
    player = Player(avatar=avatar)
    assert (player.playing, player.duration, x(player, 5)) == ((), 0, 0)


def test_a_group_is_played_in_turn_again_and_again(avatar: Avatar) -> None:
    player = Player(avatar=avatar, clips=CLIPS, group="g", groups={"g": (0, 1)})
    assert player.duration == 3
    found = [x(player, time) for time in (0.5, 1.5, 2.5, 3.5, -0.5)]
    assert found == pytest.approx([0.5, 10.5, 11.5, 0.5, 11.5])
    once = Player(avatar=avatar, clips=CLIPS, group="g", groups={"g": (0, 1)}, loop=False)
    assert [x(once, time) for time in (-1, 9)] == pytest.approx([0, 12])


@pytest.mark.parametrize(
    ("options", "code"),
    [({"clip": "Dance"}, "clip.unknown"), ({"clip": 3}, "clip.unknown"), ({"group": "x"}, "clip.unknown"),
     ({"expressions": {"grin": 1}}, "expression.unknown"), ({"expressions": {"tongueOut": 1}}, "expression.unknown")],
)  # fmt: skip
def test_unknown_names(avatar: Avatar, options: dict[str, Any], code: str) -> None:
    with pytest.raises(AssetError) as caught:
        Player(avatar=avatar, clips=CLIPS, **options)
    assert caught.value.code == code
    assert caught.value.hint


def test_expressions_are_held_and_adjusted(avatar: Avatar) -> None:
    player = Player(avatar=avatar, expressions={"jawOpen": 0.25}, blink=False)
    assert player.pose(3).weights[0].tolist() == [0, 0, 0.25]
    motion = {"jawOpen": lambda v: v * 2 + 0.1}
    player = Player(
        avatar=avatar, expressions={"jawOpen": 0.25}, blink=False, adjust=lambda n, v: motion.get(n, float)(v)
    )
    assert player.pose(3).weights[0].tolist() == pytest.approx([0, 0, 0.6])


def test_a_clip_moves_the_face_but_for_the_channels_that_the_avatar_shifts(avatar: Avatar) -> None:
    driven = Channel(
        node=0,
        node_name="",
        path="weights",
        interpolation=Interpolation.LINEAR,
        times=np.array([0, 1], np.float32),
        values=np.full((2, 3), 0.5, np.float32),
    )
    clip = Clip(name="face", duration=1.0, channels=(driven,))
    scaled = Player(avatar=avatar, clips=(clip,), adjust=lambda _, value: value * 2)
    assert scaled.pose(0.5).weights[0].tolist() == [0.5, 0.5, 0.5]
    shifted = Player(avatar=avatar, clips=(clip,), adjust=lambda n, v: v + (0.25 if n == "jawOpen" else 0.0))
    assert shifted.pose(0.5).weights[0].tolist() == [0.5, 0.5, 0.25]


def test_both_eyes_blink_about_every_four_seconds(avatar: Avatar) -> None:
    player = Player(avatar=avatar, seed=5)
    times = np.arange(0, 40, 1 / 60)
    lids = np.array([player.pose(float(time)).weights[0].copy() for time in times])
    assert np.array_equal(lids[:, 0], lids[:, 1])
    closed = lids[:, 0] > 0.99
    assert np.count_nonzero(np.diff(closed.astype(int)) == 1) == 10
    assert 0.05 < (lids[:, 0] > 0).mean() < 0.1


def test_eyes_that_something_else_moves_do_not_blink(avatar: Avatar) -> None:
    held = Player(avatar=avatar, expressions={"eyeBlinkLeft": 0.5})
    assert {tuple(held.pose(i / 20).weights[0].tolist()) for i in range(200)} == {(0.5, 0, 0)}
    driven = Channel(
        node=0,
        node_name="",
        path="weights",
        interpolation=Interpolation.LINEAR,
        times=np.array([0, 1], np.float32),
        values=np.full((2, 3), 0.125, np.float32),
    )
    clip = Clip(name="face", duration=1.0, channels=(driven,))
    player = Player(avatar=avatar, clips=(clip,))
    assert {tuple(player.pose(i / 20).weights[0].tolist()) for i in range(200)} == {(0.125,) * 3}


def test_blinks_are_the_same_for_the_same_seed_in_any_order() -> None:
    times = [i / 30 for i in range(900)]
    forward = [eyelids(time, seed=1) for time in times]
    assert [eyelids(time, seed=1) for time in reversed(times)] == forward[::-1]
    assert [eyelids(time, seed=2) for time in times] != forward
    assert eyelids(0.0, seed=1) == 0
    assert max(eyelids(EVERY * 3 + i * LENGTH / 50, seed=9) for i in range(700)) > 0.999


@pytest.mark.shared
def test_the_same_time_gives_the_same_pose_whatever_came_before(shared: Path) -> None:
    asset = load(shared / "models/avatars/RobotExpressive.glb")
    player = asset.player(clip="Dance")
    first = player.pose(1.25).copy()
    for time in (0.0, 3.0, 2.2):
        player.pose(time)
    again = player.pose(1.25)
    assert np.array_equal(first.rotations, again.rotations)
    assert np.array_equal(first.translations, again.translations)
    assert all(np.array_equal(first.weights[node], again.weights[node]) for node in first.weights)

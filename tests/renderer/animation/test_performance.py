"""States by a timetable, and clips told by their names."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.groups import groups_by_name
from renderer.animation.overlay import FaceOverlay
from renderer.animation.performance import Cue, Performance, evenly
from renderer.animation.states import StateMachine


def clip(name: str, seconds: float, x: float) -> Clip:
    """Holds node 0 at ``x`` metres."""
    channel = Channel(
        node=0,
        node_name="",
        path="translation",
        interpolation=Interpolation.LINEAR,
        times=np.array([0, seconds], np.float32),
        values=np.array([[x, 0, 0]] * 2, np.float32),
    )
    return Clip(name=name, duration=seconds, channels=(channel,))


def performance(make: Any, *cues: Cue, overlay: FaceOverlay | None = None) -> Performance:
    clips = [clip("idle", 3, 0), clip("listen", 4, 1), clip("speak", 5, 2), clip("speak", 5, 2)]
    avatar = make.avatar(make.node(mesh=0), meshes=[make.face("eyeBlinkLeft", "eyeBlinkRight", "jawOpen")])
    return Performance(
        avatar=avatar,
        machine=lambda: StateMachine(avatar=avatar, clips=clips, groups=groups_by_name(clips), rng=random.Random(3)),
        cues=cues,
        overlay=overlay or FaceOverlay(avatar, expressions={"jawOpen": 0.5}),
    )


def test_cues_share_the_time() -> None:
    assert evenly(("Idle", "Thinking", "Idle"), 6) == (
        Cue(time=0, state="Idle"),
        Cue(time=2, state="Thinking"),
        Cue(time=4, state="Idle"),
    )


def test_states_follow_the_timetable(make: Any) -> None:
    made = performance(make, Cue(time=2, state="Responding"), Cue(time=1, state="Listening"))
    where = {time: float(made.pose(time).translations[0, 0]) for time in (0.0, 0.95, 1.25, 1.6, 1.95, 2.25, 2.6)}
    assert where == pytest.approx({0: 0, 0.95: 0, 1.25: 0.5, 1.6: 1, 1.95: 1, 2.25: 1.5, 2.6: 2}, abs=0.04)
    assert made.playing[0].startswith("speak")
    assert made.duration == 2


def test_poses_do_not_depend_on_how_often_they_are_asked_for(make: Any) -> None:
    cues = evenly(("Listening", "Responding"), 12)
    often, seldom, back = (performance(make, *cues) for _ in range(3))
    for frame in range(330):
        often.pose(frame / 30)
    back.pose(11.9)
    for other in (seldom, back):
        np.testing.assert_array_equal(other.pose(11.0).translations, often.pose(11.0).translations)
        assert other.playing == often.playing


def test_the_face_is_laid_over(make: Any) -> None:
    made = performance(make)
    assert all(made.pose(time).weights[0][2] == 0.5 for time in (0, 1))
    lids = [made.pose(frame / 30).weights[0][:2].copy() for frame in range(120)]
    assert max(float(lid.min()) for lid in lids) > 0.9
    assert min(float(lid.max()) for lid in lids) == 0


def test_clips_are_told_by_their_names() -> None:
    names = ["Wave", "Idle_2", "standing|Breathing", "TalkA", "HeadThinking", "Jump", "listenLong", "swallow"]
    assert groups_by_name([clip(name, 1, 0) for name in names]) == {
        "hello": (0,),
        "idle": (1, 2),
        "speak": (3,),
        "think": (4,),
        "listen": (6,),
    }


def test_the_longest_clip_stands_in_for_idle() -> None:
    assert groups_by_name([clip("A", 1, 0), clip("B", 3, 0), clip("C", 2, 0)]) == {"idle": (1,)}
    assert groups_by_name([]) == {}

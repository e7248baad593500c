"""The five states, frame by frame, beside the timeline that was measured on the vendor's client."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.live2d import live2d_values
from renderer.animation.mixer import Mixer
from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.animation.states import StateMachine

STEP = 1 / 30


def clip(seconds: float, x: float = 0.0) -> Clip:
    """Holds node 0 at ``x`` metres."""
    channel = Channel(
        node=0,
        node_name="",
        path="translation",
        interpolation=Interpolation.LINEAR,
        times=np.array([0, seconds], np.float32),
        values=np.array([[x, 0, 0]] * 2, np.float32),
    )
    return Clip(name=f"{seconds}", duration=seconds, channels=(channel,))


def machine(make: Any, sizes: dict[str, int], *, chained: tuple[str, ...] = (), seed: int = 1) -> StateMachine:
    """Clips of 1.0, 1.1, 1.2, ... seconds dealt out to the groups in order."""
    groups, begin = {}, 0
    for name, size in sizes.items():
        groups[name] = tuple(range(begin, begin + size))
        begin += size
    return StateMachine(
        avatar=make.avatar(make.node()),
        clips=[clip(1 + i / 10, float(i)) for i in range(begin)],
        groups=groups,
        chained=frozenset(chained),
        rng=random.Random(seed),
    )


def run(found: StateMachine, until: float, start: float = 0.0) -> list[tuple[float, tuple[str, ...]]]:
    """What is seen, whenever it changes, with the time."""
    seen = [(start, found.playing)]
    frame = round(start / STEP)
    while frame * STEP < until:
        found.advance(STEP)
        frame += 1
        if found.playing != seen[-1][1]:
            seen.append((frame * STEP, found.playing))
    return seen


def test_the_measured_timeline(make: Any) -> None:
    """Changes come within a tenth of a second of the vendor's, whose new state starts two frames late."""
    found = machine(
        make, {"hello": 0, "pad": 1, "idle": 1, "listen": 3, "speak": 2, "think": 3}, chained=("listen", "think")
    )
    seen = run(found, 1.5)
    found.request("Listening")
    seen += run(found, 5.5, 1.5)
    found.request("Thinking")
    seen += run(found, 9.5, 5.5)
    expected = [
        (0.0, {"idle0"}),
        (1.57, {"idle0", "listen0"}),
        (2.07, {"listen0"}),
        (2.27, {"listen0", "listen1"}),
        (2.77, {"listen1"}),
        (5.53, {"listen1", "listen2", "think0"}),
        (6.07, {"think0"}),
        (6.73, {"think0", "think1"}),
        (7.23, {"think1"}),
    ]
    kept = [seen[0]] + [now for before, now in pairwise(seen) if now[1] != before[1]]
    assert [set(names) for _, names in kept] == [names for _, names in expected]
    assert [time for time, _ in kept] == pytest.approx([time for time, _ in expected], abs=0.11)


def test_hello_comes_first_and_only_once(make: Any) -> None:
    found = machine(make, {"hello": 1, "idle": 1})
    seen = [names for _, names in run(found, 20)]
    assert seen == [("hello0",), ("hello0", "idle0"), ("idle0",)]


def test_every_idle_clip_gets_its_turn(make: Any) -> None:
    found = machine(make, {"idle": 3})
    shown = {name for _, names in run(found, 60) for name in names}
    assert shown == {"idle0", "idle1", "idle2"}


def test_speaking_never_repeats_a_clip_and_prefers_none(make: Any) -> None:
    firsts: Counter[str] = Counter()
    for seed in range(400):
        found = machine(make, {"idle": 1, "speak": 4}, seed=seed)
        found.request("Responding")
        firsts[found.playing[-1]] += 1
    assert min(firsts.values()) > 70
    found = machine(make, {"idle": 1, "speak": 4})
    found.request("Responding")
    alone = [names[0] for _, names in run(found, 60) if len(names) == 1]
    assert len(alone) > 30
    assert all(a != b for a, b in pairwise(alone))


def test_a_single_speak_clip_goes_on_at_full_weight(make: Any) -> None:
    found = machine(make, {"idle": 1, "speak": 1})
    found.request("Responding")
    found.advance(1.0)
    for _ in range(300):
        found.advance(STEP)
        assert found.pose().translations[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("state", ["Listening", "Responding", "Thinking"])
def test_a_group_without_clips_falls_back_on_idle(make: Any, state: str) -> None:
    found = machine(make, {"idle": 2})
    found.request(state)
    found.advance(10)
    assert found.state == state
    assert found.pose().translations[0, 0] in (0.0, 1.0) or len(found.playing) == 2


@pytest.mark.parametrize("state", ["StandBy", "None", "Dancing"])
def test_states_without_clips_freeze_the_last_pose(make: Any, state: str) -> None:
    found = machine(make, {"idle": 1, "speak": 2})
    found.request("Responding")
    found.advance(1.0)
    before = found.playing
    found.request(state)
    found.advance(30.0)
    assert found.playing == before[-1:]
    found.request("Idle")
    found.advance(1.0)
    assert found.playing == ("idle0",)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_chains_of_any_size(make: Any, size: int) -> None:
    found = machine(make, {"idle": 1, "think": size}, chained=("think",))
    found.advance(1.0)
    found.request("Thinking")
    shown = Counter(name for _, names in run(found, 30) for name in names if name.startswith("think"))
    last = f"think{size - 1}"
    assert "think0" in shown
    assert (last in shown) == (size < 3)
    assert set(shown) <= {f"think{i}" for i in range(size)}


def test_no_clips_at_all_is_the_rest_pose(make: Any) -> None:
    found = machine(make, {})
    for state in ("Listening", "Responding", "StandBy", "Idle"):
        found.request(state)
        found.advance(1.0)
    assert found.playing == ()
    assert found.pose().translations.tolist() == [[0, 0, 0]]


def test_a_fade_is_a_straight_line_of_half_a_second(make: Any) -> None:
    mixer = Mixer(Pose.rest(make.avatar(make.node())))
    mixer.start("a", ClipSampler(clip(2.0, 0.0)), repeat=True)
    mixer.advance(1.0)
    mixer.start("b", ClipSampler(clip(2.0, 8.0)), repeat=True)
    found = []
    for _ in range(5):
        found.append(float(mixer.pose().translations[0, 0]))
        mixer.advance(0.125)
    assert found == pytest.approx([0, 2, 4, 6, 8])
    assert [track.label for track in mixer.tracks] == ["b"]


def test_three_clips_at_once_never_leave_the_range_between_them(make: Any) -> None:
    mixer = Mixer(Pose.rest(make.avatar(make.node())))
    for x in (5.0, 6.0, 7.0):
        mixer.start("", ClipSampler(clip(2.0, x)), repeat=True)
        mixer.advance(0.2)
    for _ in range(20):
        assert 5.0 <= mixer.pose().translations[0, 0] <= 7.0 or sum(t.weight for t in mixer.tracks) < 1
        mixer.advance(0.05)
    assert mixer.pose().translations[0, 0] == 7.0


def test_the_measured_live2d_example() -> None:
    values = {
        "mouthSmileLeft": 0.6, "mouthSmileRight": 0.4, "mouthDimpleLeft": 0.1, "mouthPucker": 0.3, "jawOpen": 0.8,
        "mouthClose": 0.1, "mouthRollUpper": 0.5, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3,
        "mouthShrugUpper": 0.2, "mouthFunnel": 0.25, "eyeBlinkLeft": 1.0,
    }  # fmt: skip
    found = live2d_values(values)
    expected = {
        "l2MouthFormR": 0.7, "l2MouthOpen": 0.65, "l2MouthFunnel": 0.25, "l2MouthShrug": 0.2,
        "l2MouthPuckerWidenR": 0.25, "l2EyeBlinkLeft": 1.0,
    }  # fmt: skip
    assert len(found) == 13
    assert {name: value for name, value in found.items() if value > 1e-9} == pytest.approx(expected)
    assert live2d_values({})["l2MouthFormR"] == 0.5

"""Clips against values computed by hand or by the formulas of glTF's appendix C written out in float64."""

from __future__ import annotations

import math
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.animation.clip import Channel, Clip, Interpolation, Path
from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.assets import load


def channel(
    path: Path, times: Any, values: Any, *, node: int = 0, kind: Interpolation = Interpolation.LINEAR
) -> Channel:
    return Channel(
        node=node,
        node_name="",
        path=path,
        interpolation=kind,
        times=np.array(times, np.float32),
        values=np.array(values, np.float32),
    )


def at(make: Any, time: float, *channels: Channel, nodes: int = 1) -> Pose:
    avatar = make.avatar(*(make.node() for _ in range(nodes)))
    pose = Pose.rest(avatar)
    duration = max(float(c.times[-1]) for c in channels)
    ClipSampler(Clip(name="c", duration=duration, channels=channels)).apply(pose, time)
    return pose


@pytest.mark.parametrize(("time", "x"), [(-1, 10), (0, 10), (1, 10), (1.5, 15), (2, 20), (3, 25), (4, 30), (9, 30)])
def test_linear(make: Any, time: float, x: float) -> None:
    moved = channel("translation", [1, 2, 4], [[10, 0, 0], [20, 0, 0], [30, 0, 0]])
    assert at(make, time, moved).translations[0, 0] == x


@pytest.mark.parametrize(("time", "x"), [(0, 10), (1, 10), (1.999, 10), (2, 20), (3.999, 20), (4, 30), (9, 30)])
def test_step_holds_until_the_very_moment_of_the_next_key(make: Any, time: float, x: float) -> None:
    moved = channel("scale", [1, 2, 4], [[10, 1, 1], [20, 1, 1], [30, 1, 1]], kind=Interpolation.STEP)
    assert at(make, time, moved).scales[0, 0] == x


def test_step_changes_exactly_at_keys_that_are_no_round_numbers(make: Any) -> None:
    times = np.arange(1, 200, dtype=np.float32) / np.float32(30)
    steps = channel("translation", times, np.arange(199)[:, None] * [1, 0, 0], kind=Interpolation.STEP)
    for i, time in enumerate(times):
        assert at(make, float(time), steps, channel("scale", [0], [[1, 1, 1]])).translations[0, 0] == i


def test_cubic_spline_by_hand(make: Any) -> None:
    """Keys at 0 and 2 s: values 1 and 3, out-tangent 4, in-tangent -2 (per second).

    At t = 1/4 (0.5 s): h00 = 27/32, h10 = 9/64, h01 = 5/32, h11 = -3/64, so
    27/32 + 2 * 9/64 * 4 + 3 * 5/32 + 2 * (-3/64) * (-2) = 2.625.
    """
    values = [[[9, 0, 0], [1, 0, 0], [4, 0, 0]], [[-2, 0, 0], [3, 0, 0], [9, 0, 0]]]
    spline = channel("translation", [0, 2], values, kind=Interpolation.CUBICSPLINE)
    assert at(make, 0.5, spline).translations[0, 0] == pytest.approx(2.625, abs=1e-6)
    assert at(make, 0.0, spline).translations[0, 0] == 1
    assert at(make, 2.0, spline).translations[0, 0] == 3
    assert at(make, 1.0, spline).translations[0, 0] == pytest.approx(0.5 + 1 + 1.5 + 0.5)


def test_cubic_rotation_is_normalised(make: Any) -> None:
    values = [[[0] * 4, [0, 0, 0, 1], [1, 0, 0, 0]], [[0] * 4, [0, 0, 1, 0], [0] * 4]]
    spline = channel("rotation", [0, 1], values, kind=Interpolation.CUBICSPLINE)
    found = at(make, 0.5, spline).rotations[0]
    raw = np.array([0.125, 0, 0.5, 0.5])
    assert found == pytest.approx(raw / np.linalg.norm(raw), abs=1e-6)


@given(st.floats(-3.1, 3.1), st.floats(0, 1), st.booleans())
@settings(max_examples=60)
def test_rotation_turns_evenly_along_the_shorter_arc(angle: float, t: float, flipped: bool) -> None:
    end = np.array([0, math.sin(angle / 2), 0, math.cos(angle / 2)]) * (-1 if flipped else 1)
    turn = channel("rotation", [0, 1], [[0, 0, 0, 1], end])
    pose = Pose(
        translations=np.zeros((1, 3), np.float32),
        rotations=np.zeros((1, 4), np.float32),
        scales=np.ones((1, 3), np.float32),
        weights={},
    )
    ClipSampler(Clip(name="", duration=1.0, channels=(turn,))).apply(pose, t)
    expected = np.array([0, math.sin(angle * t / 2), 0, math.cos(angle * t / 2)])
    assert abs(abs(float(pose.rotations[0] @ expected)) - 1) < 1e-6


def test_channels_with_their_own_key_times_do_not_disturb_one_another(make: Any) -> None:
    channels = [
        channel("translation", [0, 3], [[0, 0, 0], [3, 0, 0]], node=0),
        channel("translation", [2], [[7, 0, 0]], node=1),
        channel("rotation", [0.5, 1.5, 2.5], [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]], node=1),
        channel("translation", [0.25, 0.75], [[1, 0, 0], [2, 0, 0]], node=2),
        channel("scale", [0, 1, 2, 3], [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]], node=2, kind=Interpolation.STEP),
    ]
    pose = at(make, 1.5, *channels, nodes=4)
    assert pose.translations[:, 0].tolist() == [1.5, 7, 2, 0]
    assert pose.rotations[1].tolist() == [1, 0, 0, 0]
    assert pose.scales[2].tolist() == [2, 2, 2]


@pytest.mark.parametrize("kind", list(Interpolation))
def test_morph_weights(make: Any, kind: Interpolation) -> None:
    avatar = make.avatar(make.node(mesh=0), make.node(mesh=0), meshes=[make.face("a", "b")])
    keys: Any = [[0, 1], [1, 0.5]]
    values = [[[0, 0], key, [0, 0]] for key in keys] if kind is Interpolation.CUBICSPLINE else keys
    pose = Pose.rest(avatar)
    sampler = ClipSampler(
        Clip(name="", duration=2.0, channels=(channel("weights", [0, 2], values, kind=kind, node=1),))
    )
    sampler.apply(pose, 0.5)
    expected = {Interpolation.LINEAR: [0.25, 0.875], Interpolation.STEP: [0, 1]}
    # The spline's share of the second key at a quarter is 5/32.
    assert pose.weights[1].tolist() == expected.get(kind, [5 / 32, 1 - 5 / 64])
    assert pose.weights[0].tolist() == [0, 0]
    assert sampler.morphed == {1}


def reference(found: Channel, time: float) -> np.ndarray:
    """One channel by the book, in float64, key by key."""
    times, values = found.times.astype(np.float64), found.values.astype(np.float64)
    if time <= times[0] or len(times) == 1:
        return values[0]
    if time >= times[-1]:
        return values[-1]
    i = int(np.flatnonzero(times <= time)[-1])
    t = (time - times[i]) / (times[i + 1] - times[i])
    a, b = values[i], values[i + 1]
    if found.interpolation is Interpolation.STEP:
        return a
    if found.path != "rotation":
        return a + (b - a) * t
    dot = float(a @ b)
    b, dot = (b, dot) if dot >= 0 else (-b, -dot)
    angle = math.acos(min(dot, 1.0))
    if angle < 1e-9:
        return a
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["Michelle.glb", "RobotExpressive.glb", "greenman.glb", "facecap.glb"])
def test_every_channel_of_real_clips(shared: FilePath, name: str) -> None:
    asset = load(shared / "models/avatars" / name)
    for clip in asset.clips:
        sampler = ClipSampler(clip)
        for time in np.linspace(-0.1, clip.duration + 0.1, 7):
            pose = Pose.rest(asset.avatar)
            sampler.apply(pose, float(time))
            for c in clip.channels:
                assert c.interpolation is not Interpolation.CUBICSPLINE
                parts = {"translation": pose.translations, "rotation": pose.rotations, "scale": pose.scales}
                value = pose.weights[c.node] if c.path == "weights" else parts[c.path][c.node]
                expected = reference(c, float(time))
                if c.path == "rotation":
                    assert abs(abs(float(value @ expected)) - 1) < 2e-6
                else:
                    assert np.abs(value - expected).max() < 1e-5 * max(1.0, np.abs(c.values).max())

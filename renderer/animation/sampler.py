"""Clips at a time: all channels at once, whatever key times each of them has (glTF 2.0, appendix C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.pose import Pose
from renderer.maths import normalize

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(slots=True, kw_only=True, frozen=True)
class _Group:
    """Channels of one path and kind whose values lie in one array.

    ``channels`` indexes the clip's channels, ``first`` says how much further on in ``values`` than in all key times
    each one begins.
    """

    path: str
    nodes: Indices
    channels: Indices
    first: Indices
    values: Floats
    cubic: bool


class ClipSampler:
    """A clip made ready to be evaluated often.

    The key times of all channels are laid one after the other, each channel's shifted by a multiple of a span longer
    than the clip, so that a single binary search finds the keys of every channel.
    """

    def __init__(self, clip: Clip) -> None:
        self.name = clip.name
        self.duration = clip.duration
        channels = clip.channels
        counts = np.array([len(channel.times) for channel in channels], np.intp)
        self._first = np.concatenate(([0], np.cumsum(counts)))[:-1].astype(np.intp) if channels else counts
        self._last = self._first + counts - 1
        self._before_last = np.maximum(self._last - 1, self._first)
        starts = np.array([float(channel.times[0]) for channel in channels])
        ends = np.array([float(channel.times[-1]) for channel in channels])
        self._starts, self._ends = starts, ends
        span = float(ends.max(initial=0.0)) + 1.0
        self._shift = np.arange(len(channels)) * span
        self._times = (
            np.concatenate([channel.times.astype(np.float64) for channel in channels]) + np.repeat(self._shift, counts)
            if channels
            else np.zeros(0)
        )
        self._step = np.array([channel.interpolation is Interpolation.STEP for channel in channels], bool)
        self._stepped = bool(self._step.any())
        self._groups = tuple(_groups(channels, self._first))
        self._weights = tuple(
            (i, channel.node, channel.values, channel.interpolation is Interpolation.CUBICSPLINE)
            for i, channel in enumerate(channels)
            if channel.path == "weights"
        )

    @property
    def morphed(self) -> frozenset[int]:
        """Nodes whose morph weights the clip moves."""
        return frozenset(node for _, node, _, _ in self._weights)

    def apply(self, pose: Pose, time: float) -> None:
        """Set what the clip moves to its state at ``time`` seconds; before the first and after the last key it holds.

        The rest of the pose stays as it is.
        """
        if not len(self._times):
            return
        # numpy's clip costs more than the two it is made of.
        at = np.minimum(np.maximum(time, self._starts), self._ends)
        key = np.searchsorted(self._times, at + self._shift, side="right") - 1
        np.maximum(key, self._first, out=key)
        np.minimum(key, self._before_last, out=key)
        after = np.minimum(key + 1, self._last)
        # ``take`` rather than an index throughout: a third of the time where there is as little to take as here.
        start, end = self._times.take(key), self._times.take(after)
        length = end - start
        factor = (at + self._shift - start) / np.where(length > 0.0, length, 1.0)
        if self._stepped:
            # A step holds until the next key's very moment.
            factor = np.where(self._step, at + self._shift >= end, factor)
        factor, length = factor.astype(np.float32), length.astype(np.float32)
        for group in self._groups:
            first = group.values.take(key.take(group.channels) + group.first, axis=0)
            second = group.values.take(after.take(group.channels) + group.first, axis=0)
            t = factor.take(group.channels)
            if group.cubic:
                values = _cubic(first, second, t, length.take(group.channels))
                if group.path == "rotation":
                    values = normalize(values)
            elif group.path == "rotation":
                values = _arc(first, second, t)
            else:
                values = first + (second - first) * t[:, None]
            if group.path == "rotation":
                pose.rotations[group.nodes] = values
            elif group.path == "translation":
                pose.translations[group.nodes] = values
            else:
                pose.scales[group.nodes] = values
        for channel, node, keys, cubic in self._weights:
            target = pose.weights.get(node)
            if target is None:
                continue
            i = int(key[channel] - self._first[channel])
            j = int(after[channel] - self._first[channel])
            if cubic:
                target[:] = _cubic(keys[i : i + 1], keys[j : j + 1], factor[channel, None], length[channel, None])[0]
            else:
                np.subtract(keys[j], keys[i], out=target)
                target *= factor[channel]
                target += keys[i]


def _groups(channels: Sequence[Channel], begins: Indices) -> list[_Group]:
    result = []
    for path in ("translation", "rotation", "scale"):
        for cubic in (False, True):
            chosen = [
                (i, channel)
                for i, channel in enumerate(channels)
                if channel.path == path and (channel.interpolation is Interpolation.CUBICSPLINE) == cubic
            ]
            if not chosen:
                continue
            counts = np.array([len(channel.times) for _, channel in chosen], np.intp)
            result.append(
                _Group(
                    path=path,
                    nodes=np.array([channel.node for _, channel in chosen], np.intp),
                    channels=np.array([i for i, _ in chosen], np.intp),
                    first=(np.cumsum(counts) - counts - begins[[i for i, _ in chosen]]).astype(np.intp),
                    values=np.concatenate([channel.values for _, channel in chosen]),
                    cubic=cubic,
                )
            )
    return result


def _cubic(before: Floats, after: Floats, t: Floats, length: Floats) -> Floats:
    """Cubic Hermite spline; keys ``(n, 3, c)`` hold in-tangent, value, out-tangent, tangents per second."""
    t = t[:, None]
    length = length[:, None]
    t2 = t * t
    t3 = t2 * t
    value: Floats = (
        (2.0 * t3 - 3.0 * t2 + 1.0) * before[:, 1]
        + length * (t3 - 2.0 * t2 + t) * before[:, 2]
        + (3.0 * t2 - 2.0 * t3) * after[:, 1]
        + length * (t3 - t2) * after[:, 0]
    )
    return value


def _arc(a: Floats, b: Floats, t: Floats) -> Floats:
    """Spherical interpolation of unit quaternions ``(n, 4)`` along the shorter arc, for many short arcs.

    As ``renderer.maths.slerp``; arcs under two degrees are interpolated along the chord, whose error is below
    1e-6, and that spares the sines where, as in most clips, all arcs are short.
    """
    dot = np.vecdot(a, b)
    sign = np.where(dot < 0.0, np.float32(-1.0), np.float32(1.0))
    cosine = np.minimum(dot * sign, np.float32(1.0))
    first, second = 1.0 - t, t
    wide = cosine < 0.99985
    if wide.any():
        angle = np.arccos(cosine)
        sine = np.where(wide, np.sin(angle), np.float32(1.0))
        first = np.where(wide, np.sin(first * angle) / sine, first)
        second = np.where(wide, np.sin(second * angle) / sine, second)
    return normalize(a * first[:, None] + b * (second * sign)[:, None])

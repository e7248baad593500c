"""Several clips at once: each with its own time, speed and weight, blended into one pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.maths import slerp

FADE = 0.5
"""Seconds of a cross-fade in the vendor's client."""

_SLOWEST, _FASTEST = 0.5, 2.0


@dataclass(slots=True, kw_only=True)
class Track:
    """A clip that is playing.

    Attributes:
        label: what the caller knows it by.
        time: seconds into the clip.
        repeat: start again at the end, else hold the last pose.
        weight: its share in the pose, 0..1.
        rising: whether it is being faded in or at full weight; else it is on its way out.
        passing: it comes and goes again within one fade, most visible in the middle of it.
    """

    label: str
    sampler: ClipSampler
    repeat: bool
    time: float = 0.0
    weight: float = 1.0
    rising: bool = True
    passing: bool = False
    faded: float = 0.0
    begin_speed: float = 1.0
    end_speed: float = 1.0

    @property
    def left(self) -> float:
        """Seconds until the clip's end."""
        return self.sampler.duration - self.time

    def advance(self, seconds: float) -> None:
        """Move on in the clip; during a fade its speed goes from ``begin_speed`` to ``end_speed``."""
        before = min(self.faded / FADE, 1.0)
        self.faded += seconds
        after = min(self.faded / FADE, 1.0)
        if self.passing:
            self.weight = 1.0 - abs(2.0 * after - 1.0)
        elif self.rising:
            self.weight = min(self.weight + seconds / FADE, 1.0)
        else:
            self.weight = max(self.weight - seconds / FADE, 0.0)
        middle = (before + after) / 2.0
        self.time += seconds * (self.begin_speed + (self.end_speed - self.begin_speed) * middle)
        duration = self.sampler.duration
        if self.repeat and duration > 0.0:
            self.time %= duration
        else:
            self.time = min(self.time, duration)


class Mixer:
    """Plays tracks; starting one fades the others out."""

    def __init__(self, rest: Pose) -> None:
        self._rest = rest
        self._pose = rest.copy()
        self._other = rest.copy()
        self.tracks: list[Track] = []

    @property
    def current(self) -> Track | None:
        """The track that is fading in or playing alone."""
        return next((track for track in reversed(self.tracks) if track.rising), None)

    def start(self, label: str, sampler: ClipSampler, *, repeat: bool) -> None:
        """Play a clip from its beginning; what played before is faded out, and held at its end meanwhile.

        Both speeds are bent during the fade so that the two clips' ends meet, as the vendor's client does it, but
        never below a half or above twice, which would look like a stumble.
        """
        old = self.current
        track = Track(label=label, sampler=sampler, repeat=repeat)
        if old is not None:
            ratio = 1.0
            if old.sampler.duration > 0.0 and sampler.duration > 0.0:
                ratio = min(max(old.sampler.duration / sampler.duration, _SLOWEST), _FASTEST)
            track.weight = 0.0
            track.begin_speed = 1.0 / ratio
            old.begin_speed, old.end_speed, old.faded = 1.0, ratio, 0.0
        for other in self.tracks:
            other.rising = False
            other.repeat = False
        self.tracks.append(track)

    def pass_through(self, label: str, sampler: ClipSampler) -> None:
        """Let a clip be seen during the fade that is about to start, between the old clip and the new one."""
        self.tracks.append(Track(label=label, sampler=sampler, repeat=False, weight=0.0, rising=False, passing=True))

    def advance(self, seconds: float) -> None:
        """Let time pass; tracks that have faded out are dropped."""
        for track in self.tracks:
            track.advance(seconds)
        self.tracks = [track for track in self.tracks if track.rising or track.weight > 0.0]

    def pose(self) -> Pose:
        """The blended pose; the same object each time. Weights that sum to less than 1 leave the rest to the rest pose.

        Clips are blended one after the other, each by its weight over the sum so far.
        """
        self._pose.assign(self._rest)
        total = 0.0
        for track in self.tracks:
            if track.weight <= 0.0:
                continue
            total += track.weight
            if total == track.weight:
                track.sampler.apply(self._pose, track.time)
                continue
            self._other.assign(self._rest)
            track.sampler.apply(self._other, track.time)
            blend(self._pose, self._other, track.weight / total)
        if 0.0 < total < 1.0 - 1e-6:
            blend(self._pose, self._rest, 1.0 - total)
        return self._pose


def blend(pose: Pose, other: Pose, share: float) -> None:
    """Move ``pose`` towards ``other`` by ``share`` 0..1: vectors and weights straight, rotations along the arc."""
    t = np.array(share, np.float32)
    pose.translations += (other.translations - pose.translations) * t
    pose.scales += (other.scales - pose.scales) * t
    pose.rotations[:] = slerp(pose.rotations, other.rotations, t)
    for node, weights in pose.weights.items():
        weights += (other.weights[node] - weights) * t

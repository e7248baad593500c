"""Plays an avatar's clips: which one, from when, with which face."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from renderer.animation.arkit import ARKIT, arkit_channel
from renderer.animation.blink import eyelids
from renderer.animation.clip import Clip
from renderer.animation.expression import Face
from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.errors import AssetError
from renderer.scene.avatar import Avatar

BLINKING = ("eyeBlinkLeft", "eyeBlinkRight")


class Player:
    """The pose of an avatar at any time; times may be asked for in any order."""

    def __init__(
        self,
        *,
        avatar: Avatar,
        clips: Sequence[Clip] = (),
        clip: str | int | None = None,
        group: str | None = None,
        groups: Mapping[str, Sequence[int]] | None = None,
        expressions: Mapping[str, float] | None = None,
        adjust: Callable[[str, float], float] | None = None,
        blink: bool = True,
        loop: bool = True,
        seed: int = 0,
    ) -> None:
        """Choose what is played.

        Args:
            clips: clips bound to the avatar's nodes.
            clip: name (any case) or index of the one to play; it wins over ``group``.
            group: play this group's clips one after the other. Without clip and group: the group ``idle``, else a
                clip with "idle" in its name, else the longest.
            groups: name to indices of ``clips``.
            expressions: name to value 0..1, held all the time; names as ``Face.binds`` understands them.
            adjust: an avatar's own scale and offset of ARKit channels (motion.config.json).
            blink: blink now and then, unless the eyelids are moved by a clip or held by an expression.
            loop: start again after the last clip, else hold its end.
            seed: of the blinks.

        Raises:
            AssetError: ``clip.unknown``, ``expression.unknown``.
        """
        self._avatar = avatar
        self._loop = loop
        self._seed = seed
        self._samplers = [ClipSampler(c) for c in _chosen(clips, clip, group, groups or {})]
        self._rest = Pose.rest(avatar)
        self._pose = self._rest.copy()
        face = Face(avatar)
        held = dict(expressions or {})
        for name in held:
            if not face.binds(name) and arkit_channel(name) is not None:
                raise _unknown("expression", name, face.names)
        moved = {node for sampler in self._samplers for node in sampler.morphed}
        lids = {bind.node for name in BLINKING for bind in face.binds(name)}
        blinks = blink and bool(lids) and not lids & moved and not any(_is_blink(face, name) for name in held)
        rest = [name for name in ARKIT if adjust is not None and face.binds(name) and name not in held]
        names = dict.fromkeys((*rest, *held, *(BLINKING if blinks else ())))
        self._driver = face.driver(names)
        self._values = np.zeros(len(names), np.float32)
        for i, name in enumerate(names):
            value = held.get(name, 0.0)
            self._values[i] = adjust(name, value) if adjust is not None else value
        self._lids = [i for i, name in enumerate(names) if name in BLINKING] if blinks else []

    @property
    def duration(self) -> float:
        """Seconds until everything that was chosen has been played once; 0 without clips."""
        return sum(sampler.duration for sampler in self._samplers)

    @property
    def playing(self) -> tuple[str, ...]:
        """Names of the chosen clips in the order in which they are played."""
        return tuple(sampler.name for sampler in self._samplers)

    def pose(self, time: float) -> Pose:
        """The pose at ``time`` seconds. The same object is returned each time: copy what must outlive the next call."""
        self._pose.assign(self._rest)
        sampler, local = self._at(time)
        if sampler is not None:
            sampler.apply(self._pose, local)
        if len(self._values):
            if self._lids:
                self._values[self._lids] = eyelids(time, seed=self._seed)
            self._driver.apply(self._pose, self._values)
        return self._pose

    def _at(self, time: float) -> tuple[ClipSampler | None, float]:
        """Which clip plays at a time, and its own time then."""
        if not self._samplers:
            return None, 0.0
        total = self.duration
        if total <= 0.0:
            return self._samplers[0], 0.0
        time = time % total if self._loop else min(max(time, 0.0), total)
        for sampler in self._samplers:
            if time < sampler.duration:
                return sampler, time
            time -= sampler.duration
        return self._samplers[-1], self._samplers[-1].duration


def _chosen(
    clips: Sequence[Clip], clip: str | int | None, group: str | None, groups: Mapping[str, Sequence[int]]
) -> list[Clip]:
    if clip is not None:
        return [find_clip(clips, clip)]
    if group is not None and group not in groups:
        raise _unknown("clip group", group, tuple(groups))
    indices = groups.get(group or "idle", ())
    if indices or group is not None:
        return [clips[i] for i in indices]
    idle = next((c for c in clips if "idle" in c.name.lower() and c.channels), None)
    longest = max((c for c in clips if c.channels), key=lambda c: c.duration, default=None)
    return [c for c in (idle or longest,) if c is not None]


def find_clip(clips: Sequence[Clip], wanted: str | int) -> Clip:
    """A clip by exact name, by name in any case, or by index. Raises AssetError ``clip.unknown``."""
    names = [clip.name for clip in clips]
    if isinstance(wanted, str):
        if wanted in names:
            return clips[names.index(wanted)]
        lower = [name.lower() for name in names]
        if wanted.lower() in lower:
            return clips[lower.index(wanted.lower())]
    if str(wanted).isdecimal() and int(wanted) < len(clips):
        return clips[int(wanted)]
    raise _unknown("clip", str(wanted), tuple(names))


def _is_blink(face: Face, name: str) -> bool:
    """Whether a held expression already moves the eyelids."""
    lids = {(bind.node, bind.target) for lid in BLINKING for bind in face.binds(lid)}
    return any((bind.node, bind.target) in lids for bind in face.binds(name))


def _unknown(kind: str, name: str, names: tuple[str, ...]) -> AssetError:
    near = difflib.get_close_matches(name, names, n=3) or names[:8]
    code = "expression.unknown" if kind == "expression" else "clip.unknown"
    return AssetError(
        f"the avatar has no {kind} {name!r}", code=code, hint=f"it has {', '.join(near)}" if near else "it has none"
    )

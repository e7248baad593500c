"""Plays an avatar's clips: which one, from when, with which face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from renderer.animation.clip import Clip
from renderer.animation.overlay import FaceOverlay, unknown
from renderer.animation.pose import Pose
from renderer.animation.rigging import Rigging
from renderer.animation.sampler import ClipSampler
from renderer.scene.avatar import Avatar


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
        look_at: Sequence[float] | None = None,
        loop: bool = True,
        seed: int = 0,
        live2d: bool = False,
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
            look_at: a point of the world, metres, that the eyes follow.
            loop: start again after the last clip, else hold its end.
            seed: of the blinks.
            live2d: whether the face's shapes are those of a Live2D face.

        Raises:
            AssetError: ``clip.unknown``, ``expression.unknown``.
        """
        self._avatar = avatar
        self._loop = loop
        self._samplers = [ClipSampler(c) for c in _chosen(clips, clip, group, groups or {})]
        self._rest = Pose.rest(avatar)
        self._pose = self._rest.copy()
        overlay = FaceOverlay(
            avatar,
            moved={node for sampler in self._samplers for node in sampler.morphed},
            expressions=expressions,
            adjust=adjust,
            blink=blink,
            look_at=look_at,
            seed=seed,
            live2d=live2d,
        )
        self._rigging = Rigging(avatar, overlay=overlay)

    @property
    def duration(self) -> float:
        """Seconds until everything that was chosen has been played once; 0 without clips."""
        return sum(sampler.duration for sampler in self._samplers)

    @property
    def playing(self) -> tuple[str, ...]:
        """Names of the chosen clips in the order in which they are played."""
        return tuple(sampler.name for sampler in self._samplers)

    def pose(self, time: float) -> Pose:
        """The pose at ``time`` seconds. The same object is returned each time: copy what must outlive the next call.

        Where an avatar has springs, how they swing depends on the time before: see ``Rigging``.
        """
        return self._rigging.pose(time, self._body)

    def _body(self, time: float) -> Pose:
        """What the clips alone make."""
        self._pose.assign(self._rest)
        sampler, local = self._at(time)
        if sampler is not None:
            sampler.apply(self._pose, local)
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
        raise unknown("clip group", group, tuple(groups))
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
    raise unknown("clip", str(wanted), tuple(names))

"""The five states of a talking avatar: which clip plays when (hello, idle, listen, speak, think).

Follows what the vendor's client was observed to do, with its faults mended: hello plays first, every clip of a group
gets its turn, a group without clips falls back on idle, groups of any size work, thinking does not fall back into the
rest pose, and the clips of speak are equally likely.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from renderer.animation.clip import Clip
from renderer.animation.mixer import FADE, Mixer
from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.scene.avatar import Avatar

GROUP_OF = MappingProxyType({"Idle": "idle", "Listening": "listen", "Responding": "speak", "Thinking": "think"})
"""State to clip group. ``StandBy``, ``None`` and unknown states have none: what plays runs to its end and stays."""


class StateMachine:
    """Chooses clips by state and time. ``advance`` it, then take its ``pose``."""

    def __init__(
        self,
        *,
        avatar: Avatar,
        clips: Sequence[Clip],
        groups: Mapping[str, Sequence[int]],
        chained: frozenset[str] = frozenset(),
        rng: random.Random,
    ) -> None:
        """Start in the state Idle; a hello clip plays first where there is one.

        Args:
            groups: ``hello``, ``idle``, ``listen``, ``speak``, ``think`` to indices of ``clips``.
            chained: groups whose clips are start, loop(s) and end rather than alternatives (``isGroup``).
            rng: draws among alternatives.
        """
        self._samplers = [ClipSampler(clip) for clip in clips]
        self._groups = {name: tuple(i for i in indices if i < len(clips)) for name, indices in groups.items()}
        self._chained = chained
        self._rng = rng
        self._mixer = Mixer(Pose.rest(avatar))
        self._state = "Idle"
        self._group = "idle"
        self._index = -1
        hello = self._groups.get("hello", ())
        if hello:
            self._group = "hello"
            self._start(self._rng.randrange(len(hello)), repeat=False)
        else:
            self._enter("idle")

    @property
    def state(self) -> str:
        """The state that was asked for last."""
        return self._state

    @property
    def group(self) -> str:
        """The group whose clip is playing."""
        return self._group

    @property
    def playing(self) -> tuple[str, ...]:
        """What is seen, such as ``("idle0", "listen1")`` during a cross-fade: group and place in it."""
        return tuple(track.label for track in self._mixer.tracks)

    def request(self, state: str) -> None:
        """Change the state. An unknown one, like StandBy, lets what plays run to its end and freeze there."""
        if state == self._state:
            return
        self._state = state
        group = GROUP_OF.get(state)
        current = self._mixer.current
        if group is None:
            if current is not None:
                current.repeat = False
            return
        ending = self._clips(self._group)
        if self._group in self._chained and self._group != group and len(ending) > 2:
            # The end of a chain is seen during the fade; the next state does not wait for it.
            last = len(ending) - 1
            self._mixer.pass_through(f"{self._group}{last}", self._samplers[ending[last]])
        self._enter(group)

    def advance(self, seconds: float) -> None:
        """Let time pass, in steps short enough that no clip's end is missed."""
        while seconds > 0.0:
            step = min(seconds, FADE / 4.0)
            self._mixer.advance(step)
            self._follow()
            seconds -= step

    def pose(self) -> Pose:
        """The pose now; the same object each time."""
        return self._mixer.pose()

    def _clips(self, group: str) -> tuple[int, ...]:
        """A group's clips; idle's where it has none."""
        return self._groups.get(group, ()) or self._groups.get("idle", ())

    def _enter(self, group: str) -> None:
        clips = self._clips(group)
        self._group = group
        if not clips:
            return
        if group in self._chained and len(clips) > 1:
            self._start(0, repeat=False)
        else:
            first = 0 if group == "idle" else self._rng.randrange(len(clips))
            self._start(first, repeat=len(clips) == 1 and group != "speak")

    def _start(self, index: int, *, repeat: bool) -> None:
        self._index = index
        clip = self._clips(self._group)[index]
        self._mixer.start(f"{self._group}{index}", self._samplers[clip], repeat=repeat)

    def _follow(self) -> None:
        """When what plays is about to end, fade into what comes after it."""
        current = self._mixer.current
        if current is None or current.repeat or current.left > FADE or current.weight < 1.0:
            return
        if self._group == "hello":
            if self._state in GROUP_OF:
                self._enter(GROUP_OF[self._state])
            return
        if GROUP_OF.get(self._state) != self._group:
            return
        clips = self._clips(self._group)
        if self._group in self._chained and len(clips) > 1:
            loops = range(1, max(2, len(clips) - 1))
            choices = [i for i in loops if i != self._index] or list(loops)
            self._start(self._rng.choice(choices), repeat=len(loops) == 1)
        else:
            choices = [i for i in range(len(clips)) if i != self._index] or [self._index]
            self._start(self._rng.choice(choices), repeat=False)

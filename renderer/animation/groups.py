"""Which clips are for which state, told by their names, where no package says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from renderer.animation.clip import Clip

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MEANT = MappingProxyType(
    {
        "hello": ("hello", "greet", "greeting", "wave", "waving", "welcome"),
        "idle": ("idle", "breathe", "breathing", "wait", "waiting"),
        "listen": ("listen", "listening"),
        "speak": ("speak", "speaking", "talk", "talking", "explain", "explaining"),
        "think": ("think", "thinking", "ponder", "pondering"),
    }
)


def groups_by_name(clips: Sequence[Clip]) -> dict[str, tuple[int, ...]]:
    """``hello``, ``idle``, ``listen``, ``speak``, ``think`` to indices of the clips whose names say so.

    Where none is idle by its name, the longest clip is: what stands in for every state should last.
    """
    found: dict[str, list[int]] = {}
    for index, clip in enumerate(clips):
        words = {word.lower() for word in _WORDS.findall(clip.name)}
        group = next((name for name, meant in _MEANT.items() if words.intersection(meant)), None)
        if group is not None and clip.channels:
            found.setdefault(group, []).append(index)
    moving = [index for index, clip in enumerate(clips) if clip.channels]
    if "idle" not in found and moving:
        found["idle"] = [max(moving, key=lambda index: clips[index].duration)]
    return {name: tuple(indices) for name, indices in found.items()}

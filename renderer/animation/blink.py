"""Blinking as a pure function of time: the same seed and time give the same eyelids."""

from __future__ import annotations

import math
import random
from functools import lru_cache

EVERY = 4.0
"""Seconds that hold one blink on average; people at rest blink about every four."""

LENGTH = 1.0 / 3.0
"""Seconds from open to open, as in the vendor's client: ten frames at 30 per second."""


@lru_cache(maxsize=64)
def _begin(span: int, seed: int) -> float:
    """Seconds at which the blink of a span begins; kept, because to make a generator takes longer than all the rest."""
    # The draw is for looks, not for secrets.
    return span * EVERY + random.Random(f"{seed}/{span}").uniform(0.5, EVERY - LENGTH)  # noqa: S311


def eyelids(time: float, *, seed: int) -> float:
    """How far the eyes are closed at ``time`` seconds, 0..1.

    Time is cut into spans of ``EVERY`` seconds with one blink each, at a place drawn from the seed and the span's
    number, so any moment can be asked for without the ones before. The first span opens with open eyes.
    """
    phase = (time - _begin(math.floor(time / EVERY), seed)) / LENGTH
    return math.sin(math.pi * phase) if 0.0 < phase < 1.0 else 0.0

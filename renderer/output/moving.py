"""Short animations as pictures: animated WebP with alpha, and GIF."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from renderer.errors import OutputError
from renderer.output.replacement import Replacement

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".webp": ("WEBP", {"quality": 80, "alpha_quality": 90, "method": 2, "minimize_size": False}),
    ".gif": ("GIF", {"disposal": 2, "optimize": False}),
}
"""File endings, with Pillow's name of the format and the options it is written with."""

MOST_FRAMES = 1_800
"""A longer one is a video: these are held in memory until the last frame is there."""


def write_animation(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    fps: int,
    count: int,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write frames ``(h, w, 4) uint8`` (sRGB, straight alpha), which repeat for ever; their number.

    The file appears whole or not at all. GIF counts time in hundredths of a second and knows no half transparency.

    Args:
        count: how many frames there will be.
        progress: called with the number of frames taken so far.

    Raises:
        OutputError: ``output.format``, ``output.too-long``, ``output.unwritable``.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(
            f"animations are not written as {path.suffix or 'a file without an ending'}",
            code="output.format",
            where=str(path),
            hint=f"use one of {', '.join(FORMATS)}",
        )
    if count > MOST_FRAMES:
        raise OutputError(
            f"an animated picture of {count} frames is not written",
            code="output.too-long",
            where=str(path),
            hint=f"at most {MOST_FRAMES} frames; write a longer one as .mp4 or .webm",
        )
    name, options = kind
    unit = 10 if name == "GIF" else 1
    # Whole milliseconds, or hundredths, whose sum does not drift from the time that passes.
    moments = [round(1000 * index / (fps * unit)) * unit for index in range(count + 1)]
    durations = [max(unit, after - before) for before, after in pairwise(moments)]
    pictures = _pictures(frames, progress)
    with Replacement(path) as temporary:
        first = next(pictures)
        first.save(temporary, format=name, save_all=True, append_images=pictures, duration=durations, loop=0, **options)
    return count


def _pictures(
    frames: Iterable[NDArray[np.uint8]], progress: Callable[[int], None] | None
) -> Iterator[PillowImage.Image]:
    for number, frame in enumerate(frames, start=1):
        yield PillowImage.fromarray(frame.copy())  # a frame's memory is used again
        if progress is not None:
            progress(number)

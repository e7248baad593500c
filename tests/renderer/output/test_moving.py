"""Animated pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.errors import OutputError
from renderer.output.moving import MOST_FRAMES, write_animation


def frames(count: int) -> Iterator[np.ndarray]:
    """A red square that goes down over nothing; one array is used again and again, as the renderer does it."""
    picture = np.empty((32, 16, 4), np.uint8)
    for index in range(count):
        picture[:] = 0
        picture[4 * index : 4 * index + 8] = (255, 0, 0, 255)
        yield picture


@pytest.mark.parametrize("ending", [".webp", ".gif"])
def test_it_moves_keeps_time_repeats_and_is_clear_where_nothing_is(ending: str, tmp_path: Path) -> None:
    path, told = tmp_path / f"a{ending}", []
    assert write_animation(path, frames(6), fps=15, count=6, progress=told.append) == 6
    assert told == [1, 2, 3, 4, 5, 6]
    with Image.open(path) as made:
        assert (made.n_frames, made.info["loop"]) == (6, 0)
        total = 0
        for index in range(6):
            made.seek(index)
            made.load()
            total += made.info["duration"]
            rgba = np.array(made.convert("RGBA")).astype(int)
            inside, outside = rgba[4 * index + 4, 8], rgba[(4 * index + 20) % 32, 8]
            assert np.abs(inside - (255, 0, 0, 255)).max() <= 12
            assert outside[3] == 0
    assert total == 400


def test_what_cannot_be_written_is_said_first(tmp_path: Path) -> None:
    for name, count, code in (("a.png", 2, "output.format"), ("a.gif", MOST_FRAMES + 1, "output.too-long")):
        with pytest.raises(OutputError) as caught:
            write_animation(tmp_path / name, frames(2), fps=10, count=count)
        assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []

"""Performance modes, as measured on the vendor's client."""

from __future__ import annotations

import pytest

from renderer.output.mode import mode_of


@pytest.mark.parametrize(
    ("name", "device", "ratio", "samples"),
    [
        ("High", 1.0, 1.0, 4),
        ("High", 1.5, 1.5, 4),
        ("High", 3.0, 2.0, 4),
        ("Standard", 4.0, 2.0, 4),
        ("Standard", 1.0, 1.0, 4),
        ("Low", 3.0, 1.0, 0),
        ("low", 4.0, 2.0, 4),
        ("", 4.0, 2.0, 4),
    ],
)
def test_pixels_and_smooth_edges(name: str, device: float, ratio: float, samples: int) -> None:
    mode = mode_of(name)
    assert mode.ratio(device) == pytest.approx(ratio)
    assert mode.samples == samples


def test_a_size_is_rounded_to_whole_pixels_and_never_none() -> None:
    assert mode_of("Standard").pixels((100, 101), 2.0) == (141, 143)
    assert mode_of("Standard").pixels((1, 1), 0.1) == (1, 1)

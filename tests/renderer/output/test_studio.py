"""The studio's shadow fits what stands in it, whatever its size and place."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from renderer.gl.shadow import light_projection, to_map
from renderer.output.studio import STUDIO, fitted_shadow, with_shadow
from renderer.scene import Lighting
from renderer.scene.extent import Extent


@pytest.mark.parametrize("scale", [0.01, 1.0, 150.0])
@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (3.0, -7.0, 40.0)])
def test_the_map_covers_the_whole_box_and_little_else(scale: float, place: tuple[float, float, float]) -> None:
    half, middle = np.array((0.4, 0.9, 0.2)) * scale, np.array(place) * scale
    box = Extent(low=middle - half, high=middle + half)
    assert STUDIO.key is not None
    matrix = to_map(light_projection(STUDIO.key, fitted_shadow(STUDIO.key, box)))
    corners = np.array([[*corner, 1.0] for corner in itertools.product(*zip(box.low, box.high, strict=True))])
    mapped = (corners @ matrix.T)[:, :3]
    assert mapped.min() > 0.0
    assert mapped.max() < 1.0
    np.testing.assert_allclose(mapped.mean(axis=0), 0.5, atol=1e-3)
    assert np.ptp(mapped, axis=0).max() > 0.5


def test_without_a_key_light_or_anything_to_shine_on_there_is_no_shadow() -> None:
    nothing = Extent(low=np.zeros(3), high=np.zeros(3))
    assert with_shadow(STUDIO, None) is STUDIO
    assert with_shadow(STUDIO, nothing) is STUDIO
    dark: Lighting = replace(STUDIO, key=None)
    assert with_shadow(dark, Extent(low=-np.ones(3), high=np.ones(3))) is dark

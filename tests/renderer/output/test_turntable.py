"""Once around."""

from __future__ import annotations

import math

import numpy as np
import pytest

from renderer.output.turntable import all_sides, around, lit_around
from renderer.scene import DirectionalLight, Lighting, View

VIEW = View(eye=(1.0, 1.5, 4.0), target=(1.0, 1.0, 1.0))
LIGHT = Lighting(key=DirectionalLight(direction=(0.0, 0.6, 0.8)))


def test_a_quarter_turn_and_a_whole_one() -> None:
    assert around(VIEW, math.pi / 2).eye == pytest.approx((-2.0, 1.5, 1.0))
    assert around(VIEW, 2 * math.pi).eye == pytest.approx(VIEW.eye)
    assert around(VIEW, 1.0).target == VIEW.target


def test_the_light_stays_beside_the_camera() -> None:
    for angle in (0.3, 2.0, 4.0):
        key = lit_around(LIGHT, angle).key
        assert key is not None
        eye = np.subtract(around(VIEW, angle).eye, VIEW.target)
        assert np.dot(eye, key.direction) == pytest.approx(np.dot(np.subtract(VIEW.eye, VIEW.target), (0, 0.6, 0.8)))
    assert lit_around(Lighting(key=None), 1.0).key is None


def test_all_sides_make_room_for_what_is_deep() -> None:
    world = np.eye(4, dtype=np.float32)[None]
    world[0, :3, 3] = (0, 0, 5)
    reach = max(abs(float(turned[0, 0, 3])) for turned in all_sides([world]))
    assert reach == pytest.approx(5.0, abs=1e-5)

"""The camera that a hand moves."""

from __future__ import annotations

import math

import pytest

from renderer.output.orbit import Orbit
from renderer.scene import Orthographic, Perspective, View

START = View(eye=(0.0, 1.0, 4.0), target=(0.0, 1.0, 0.0), projection=Perspective(yfov=math.pi / 2))


def distance(view: View) -> float:
    return math.dist(view.eye, view.target)


def test_untouched_it_is_the_view_it_was_given() -> None:
    view = Orbit(START).view
    assert view.eye == pytest.approx(START.eye)
    assert view.target == pytest.approx(START.target)


def test_a_quarter_turn_to_the_right_looks_from_the_left() -> None:
    orbit = Orbit(START)
    orbit.turn(math.pi / 2, 0.0)
    assert orbit.view.eye == pytest.approx((-4.0, 1.0, 0.0), abs=1e-9)
    assert distance(orbit.view) == pytest.approx(4.0)


def test_it_never_goes_over_the_top() -> None:
    orbit = Orbit(START)
    orbit.turn(0.0, 99.0)
    assert orbit.view.eye[1] == pytest.approx(1.0 + 4.0 * math.sin(math.radians(89)))
    orbit.turn(0.0, -99.0)
    assert orbit.view.eye[1] < 1.0


def test_what_the_hand_holds_stays_under_it() -> None:
    """Half the picture's height to the right and up: the target moves half the visible height left and down."""
    orbit = Orbit(START)
    orbit.move(0.5, 0.5)
    assert orbit.view.target == pytest.approx((-4.0, -3.0, 0.0))
    assert orbit.view.eye == pytest.approx((-4.0, -3.0, 4.0))


def test_a_step_is_a_tenth_and_goes_back() -> None:
    orbit = Orbit(START)
    orbit.zoom(1)
    assert distance(orbit.view) == pytest.approx(3.6)
    orbit.zoom(-1)
    assert distance(orbit.view) == pytest.approx(4.0)


def test_clip_planes_follow() -> None:
    orbit = Orbit(START)
    orbit.zoom(60)
    near = orbit.view.projection
    assert isinstance(near, Perspective)
    assert near.znear < distance(orbit.view)


def test_an_orthographic_view_zooms_by_its_height() -> None:
    orbit = Orbit(View(eye=(0, 0, 2), target=(0, 0, 0), projection=Orthographic(height=2.0)))
    orbit.zoom(1)
    assert orbit.height == pytest.approx(1.8)
    orbit.move(0.0, 0.5)
    assert orbit.view.target[1] == pytest.approx(-0.9)

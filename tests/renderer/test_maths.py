"""Quaternions, transforms and projections against formulas written another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from renderer import maths

unit = hnp.arrays(np.float64, (4,), elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1)
vector = hnp.arrays(np.float64, (3,), elements=st.floats(-10, 10))


def matrix_of(q: np.ndarray) -> np.ndarray:
    """The rotation as the sandwich product q v q*, column by column."""
    x, y, z, w = q / np.linalg.norm(q)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + 2 * w * cross + 2 * cross @ cross


@given(unit)
def test_matrix_of_a_quaternion(q: np.ndarray) -> None:
    assert np.allclose(maths.quaternion_to_matrix(maths.normalize(q)), matrix_of(q), atol=1e-6)


@given(unit, unit, vector)
def test_a_product_turns_by_the_second_then_the_first(a: np.ndarray, b: np.ndarray, v: np.ndarray) -> None:
    a, b = maths.normalize(a), maths.normalize(b)
    expected = matrix_of(a) @ matrix_of(b) @ v
    assert np.allclose(maths.quaternion_rotate(maths.quaternion_multiply(a, b), v), expected, atol=1e-4)


@given(unit)
def test_matrix_to_quaternion_and_back(q: np.ndarray) -> None:
    found = maths.quaternion_from_matrix(matrix_of(q))
    assert abs(abs(float(np.dot(found, q / np.linalg.norm(q)))) - 1) < 1e-6


@given(unit, vector, st.tuples(*[st.floats(0.1, 5)] * 3), st.booleans())
def test_decompose_undoes_compose(q: np.ndarray, t: np.ndarray, s: tuple[float, ...], mirrored: bool) -> None:
    scale = np.array(s) * ((-1, 1, 1) if mirrored else (1, 1, 1))
    matrix = maths.compose(t, maths.normalize(q), scale)
    assert np.allclose(maths.compose(*maths.decompose(matrix)), matrix, atol=1e-4)
    assert np.allclose(matrix @ (0, 0, 0, 1), (*t, 1), atol=1e-6)
    assert np.allclose(matrix[:3, :3], matrix_of(q) * scale, atol=1e-5)


@given(vector.filter(lambda v: np.linalg.norm(v) > 0.1), vector.filter(lambda v: np.linalg.norm(v) > 0.1))
def test_the_rotation_between_two_directions(a: np.ndarray, b: np.ndarray) -> None:
    turned = maths.quaternion_rotate(maths.quaternion_between(a, b), a / np.linalg.norm(a))
    assert np.allclose(turned, b / np.linalg.norm(b), atol=1e-3)


def test_opposite_directions_have_a_rotation_between_them() -> None:
    for axis in np.eye(3):
        assert np.allclose(maths.quaternion_rotate(maths.quaternion_between(axis, -axis), axis), -axis, atol=1e-6)


@given(unit, st.floats(0, 1), st.floats(-3.1, 3.1))
def test_slerp_turns_evenly_along_the_shorter_arc(q: np.ndarray, t: float, angle: float) -> None:
    start = maths.normalize(q)
    end = maths.quaternion_multiply(maths.quaternion_from_axis_angle((0, 0, 1), angle), start)
    expected = maths.quaternion_multiply(maths.quaternion_from_axis_angle((0, 0, 1), angle * t), start)
    for far in (end, -end):
        assert abs(abs(float(np.dot(maths.slerp(start, far, t), expected))) - 1) < 1e-5


def test_camera_rotation_example_of_the_vendor() -> None:
    found = maths.quaternion_from_euler(np.radians((10, 20, 30)))
    assert found == pytest.approx((0.12768, 0.14488, 0.26854, 0.94371), abs=1e-5)


def test_look_at_puts_the_target_ahead() -> None:
    view = maths.look_at((1, 2, 3), (4, 2, 3))
    assert np.allclose(view @ (4, 2, 3, 1), (0, 0, -3, 1), atol=1e-6)
    assert np.allclose(view @ (1, 3, 3, 1), (0, 1, 0, 1), atol=1e-6)
    down = maths.look_at((0, 5, 0), (0, 0, 0))
    assert np.allclose(down[:3, :3] @ down[:3, :3].T, np.eye(3), atol=1e-6)
    assert np.allclose(down @ (0, 0, 0, 1), (0, 0, -5, 1), atol=1e-6)


@pytest.mark.parametrize("zfar", [100.0, None])
def test_perspective_maps_the_frustum_to_the_cube(zfar: float | None) -> None:
    m = maths.perspective(yfov=math.radians(60), aspect=2.0, znear=0.5, zfar=zfar)
    half = 0.5 * math.tan(math.radians(30))
    corner = m @ (2 * half, half, -0.5, 1)
    assert np.allclose(corner / corner[3], (1, 1, -1, 1), atol=1e-6)
    far = m @ (0, 0, -(zfar or 1e9), 1)
    assert far[2] / far[3] == pytest.approx(1, abs=1e-5)


def test_orthographic_maps_the_box_to_the_cube() -> None:
    m = maths.orthographic(height=2.0, aspect=0.5, znear=1.0, zfar=3.0)
    assert np.allclose(m @ (0.5, 1, -3, 1), (1, 1, 1, 1), atol=1e-6)
    assert np.allclose(m @ (-0.5, -1, -1, 1), (-1, -1, -1, 1), atol=1e-6)

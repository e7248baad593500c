"""Morph targets on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.gl.morph import MorphedVertices
from renderer.scene import MorphTarget


def made(count: int = 40, targets: int = 9) -> tuple[np.ndarray, tuple[MorphTarget, ...]]:
    rng = np.random.default_rng(3)
    base = rng.normal(size=(count, 10)).astype(np.float32)
    parts = []
    for index in range(targets):
        positions = np.zeros((count, 3), np.float32)
        positions[index : index + 5] = rng.normal(size=(5, 3))
        normals = rng.normal(size=(count, 3)).astype(np.float32) if index == 2 else None
        parts.append(MorphTarget(positions=positions, normals=normals))
    return base, tuple(parts)


@pytest.mark.parametrize("active", [1, 2, 9])
def test_sum_of_weighted_differences(active: int) -> None:
    base, targets = made()
    weights = np.zeros(9, np.float32)
    weights[:active] = np.linspace(0.2, -0.7, active)
    vertices = MorphedVertices(base, targets)
    assert vertices.update(weights)
    expected = base.astype(np.float64)
    for weight, target in zip(weights, targets, strict=True):
        expected[:, :3] += weight * target.positions
        if target.normals is not None:
            expected[:, 3:6] += weight * target.normals
    assert np.allclose(vertices.current, expected, atol=1e-5)
    assert np.array_equal(vertices.current[:, 9], base[:, 9]), "the tangent's sign never changes"


def test_zero_weights_give_the_base_back_to_the_bit() -> None:
    base, targets = made()
    vertices = MorphedVertices(base, targets)
    assert not vertices.update(np.zeros(9, np.float32))
    vertices.update(np.full(9, 0.3, np.float32))
    assert vertices.update(np.zeros(9, np.float32))
    assert vertices.current.tobytes() == base.tobytes()


def test_same_weights_change_nothing() -> None:
    base, targets = made()
    vertices = MorphedVertices(base, targets)
    weights = np.full(9, 0.5, np.float32)
    assert vertices.update(weights)
    assert not vertices.update(weights.copy())


def test_a_target_that_moves_nothing_costs_nothing() -> None:
    base, targets = made(targets=3)
    still = MorphTarget(positions=np.zeros((40, 3), np.float32))
    vertices = MorphedVertices(base, (*targets, still))
    assert not vertices.update(np.array([0, 0, 0, 1], np.float32))

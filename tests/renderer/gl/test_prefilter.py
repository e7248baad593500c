"""A panorama's light: against integrals that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from renderer.gl.prefilter import LAYERS, SIZE, layers, octahedron
from renderer.scene import Panorama

TURN = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], np.float32)
"""World x becomes the map's y, y its z, z its x."""


def panorama(radiance, rotation=None) -> Panorama:
    """``radiance(x, y, z)`` of the map's own directions, by the layout that the class describes."""
    height, width = 128, 256
    polar = (np.arange(height)[:, None] + 0.5) / height * np.pi
    around = 2 * np.pi * ((np.arange(width)[None] + 0.5) / width - 0.5)
    x, y, z = np.sin(polar) * np.cos(around), np.cos(polar) + 0 * around, np.sin(polar) * np.sin(around)
    grey = np.broadcast_to(radiance(x, y, z), (height, width))
    return Panorama(pixels=np.repeat(grey[..., None], 3, axis=2).astype(np.float32), rotation=rotation)


@pytest.mark.parametrize("rotation", [None, TURN])
@pytest.mark.parametrize(
    ("radiance", "convolved"),
    [
        (lambda x, y, z: 1.0 + 0 * x, lambda x, y, z: 1.0 + 0 * x),
        (lambda x, y, z: 1 + 0.9 * x, lambda x, y, z: 1 + 0.6 * x),
        (lambda x, y, z: 2 + y - z, lambda x, y, z: 2 + 2 / 3 * (y - z)),
        (lambda x, y, z: 1 + x * y + 2 * x * z - y * z, lambda x, y, z: 1 + (x * y + 2 * x * z - y * z) / 4),
        (lambda x, y, z: y * y, lambda x, y, z: 1 / 3 + (y * y - 1 / 3) / 4),
        (lambda x, y, z: x * x, lambda x, y, z: 1 / 3 + (x * x - 1 / 3) / 4),
    ],
)
def test_irradiance_of_polynomials_is_that_of_the_closed_form(radiance, convolved, rotation: np.ndarray | None) -> None:
    normals = octahedron(SIZE)
    seen = normals if rotation is None else normals @ rotation.T
    found = layers(panorama(radiance, rotation))[LAYERS, :, :, 0].ravel()
    np.testing.assert_allclose(found, convolved(*seen.T), atol=0.02)


def test_a_mirror_shows_the_panorama_itself_turned() -> None:
    volume = layers(panorama(lambda x, y, z: 2 + x + 0.5 * y * z, TURN))
    x, y, z = (octahedron(SIZE) @ TURN.T).T
    np.testing.assert_allclose(volume[0, :, :, 0].ravel(), 2 + x + 0.5 * y * z, atol=0.015)


def test_every_layer_keeps_a_constant() -> None:
    volume = layers(panorama(lambda x, y, z: 3.0 + 0 * x))
    assert volume.shape == (LAYERS + 1, SIZE, SIZE, 4)
    np.testing.assert_allclose(volume[..., :3].astype(np.float32), 3.0, atol=0.004)


@pytest.mark.parametrize("layer", range(1, LAYERS))
def test_a_linear_panorama_is_flattened_by_the_lobes_mean_cosine(layer: int) -> None:
    volume = layers(panorama(lambda x, y, z: 1 + x))
    alpha = (layer / (LAYERS - 1)) ** 2
    share = (np.arange(20000) + 0.5) / 20000
    half = (1 - share) / (1 + (alpha**2 - 1) * share)
    cosine = np.maximum(2 * half - 1, 0)
    expected = (cosine * cosine).sum() / cosine.sum()
    x = octahedron(SIZE)[:, 0]
    slope = np.polyfit(x, volume[layer, :, :, 0].ravel().astype(np.float64), 1)[0]
    assert slope == pytest.approx(expected, abs=0.02)


def test_octahedron_covers_the_sphere_evenly_enough() -> None:
    directions = octahedron(65)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    middle = directions.reshape(65, 65, 3)[32, 32]
    assert middle.tolist() == [0.0, 1.0, 0.0]
    corner = directions.reshape(65, 65, 3)[0, 0]
    np.testing.assert_allclose(corner, (0, -1, 0), atol=1e-6)

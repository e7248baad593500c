"""Draco through DracoPy: the same model with and without it, and what happens where DracoPy is not installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from renderer.assets import Asset, extensions, load
from renderer.assets import draco as primitives
from renderer.errors import AssetError

needs_draco = pytest.mark.skipif(importlib.util.find_spec("DracoPy") is None, reason="DracoPy is not installed")

PAIRS = (("Box/Box.gltf", "Box.glb"), ("CesiumMan/CesiumMan.gltf", "CesiumMan.glb"))


def triangles(asset: Asset) -> np.ndarray:
    """Every triangle's corners ``(t, 9)``, sorted: the order is Draco's own."""
    rows = []
    for mesh in asset.avatar.meshes:
        for primitive in mesh.primitives:
            order = np.arange(len(primitive.positions)) if primitive.indices is None else primitive.indices
            rows.append(primitive.positions[order].reshape(-1, 9))
    corners = np.concatenate(rows)
    return corners[np.lexsort(np.round(corners.mean(axis=1, keepdims=True), 3).T)]


@needs_draco
@pytest.mark.shared
@pytest.mark.parametrize(("packed", "plain"), PAIRS)
def test_unpacks_to_the_plain_model(shared: Path, packed: str, plain: str) -> None:
    ours = load(shared / "models/formats/draco" / packed)
    theirs = load(shared / "models/khronos" / plain)
    a, b = triangles(ours), triangles(theirs)
    assert a.shape == b.shape
    # Draco quantises; areas, middle and size are those of the plain model.
    for rows in (a, b):
        assert np.isfinite(rows).all()
    np.testing.assert_allclose(a.reshape(-1, 3).mean(axis=0), b.reshape(-1, 3).mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(a.reshape(-1, 3).std(axis=0), b.reshape(-1, 3).std(axis=0), atol=1e-3)
    for mesh in ours.avatar.meshes:
        for primitive in mesh.primitives:
            assert primitive.normals is not None
            assert (primitive.weights is None) == ("CesiumMan" not in packed)
            if primitive.weights is not None:
                np.testing.assert_allclose(primitive.weights.sum(axis=1), 1, atol=1e-5)


@needs_draco
@pytest.mark.shared
@pytest.mark.parametrize("name", ["MorphPrimitivesTest/MorphPrimitivesTest.gltf", "DracoSparseMesh.gltf"])
def test_the_other_samples_load(shared: Path, name: str) -> None:
    asset = load(shared / "models/formats/draco" / name)
    assert sum(len(p.positions) for mesh in asset.avatar.meshes for p in mesh.primitives) in (30, 62)


@needs_draco
@pytest.mark.shared
def test_damaged_data_is_refused(shared: Path, tmp_path: Path) -> None:
    folder = shared / "models/formats/draco/Box"
    for path in folder.iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data if path.suffix == ".gltf" else data[:11] + bytes(len(data) - 11))
    with pytest.raises(AssetError) as caught:
        load(tmp_path / "Box.gltf")
    assert caught.value.code == "compression.draco"


@pytest.mark.shared
def test_without_dracopy_it_is_refused_by_name(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (extensions, primitives):
        monkeypatch.setattr(module, "available", lambda: False)
    with pytest.raises(AssetError) as caught:
        load(shared / "models/formats/draco/Box/Box.gltf")
    assert caught.value.code == "extension.required"
    assert "KHR_draco_mesh_compression" in caught.value.message
    assert "DracoPy" in caught.value.hint

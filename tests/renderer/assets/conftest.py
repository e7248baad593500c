"""Small glTF files made to order, as fixtures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gltf_file import GltfFile, pack, package_files


@pytest.fixture
def gltf() -> GltfFile:
    """An empty document to fill."""
    return GltfFile()


@pytest.fixture
def packed() -> Callable[[bytes, bytes], bytes]:
    """Wraps JSON and binary in a GLB container."""
    return pack


@pytest.fixture
def files() -> dict[str, bytes]:
    """A package whose two clips move ``arm.L`` and a node that the character lacks."""
    return package_files()

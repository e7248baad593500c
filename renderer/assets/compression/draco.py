"""KHR_draco_mesh_compression: vertices and indices packed by Draco, unpacked by DracoPy where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from renderer.assets.compression.damage import Damaged
from renderer.assets.document import Index

DRACO = "KHR_draco_mesh_compression"
_PACKAGE = "DracoPy"


class DracoObject(msgspec.Struct, rename="camel"):
    """The extension's object on a primitive: where the bytes are, and which of their attributes is which."""

    buffer_view: Index
    attributes: dict[str, int]


@dataclass(slots=True, kw_only=True, frozen=True)
class Unpacked:
    """Triangles ``(m, 1)`` as indices, and the attributes ``(n, c)`` by glTF's names."""

    indices: NDArray[Any]
    attributes: dict[str, NDArray[Any]]


def available() -> bool:
    """Whether DracoPy is installed."""
    return importlib.util.find_spec(_PACKAGE) is not None


def unpack(data: bytes, *, attributes: Mapping[str, int]) -> Unpacked:
    """The mesh in Draco's bytes; ``attributes`` are names and Draco's unique ids.

    Raises ``Damaged``.
    """
    # DracoPy takes a tenth of a second to import, and few files need it.
    library: Any = importlib.import_module(_PACKAGE)
    try:
        mesh = library.decode(data)
        faces = mesh.faces
        found = {name: mesh.get_attribute_by_unique_id(number) for name, number in attributes.items()}
    except (library.FileTypeException, AttributeError, KeyError, ValueError, RuntimeError) as error:
        raise Damaged(f"Draco: {error or type(error).__name__}") from error
    for name, attribute in found.items():
        if attribute is None:
            raise Damaged(f"there is no attribute for {name}")
    return Unpacked(
        indices=np.asarray(faces).reshape(-1, 1),
        attributes={name: np.asarray(attribute["data"]) for name, attribute in found.items()},
    )

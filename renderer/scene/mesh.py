"""Meshes: primitives, their vertex arrays and morph targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from renderer.scene.later import Later


class Mode(IntEnum):
    """How vertices make primitives; values are glTF's, which are OpenGL's."""

    POINTS = 0
    LINES = 1
    LINE_LOOP = 2
    LINE_STRIP = 3
    TRIANGLES = 4
    TRIANGLE_STRIP = 5
    TRIANGLE_FAN = 6


@dataclass(slots=True, kw_only=True)
class MorphTarget:
    """Differences that one target at weight 1 adds; each ``(n, 3) float32`` or None where the file has none."""

    positions: NDArray[np.float32] | None = None
    normals: NDArray[np.float32] | None = None
    tangents: NDArray[np.float32] | None = None


@dataclass(kw_only=True)
class Primitive:
    """Vertex arrays drawn with one material.

    Attributes:
        positions: ``(n, 3) float32``.
        normals: ``(n, 3) float32`` unit length, or None: flat normals are then computed by the loader.
        tangents: ``(n, 4) float32``, w is the handedness +1 or -1, or None. Where a file leaves out tangents that a
            normal map needs, they are computed when they are first asked for.
        uvs: zero, one or two arrays ``(n, 2) float32``; (0, 0) is the picture's upper left corner.
        colors: ``(n, 4) float32`` linear, alpha 1 where the file has three components, or None.
        joints: ``(n, 4k) uint16`` indices into the skin's joints, or None.
        weights: ``(n, 4k) float32`` skin weights that sum to 1, or None.
        indices: ``(m,) uint32`` or None for vertices in order.
        material: index into ``Avatar.materials``, -1 for glTF's default material.
        variants: of a file with variants (``Avatar.variants``): index of the variant to its material.
        targets: one per entry of ``Mesh.target_names``/``Mesh.weights``; read when they are first asked for.
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32] | None = None
    tangents: Later[NDArray[np.float32] | None] = Later(None)  # noqa: RUF009 -- a descriptor
    uvs: tuple[NDArray[np.float32], ...] = ()
    colors: NDArray[np.float32] | None = None
    joints: NDArray[np.uint16] | None = None
    weights: NDArray[np.float32] | None = None
    indices: NDArray[np.uint32] | None = None
    mode: Mode = Mode.TRIANGLES
    material: int = -1
    variants: dict[int, int] = field(default_factory=dict)
    targets: Later[tuple[MorphTarget, ...]] = Later(())  # noqa: RUF009 -- a descriptor


@dataclass(slots=True, kw_only=True)
class Mesh:
    """Primitives that share morph weights.

    Attributes:
        weights: ``(targets,) float32`` default morph weights.
        target_names: one name per target, ``""`` where the file names none.
    """

    name: str
    primitives: tuple[Primitive, ...]
    weights: NDArray[np.float32]
    target_names: tuple[str, ...] = ()

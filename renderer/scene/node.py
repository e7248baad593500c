"""A node of the transform hierarchy."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class Node(msgspec.Struct, kw_only=True, gc=False, eq=False):
    """One node; indices refer to the lists of the avatar that holds it, -1 means "none".

    A struct rather than a data class because an avatar has hundreds and this makes one in a sixth of the time.

    Attributes:
        translation: ``(3,) float32`` metres.
        rotation: ``(4,) float32`` unit quaternion xyzw.
        scale: ``(3,) float32``.
        matrix: ``(4, 4) float32`` when the file gave a matrix that the three above cannot express exactly (they
            then hold what is nearest to it); it wins over them, and such a node cannot be animated.
        weights: ``(targets,) float32`` morph weights that override the mesh's own, or None.
    """

    name: str
    parent: int
    children: tuple[int, ...]
    translation: NDArray[np.float32]
    rotation: NDArray[np.float32]
    scale: NDArray[np.float32]
    matrix: NDArray[np.float32] | None = None
    mesh: int = -1
    skin: int = -1
    camera: int = -1
    light: int = -1
    weights: NDArray[np.float32] | None = None

"""Skins: which nodes move a mesh's vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, kw_only=True)
class Skin:
    """Joints and their inverse bind matrices.

    Attributes:
        joints: ``(j,) int32`` node indices.
        inverse_bind: ``(j, 4, 4) float32``, identities where the file gives none.
        skeleton: node index of the common root, -1 when not given.
    """

    name: str
    joints: NDArray[np.int32]
    inverse_bind: NDArray[np.float32]
    skeleton: int = -1

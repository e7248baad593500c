"""Joint matrices of every skin of an avatar in one float texture, written once a picture (glTF 2.0, 3.7.3).

Three texels (the rows of an affine matrix) a joint, 256 joints a line: any number of joints, and no extension or
texture buffer, so that OpenGL ES 3.1 reads it as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.scene import Skin

_LINE = 256
_NEAREST = 0x2600


class Joints:
    """Attributes:
    first: index of each skin's first joint in the texture.
    """

    def __init__(self, context: GraphicsContext, skins: tuple[Skin, ...]) -> None:
        counts = [len(skin.joints) for skin in skins]
        self.first = tuple(int(start) for start in np.cumsum([0, *counts])[:-1])
        self._count = sum(counts)
        lines = max(1, -(-self._count // _LINE))
        self._nodes = np.concatenate([skin.joints for skin in skins] or [np.zeros(0, np.int32)])
        self._bind = np.concatenate([skin.inverse_bind for skin in skins] or [np.zeros((0, 4, 4), np.float32)])
        self._rows = np.zeros((lines * _LINE, 3, 4), np.float32)
        self._texture: Any = None
        if self._count:
            self._texture = context.gl.texture((_LINE * 3, lines), 4, dtype="f4")
            self._texture.filter = (_NEAREST, _NEAREST)

    def update(self, world: NDArray[np.float32]) -> None:
        """Write ``world[joint] @ inverse_bind`` of every joint; ``world`` is ``(nodes, 4, 4)``."""
        if self._count:
            np.matmul(world[self._nodes, :3], self._bind, out=self._rows[: self._count])
            self._texture.write(self._rows)

    def matrices(self, skin: int) -> NDArray[np.float32]:
        """``(joints, 3, 4)`` of one skin as last written."""
        first = self.first[skin]
        last = self.first[skin + 1] if skin + 1 < len(self.first) else self._count
        return self._rows[first:last]

    def every(self) -> NDArray[np.float32]:
        """``(joints, 3, 4)`` of all skins, one after the other."""
        return self._rows[: self._count]

    def use(self, unit: int) -> None:
        """Bind the texture; without any skin there is none and nothing reads it."""
        if self._texture is not None:
            self._texture.use(unit)

    def release(self) -> None:
        """Free the texture."""
        if self._texture is not None:
            self._texture.release()
            self._texture = None

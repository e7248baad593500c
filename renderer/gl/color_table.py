"""The colour table that a picture ends with, on the GPU, read as the platform's own renderer reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl import calls
from renderer.gl.context import GraphicsContext


class ColorTable:
    """Keeps the last table."""

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._table: NDArray[np.uint8] | None = None
        self._texture: Any = None

    def prepare(self, table: NDArray[np.uint8]) -> None:
        """Make a table ready, ``(16, 256, 3) uint8``, unless it is already."""
        if table is self._table:
            return
        self.release()
        height, width = table.shape[:2]
        self._texture = self._context.gl.texture((width, height), 3, np.ascontiguousarray(table), alignment=1)
        self._texture.filter = (calls.LINEAR, calls.LINEAR)
        self._texture.repeat_x = self._texture.repeat_y = False
        self._table = table

    def use(self, unit: int) -> None:
        """Bind the table; without any there is none and nothing reads it."""
        if self._texture is not None:
            self._texture.use(unit)

    def release(self) -> None:
        """Free the texture."""
        if self._texture is not None:
            self._texture.release()
        self._texture, self._table = None, None

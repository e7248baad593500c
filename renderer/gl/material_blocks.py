"""The numbers of all drawn materials on the GPU, in one buffer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from renderer.gl.blocks import LAYERS, LAYERS_BINDING, MATERIAL, MATERIAL_BINDING
from renderer.gl.context import GraphicsContext
from renderer.gl.materials import Surface

_STRIDE, _LAYERS_AT = 1024, 512  # no driver wants uniform ranges aligned to more than 256


class MaterialBlocks:
    """One stretch of a buffer for each surface: its material block, and behind it its layers'."""

    def __init__(self, context: GraphicsContext, surfaces: Sequence[Surface]) -> None:
        packed = np.zeros((max(1, len(surfaces)), _STRIDE), np.uint8)
        for index, one in enumerate(surfaces):
            packed[index, : MATERIAL.itemsize] = np.frombuffer(one.block.tobytes(), np.uint8)
            if one.layers is not None:
                packed[index, _LAYERS_AT : _LAYERS_AT + LAYERS.itemsize] = np.frombuffer(one.layers.tobytes(), np.uint8)
        self._layered = [one.layers is not None for one in surfaces]
        self._buffer = context.gl.buffer(packed)

    def use(self, index: int) -> None:
        """Bind the blocks of one surface."""
        self._buffer.bind_to_uniform_block(MATERIAL_BINDING, offset=index * _STRIDE, size=MATERIAL.itemsize)
        if self._layered[index]:
            at = index * _STRIDE + _LAYERS_AT
            self._buffer.bind_to_uniform_block(LAYERS_BINDING, offset=at, size=LAYERS.itemsize)

    def release(self) -> None:
        """Free the buffer."""
        self._buffer.release()

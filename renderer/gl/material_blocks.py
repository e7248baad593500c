"""The numbers of all drawn materials on the GPU, in one buffer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from renderer.gl.blocks import LAYERS, LAYERS_BINDING, MATERIAL, MATERIAL_BINDING, TOON, TOON_BINDING
from renderer.gl.context import GraphicsContext
from renderer.gl.materials import Surface

_STRIDE, _LAYERS_AT, _TOON_AT = 1024, 512, 768  # no driver wants uniform ranges aligned to more than 256


class MaterialBlocks:
    """One stretch of a buffer for each surface: its material block, behind it its layers', behind those its toon's."""

    def __init__(self, context: GraphicsContext, surfaces: Sequence[Surface]) -> None:
        packed = np.zeros((max(1, len(surfaces)), _STRIDE), np.uint8)
        self._parts: list[list[tuple[int, int, int]]] = []  # binding, place, size
        for index, one in enumerate(surfaces):
            self._parts.append([])
            for binding, offset, kind, block in (
                (MATERIAL_BINDING, 0, MATERIAL, one.block),
                (LAYERS_BINDING, _LAYERS_AT, LAYERS, one.layers),
                (TOON_BINDING, _TOON_AT, TOON, one.toon),
            ):
                if block is not None:
                    packed[index, offset : offset + kind.itemsize] = np.frombuffer(block.tobytes(), np.uint8)
                    self._parts[index].append((binding, index * _STRIDE + offset, kind.itemsize))
        self._buffer = context.gl.buffer(packed)

    def use(self, index: int) -> None:
        """Bind the blocks of one surface."""
        for binding, offset, size in self._parts[index]:
            self._buffer.bind_to_uniform_block(binding, offset=offset, size=size)

    def release(self) -> None:
        """Free the buffer."""
        self._buffer.release()

"""The file's own lights on the GPU (KHR_lights_punctual); they follow the nodes that carry them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from renderer.gl.blocks import LAMPS, LAMPS_BINDING
from renderer.gl.context import GraphicsContext
from renderer.scene import Avatar, PunctualLight
from renderer.scene.light import MOST_LAMPS


class Lamps:
    """The first ``MOST_LAMPS`` lights of the drawn scene."""

    def __init__(self, context: GraphicsContext, avatar: Avatar) -> None:
        nodes = [node for node in avatar.order if 0 <= avatar.nodes[node].light < len(avatar.lights)]
        self._nodes = np.array(nodes[:MOST_LAMPS], np.intp)
        self._block = np.zeros((), LAMPS)
        self._block["count"][0] = len(self._nodes)
        for index, node in enumerate(self._nodes):
            light = avatar.lights[avatar.nodes[node].light]
            self._block["color"][index, :3] = np.asarray(light.color) * light.intensity
            self._block["axis"][index, 3] = 1.0 / light.range if light.range else 0.0
            self._block["place"][index, 3] = light.kind != "directional"
            self._block["cone"][index, :2] = _cone(light)
        self._buffer = context.gl.buffer(reserve=LAMPS.itemsize, dynamic=True) if len(self._nodes) else None

    @property
    def any(self) -> bool:
        """Whether the file brings lights at all."""
        return self._buffer is not None

    def update(self, world: NDArray[np.float32]) -> None:
        """Follow the nodes: ``world`` is ``(nodes, 4, 4)``. A light shines along its node's -Z."""
        if self._buffer is None:
            return
        placed, count = world[self._nodes], len(self._nodes)
        self._block["place"][:count, :3] = placed[:, :3, 3]
        along = -placed[:, :3, 2]
        self._block["axis"][:count, :3] = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
        self._buffer.write(self._block.tobytes())

    def use(self) -> None:
        """Bind the block."""
        if self._buffer is not None:
            self._buffer.bind_to_uniform_block(LAMPS_BINDING)

    def release(self) -> None:
        """Free the buffer."""
        if self._buffer is not None:
            self._buffer.release()


def _cone(light: PunctualLight) -> tuple[float, float]:
    if light.kind != "spot":
        return 0.0, 1.0
    inner, outer = math.cos(light.inner_cone), math.cos(light.outer_cone)
    factor = 1.0 / max(inner - outer, 1e-3)
    return factor, -outer * factor

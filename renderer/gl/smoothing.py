"""The pass that smooths outlines of a picture with one sample a pixel, for drivers that draw on the CPU.

After Persson, "Geometric post-process anti-aliasing" (GPU Pro 2, 2011).

Four samples cost such a driver more than everything else, and it shades what is hidden with them. Here each pixel is
shaded once, and the few that an outline cuts are mixed from both sides by the outline's exact place in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.gl.programs import Programs

_VALUES = 6  # of an edge: both ends in normalised device coordinates


class Smoothing:
    """Draws edges over a finished picture."""

    def __init__(self, context: GraphicsContext, programs: Programs) -> None:
        self._context, self._programs = context, programs
        self._buffer: Any = None
        self._array: Any = None
        self._room = 0

    def draw(self, edges: NDArray[np.float32], picture: Any, *, size: tuple[int, int]) -> None:
        """Mix what the edges cut into the bound framebuffer, which already shows the picture.

        Args:
            edges: ``(n, 2, 3)`` ends in normalised device coordinates, as near as they may be without being hidden.
            picture: the same picture as a texture of ``size`` pixels.
        """
        if not len(edges):
            return
        if len(edges) > self._room:
            self.release()
            self._room = 2 * len(edges)
            self._buffer = self._context.gl.buffer(reserve=self._room * 4 * _VALUES, dynamic=True)
            program = self._programs.get(vertex="smooth.vert.glsl", fragment="smooth.frag.glsl")
            content = [(self._buffer, "3f4 3f4/i", "in_from", "in_to")]
            self._array = self._context.gl.vertex_array(program, content)
        gl = self._context.gl
        self._buffer.orphan()
        self._buffer.write(np.ascontiguousarray(edges, np.float32))
        self._array.program["u_size"].value = size
        self._array.program["u_picture"].value = 0
        picture.use(0)
        gl.disable(gl.CULL_FACE | gl.BLEND)
        gl.enable(gl.DEPTH_TEST)
        gl.depth_func = "<="
        gl.fbo.depth_mask = False
        self._array.render(gl.TRIANGLE_STRIP, vertices=4, instances=len(edges))
        gl.fbo.depth_mask = True

    def release(self) -> None:
        """Free buffer and array."""
        if self._buffer is not None:
            self._array.release()
            self._buffer.release()
        self._buffer, self._array, self._room = None, None, 0

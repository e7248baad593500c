"""The pass that lays pictures over a finished one: text and controls of a window. Our own method."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.gl.programs import Programs


class Overlay:
    """Keeps each of its pictures on the GPU until another takes its place."""

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._programs = Programs(context)
        program = self._programs.get(vertex="overlay.vert.glsl", fragment="overlay.frag.glsl")
        self._array = context.gl.vertex_array(program, [])
        self._shown: dict[str, tuple[NDArray[np.uint8], Any]] = {}

    def draw(self, name: str, picture: NDArray[np.uint8], *, at: tuple[int, int], size: tuple[int, int]) -> None:
        """Lay a picture ``(h, w, 4) uint8`` (sRGB, straight alpha) over the bound target, whose first row is lowest.

        Args:
            name: of the place; the same picture object there is not uploaded again.
            at: where its upper left corner comes to lie, pixels from the target's.
            size: of the target.
        """
        gl = self._context.gl
        texture = self._texture(name, picture)
        height, width = picture.shape[:2]
        gl.disable(gl.DEPTH_TEST | gl.CULL_FACE)
        gl.enable(gl.BLEND)
        gl.blend_func = (gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
        program = self._array.program
        program["u_place"].value = (at[0] / size[0], at[1] / size[1], width / size[0], height / size[1])
        program["u_picture"].value = 0
        texture.use(0)
        self._array.render(gl.TRIANGLE_STRIP, vertices=4)
        gl.disable(gl.BLEND)

    def _texture(self, name: str, picture: NDArray[np.uint8]) -> Any:
        known = self._shown.get(name)
        if known is not None and known[0] is picture:
            return known[1]
        height, width = picture.shape[:2]
        data = np.ascontiguousarray(picture).tobytes()
        if known is not None and known[1].size == (width, height):
            texture = known[1]
            texture.write(data)
        else:
            if known is not None:
                known[1].release()
            texture = self._context.gl.texture((width, height), 4, data)
            texture.filter = (calls.NEAREST, calls.NEAREST)
        self._shown[name] = picture, texture
        return texture

    def release(self) -> None:
        """Free everything."""
        for _, texture in self._shown.values():
            texture.release()
        self._shown.clear()
        self._array.release()
        self._programs.release()

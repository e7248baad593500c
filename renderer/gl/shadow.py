"""The key light's shadow map: the depth of what the light sees, asked again while shading.

Shadow maps are of Williams, "Casting curved shadows on curved surfaces" (1978); their soft edge is in
``shaders/shadow.glsl``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer import maths
from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.scene import DirectionalLight, Shadow

_NO_WIDTH = 1e-9  # metres: where two sides are one, everything lies outside
_DEPTH_COMPONENT, _DEPTH_COMPONENT24, _UNSIGNED_INT = 0x1902, 0x81A6, 0x1405


def light_projection(light: DirectionalLight, shadow: Shadow) -> NDArray[np.float32]:
    """World to the light's clip space ``(4, 4)``: an orthographic camera that looks at the world's origin."""
    direction = np.asarray(light.direction, np.float64)
    direction /= np.linalg.norm(direction)
    eye = direction * shadow.distance
    up = (0.0, 1.0, 0.0) if abs(float(direction[1])) < 0.9999 else (0.0, 0.0, 1.0)
    box = np.eye(4, dtype=np.float64)
    sides = ((shadow.left, shadow.right, 1.0), (shadow.bottom, shadow.top, 1.0), (shadow.near, shadow.far, -1.0))
    for axis, (low, high, sign) in enumerate(sides):
        across = (high - low) or _NO_WIDTH
        box[axis, axis] = 2.0 * sign / across
        box[axis, 3] = -(high + low) / across
    matrix: NDArray[np.float32] = (box @ maths.look_at(tuple(map(float, eye)), (0.0, 0.0, 0.0), up)).astype(np.float32)
    return matrix


def to_map(projection: NDArray[np.float32]) -> NDArray[np.float32]:
    """World to the map's texture coordinates and depth, all 0 to 1, from world to clip space."""
    half = np.array(((0.5, 0, 0, 0.5), (0, 0.5, 0, 0.5), (0, 0, 0.5, 0.5), (0, 0, 0, 1)), np.float32)
    return half @ projection


class ShadowMap:
    """A depth texture with comparison, drawn into through ``begin``; made when first needed."""

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._texture: Any = None
        self._framebuffer: Any = None
        self._resolution = 0

    def begin(self, resolution: int) -> None:
        """Clear the map and make it the drawing target."""
        if resolution != self._resolution:
            self.release()
            self._make(resolution)
        self._framebuffer.use()
        gl = self._context.calls
        gl.clear(calls.DEPTH_BUFFER_BIT)

    def _make(self, resolution: int) -> None:
        context = self._context
        size = (resolution, resolution)
        self._texture = context.gl.depth_texture(size)
        # moderngl describes depth as floats, which OpenGL ES refuses: the storage is given anew in its terms.
        _ = context.gl.error
        self._texture.use(0)
        shape = (_DEPTH_COMPONENT24, *size, 0, _DEPTH_COMPONENT, _UNSIGNED_INT)
        context.calls.tex_image(calls.TEXTURE_2D, 0, *shape, None)
        self._texture.compare_func = "<="
        self._texture.filter = (calls.LINEAR, calls.LINEAR)
        self._texture.repeat_x = self._texture.repeat_y = False
        self._framebuffer = context.gl.framebuffer([], self._texture)
        _ = context.gl.error  # moderngl names a draw buffer even where there is no colour; OpenGL ES refuses that too
        self._resolution = resolution

    def use(self, unit: int) -> None:
        """Bind the map; without any shadow there is none and nothing reads it."""
        if self._texture is not None:
            self._texture.use(unit)

    def release(self) -> None:
        """Free texture and framebuffer."""
        if self._texture is not None:
            self._framebuffer.release()
            self._texture.release()
        self._texture, self._framebuffer, self._resolution = None, None, 0

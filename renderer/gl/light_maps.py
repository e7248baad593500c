"""What is drawn of a pose before its picture: where light arrives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.gl import units
from renderer.gl.blocks import FRAME, FRAME_BINDING
from renderer.gl.context import GraphicsContext
from renderer.gl.figure import DEPTH_ALONE, Figure
from renderer.gl.openness import Openness
from renderer.gl.shadow import ShadowMap, light_projection, to_map
from renderer.scene import AlphaMode, DirectionalLight, Environment, Lighting, Panorama
from renderer.scene.extent import extent


class LightMaps:
    """The key light's shadow map, and maps of what the avatar hides from itself of its surroundings' light.

    Attributes:
        shadow_from_world: ``(4, 4)`` to texture coordinates and depth of the shadow map.
    """

    def __init__(self, context: GraphicsContext, figure: Figure) -> None:
        self._context, self._figure = context, figure
        self._shadow_map = ShadowMap(context)
        self._openness = Openness(context)
        self._frame_buffer = context.gl.buffer(reserve=FRAME.itemsize, dynamic=True)
        self._shadow_of: DirectionalLight | None = None
        self._open_for: Environment | Panorama | None = None
        self.shadow_from_world = np.eye(4, dtype=np.float32)

    def forget(self) -> None:
        """Something has moved."""
        self._shadow_of = self._open_for = None

    def draw(self, lighting: Lighting) -> None:
        """Draw the maps that the lighting asks for and that are not there yet; leaves another drawing target bound.

        Raises:
            GraphicsError: the driver refused a shader.
        """
        self._find_openness(lighting)
        key = lighting.key
        if key is None or key.shadow is None or key == self._shadow_of:
            return
        gl, figure = self._context.gl, self._figure
        projection = light_projection(key, key.shadow)
        self.shadow_from_world = to_map(projection)
        self._look_along(projection)
        self._shadow_map.begin(key.shadow.resolution)
        gl.enable(gl.DEPTH_TEST)
        gl.disable(gl.BLEND)
        gl.depth_func = "<="
        for drawn in figure.drawn:
            if drawn.geometry.count:
                array = figure.array(drawn, DEPTH_ALONE)
                both = drawn.material.double_sided or drawn.material.casts_both_sides
                figure.place(drawn, array.program, flipped=False, back=True, front=both)
                figure.bind(drawn)
                array.render()
        self._shadow_of = key

    def _find_openness(self, lighting: Lighting) -> None:
        """Draw the maps of what the avatar hides from itself, if the picture is to show it."""
        around = lighting.environment
        if not lighting.occlusion or around is None or around is self._open_for:
            return
        figure = self._figure
        box = extent(figure.avatar, figure.world)
        if box is None:
            return
        gl = self._context.gl
        gl.enable(gl.DEPTH_TEST)
        gl.disable(gl.BLEND)
        gl.depth_func = "<="

        def draw(matrix: NDArray[np.float32]) -> None:
            self._look_along(matrix)
            for drawn in figure.drawn:
                solid = drawn.material.alpha_mode is not AlphaMode.BLEND
                if drawn.geometry.count and solid and "TRANSMISSION" not in drawn.surface.defines:
                    array = figure.array(drawn, DEPTH_ALONE)
                    figure.place(drawn, array.program, flipped=False, back=True, front=True)
                    figure.bind(drawn)
                    array.render()

        center, half = box.center.astype(np.float32), (box.size / 2).astype(np.float32)
        self._openness.draw(center, half, around, draw)
        self._open_for = around

    def _look_along(self, matrix: NDArray[np.float32]) -> None:
        """Make ``(4, 4)`` world to clip space that of what is drawn next."""
        frame = np.zeros((), FRAME)
        frame["view_projection"] = matrix.T
        self._frame_buffer.write(frame.tobytes())
        self._frame_buffer.bind_to_uniform_block(FRAME_BINDING)

    def use(self) -> None:
        """Bind the maps."""
        self._shadow_map.use(units.SHADOW)
        self._openness.use(units.OPENNESS, units.OPENNESS_FRAMES)

    def release(self) -> None:
        """Free everything."""
        self._shadow_map.release()
        self._openness.release()
        self._frame_buffer.release()

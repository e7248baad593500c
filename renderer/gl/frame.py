"""What one picture shares: camera, light and look, as the shaders' numbers and macros."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.gl import units
from renderer.gl.blocks import FRAME, FRAME_BINDING
from renderer.gl.color_table import ColorTable
from renderer.gl.context import GraphicsContext
from renderer.gl.prefilter import LAYERS, SIZE
from renderer.gl.projection import eye_vector, view_projection
from renderer.gl.surroundings import Surroundings
from renderer.scene import Lighting, Look, Panorama, View

_TONES = {"aces": "TONE_ACES", "neutral": "TONE_NEUTRAL", "none": "TONE_NONE"}


class Frame:
    """The block of ``shaders/frame.glsl``, and the textures that belong to it."""

    def __init__(self, context: GraphicsContext) -> None:
        self._values = np.zeros((), FRAME)
        self._buffer = context.gl.buffer(reserve=FRAME.itemsize, dynamic=True)
        self._surroundings = Surroundings(context)
        self._color_table = ColorTable(context)

    def use(
        self,
        *,
        view: View,
        aspect: float,
        lighting: Lighting,
        look: Look,
        shadow_from_world: NDArray[np.float32],
        time: float,
        flipped: bool,
    ) -> None:
        """Write and bind everything; arguments as for ``Stage.draw``."""
        frame = self._values
        frame["clock"][:2] = (time, aspect)
        frame["shadow_from_world"] = shadow_from_world.T
        frame["view_projection"] = view_projection(view, aspect, flipped=flipped).T
        frame["eye"] = eye_vector(view)
        if lighting.key is not None:
            frame["light_direction"][:3] = lighting.key.direction
            frame["light_color"][:3] = np.asarray(lighting.key.color) * lighting.key.intensity
            if (shadow := lighting.key.shadow) is not None:
                frame["shadow"] = (shadow.strength, shadow.bias, shadow.normal_bias, shadow.resolution)
        around = lighting.environment
        if isinstance(around, Panorama):
            self._surroundings.prepare(around)
            frame["look"][1:] = (around.intensity, SIZE, LAYERS)
        elif around is not None:
            for name in ("sky", "horizon", "ground"):
                frame[name][:3] = np.asarray(getattr(around, name)) * around.intensity
        frame["look"][0] = look.exposure
        if look.lut is not None:
            self._color_table.prepare(look.lut)
        self._buffer.write(frame.tobytes())
        self._buffer.bind_to_uniform_block(FRAME_BINDING)
        self._surroundings.use(units.PANORAMA)
        self._color_table.use(units.COLOR_TABLE)

    def release(self) -> None:
        """Free everything."""
        self._buffer.release()
        self._surroundings.release()
        self._color_table.release()


def light_macros(lighting: Lighting, look: Look, *, lamps: bool) -> frozenset[str]:
    """What the shaders are told of light and look; ``lamps``: whether the figure carries any."""
    macros = {_TONES[look.tone]}
    if lamps and lighting.lamps:
        macros.add("LAMPS")
    if look.lut is not None:
        macros.add("GRADED")
    if lighting.key is not None and lighting.key.intensity > 0.0:
        macros.add("KEY_LIGHT")
        if lighting.key.shadow is not None:
            macros.add("SHADOW")
    if lighting.environment is not None and lighting.environment.intensity > 0.0:
        macros.add("ENVIRONMENT")
        if lighting.occlusion:
            macros.add("OPENNESS")
        if isinstance(lighting.environment, Panorama):
            macros.add("PANORAMA")
    return frozenset(macros)

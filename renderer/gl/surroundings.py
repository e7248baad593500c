"""The panorama that lights the avatar, on the GPU: prefiltered layers after Karis (2013) in one volume."""

from __future__ import annotations

from typing import Any

from renderer.gl import calls, prefilter
from renderer.gl.context import GraphicsContext
from renderer.scene import Panorama


class Surroundings:
    """Keeps what was made of the last panorama: a still one costs its preparation once."""

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._panorama: Panorama | None = None
        self._texture: Any = None

    def use(self, unit: int) -> None:
        """Bind the light's layers; without any panorama there are none and nothing reads them."""
        if self._texture is not None:
            self._texture.use(unit)

    def prepare(self, panorama: Panorama) -> None:
        """Make a panorama's light ready, unless it is already."""
        known = self._panorama
        if known is not None and known.pixels is panorama.pixels and known.rotation is panorama.rotation:
            return
        self.release()
        volume = (prefilter.SIZE, prefilter.SIZE, prefilter.LAYERS + 1)
        self._texture = self._context.gl.texture3d(volume, 4, prefilter.layers(panorama).tobytes(), dtype="f2")
        self._texture.filter = (calls.LINEAR, calls.LINEAR)
        self._texture.repeat_x = self._texture.repeat_y = self._texture.repeat_z = False
        self._panorama = panorama

    def release(self) -> None:
        """Free the texture."""
        if self._texture is not None:
            self._texture.release()
        self._texture, self._panorama = None, None

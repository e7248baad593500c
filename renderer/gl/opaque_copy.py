"""A copy of what is drawn so far, for surfaces that light passes through (KHR_materials_transmission)."""

from __future__ import annotations

from typing import Any

from renderer.gl import calls
from renderer.gl.context import GraphicsContext


class OpaqueCopy:
    """Made when the first such surface is drawn, and again when the picture has another size."""

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._texture: Any = None
        self._framebuffer: Any = None

    def take(self, drawn: Any, unit: int) -> None:
        """Copy the framebuffer ``drawn``, which stays bound, with mipmaps, and bind the copy to a texture unit."""
        gl = self._context.gl
        if self._texture is None or self._texture.size != drawn.size:
            self.release()
            self._texture = gl.texture(drawn.size, 4)
            self._texture.repeat_x = self._texture.repeat_y = False
            self._framebuffer = gl.framebuffer([self._texture])
        raw, box = self._context.calls, (0, 0, *drawn.size)
        raw.bind_framebuffer(calls.READ_FRAMEBUFFER, drawn.glo)
        raw.bind_framebuffer(calls.DRAW_FRAMEBUFFER, self._framebuffer.glo)
        raw.blit_framebuffer(*box, *box, calls.COLOR_BUFFER_BIT, calls.NEAREST)
        drawn.use()
        self._texture.build_mipmaps()
        self._texture.filter = (calls.LINEAR_MIPMAP_LINEAR, calls.LINEAR)
        self._texture.use(unit)

    def release(self) -> None:
        """Free texture and framebuffer."""
        if self._texture is not None:
            self._framebuffer.release()
            self._texture.release()
        self._texture, self._framebuffer = None, None

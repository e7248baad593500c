"""What is behind the avatar as a picture of its own: drawn once, and copied under each picture. Our own method."""

from __future__ import annotations

from collections.abc import Callable

from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.scene import Background


class Behind:
    """A framebuffer of one size that keeps the last background."""

    def __init__(self, context: GraphicsContext, *, size: tuple[int, int]) -> None:
        self._calls = context.calls
        self._parking = context.parking
        self._size = size
        self._framebuffer = context.gl.framebuffer(
            [context.gl.renderbuffer(size, 4)], context.gl.depth_renderbuffer(size)
        )
        self._shown: Background | None = None

    def prepare(self, background: Background, draw: Callable[[], None]) -> None:
        """Draw the background with ``draw`` unless it is the last one."""
        if self._shown is background or self._shown == background:
            return
        self._framebuffer.use()
        self._calls.clear(calls.COLOR_BUFFER_BIT | calls.DEPTH_BUFFER_BIT)
        draw()
        self._shown = background

    def copy(self, framebuffer: int) -> None:
        """Copy it into another framebuffer of its size."""
        gl, (width, height) = self._calls, self._size
        box = (0, 0, width, height)
        gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._framebuffer.glo)
        gl.bind_framebuffer(calls.DRAW_FRAMEBUFFER, framebuffer)
        gl.blit_framebuffer(*box, *box, calls.COLOR_BUFFER_BIT, calls.NEAREST)

    def release(self) -> None:
        """Free everything."""
        self._parking.use()
        color, depth = self._framebuffer.color_attachments[0], self._framebuffer.depth_attachment
        self._framebuffer.release()
        color.release()
        depth.release()

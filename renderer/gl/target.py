"""What is drawn into without a screen: a multisampled picture, its resolved twin, and the way back to memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.errors import GraphicsError
from renderer.gl import calls
from renderer.gl.context import GraphicsContext

_MAX_SAMPLES, _MAX_RENDERBUFFER_SIZE = 0x8D57, 0x84E8


class Target:
    """Colour and depth of one size.

    Args:
        size: width and height in pixels.
        samples: samples a pixel; brought down to what the driver has, 0 or 1: none.

    Raises:
        GraphicsError: ``gl.size`` when the driver cannot draw that large.
    """

    def __init__(self, context: GraphicsContext, *, size: tuple[int, int], samples: int) -> None:
        self._calls = context.calls
        self._parking = context.parking
        limit = self._calls.integer(_MAX_RENDERBUFFER_SIZE)
        if min(size) < 1 or max(size) > limit:
            raise GraphicsError(
                f"a picture of {size[0]}x{size[1]} cannot be drawn",
                code="gl.size",
                where=context.driver,
                hint=f"each side may be 1 to {limit} pixels",
            )
        gl = context.gl
        self.size = size
        self.samples = min(samples, self._calls.integer(_MAX_SAMPLES)) if samples > 1 else 0
        self._resolved = gl.framebuffer(
            [gl.renderbuffer(size, 4)], None if self.samples else gl.depth_renderbuffer(size)
        )
        self._drawn = self._resolved
        if self.samples:
            self._drawn = gl.framebuffer(
                [gl.renderbuffer(size, 4, samples=self.samples)], gl.depth_renderbuffer(size, samples=self.samples)
            )
        self._pixel_buffers = [gl.buffer(reserve=4 * size[0] * size[1]) for _ in range(2)]
        self._turn = 0

    def begin(self, clear: tuple[float, float, float, float]) -> None:
        """Make this the drawing target and clear it; ``clear`` is premultiplied."""
        self._drawn.use()
        self._drawn.depth_mask = True
        self._calls.clear_color(*clear)
        self._calls.clear(calls.COLOR_BUFFER_BIT | calls.DEPTH_BUFFER_BIT)

    def _copy(self, destination: int | None) -> None:
        """Resolve, and copy the picture to an address or, with None, into the bound pixel buffer."""
        width, height = self.size
        gl = self._calls
        gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._drawn.glo)
        if self.samples:
            gl.bind_framebuffer(calls.DRAW_FRAMEBUFFER, self._resolved.glo)
            gl.blit_framebuffer(0, 0, width, height, 0, 0, width, height, calls.COLOR_BUFFER_BIT, calls.NEAREST)
            gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._resolved.glo)
        gl.read_buffer(calls.COLOR_ATTACHMENT0)
        gl.pixel_store(calls.PACK_ALIGNMENT, 4)
        gl.read_pixels(0, 0, width, height, calls.RGBA, calls.UNSIGNED_BYTE, destination)
        self._drawn.use()

    def read(self, into: NDArray[np.uint8]) -> None:
        """Wait for the picture and copy it, first drawn row first, into contiguous ``(h, w, 4) uint8``."""
        self._copy(into.ctypes.data)

    def start_read(self) -> int:
        """Begin a copy without waiting; ``finish_read`` takes the number that is returned. At most two at a time."""
        self._turn ^= 1
        self._calls.bind_buffer(calls.PIXEL_PACK_BUFFER, self._pixel_buffers[self._turn].glo)
        self._copy(None)
        self._calls.bind_buffer(calls.PIXEL_PACK_BUFFER, 0)
        return self._turn

    def finish_read(self, turn: int, into: NDArray[np.uint8]) -> None:
        """Wait for a begun copy and take it."""
        self._pixel_buffers[turn].read_into(into)

    def release(self) -> None:
        """Free everything."""
        self._parking.use()
        for framebuffer in {id(f): f for f in (self._resolved, self._drawn)}.values():
            attached: list[Any] = [*framebuffer.color_attachments, framebuffer.depth_attachment]
            framebuffer.release()
            for renderbuffer in attached:
                if renderbuffer is not None:
                    renderbuffer.release()
        for buffer in self._pixel_buffers:
            buffer.release()

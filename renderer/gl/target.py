"""What is drawn into without a screen: a multisampled picture, its resolved twin, and the way back to memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.errors import GraphicsError
from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.gl.footprint import Rect

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
        self._gl = gl
        self._pixel_buffers: list[Any] = []  # made when a copy that is not waited for is first begun
        self._staged = np.empty(0, np.uint8)
        self._turn = 0

    def begin(self, clear: tuple[float, float, float, float], rect: Rect) -> None:
        """Clear this and make a part of it the drawing target; ``clear`` is premultiplied."""
        gl = self._calls
        self._drawn.use()
        self._drawn.depth_mask = True
        # Everything is cleared faster than a part: that, Mesa draws as a rectangle.
        gl.disable(calls.SCISSOR_TEST)
        gl.clear_color(*clear)
        gl.clear(calls.COLOR_BUFFER_BIT | calls.DEPTH_BUFFER_BIT)
        gl.enable(calls.SCISSOR_TEST)
        gl.scissor(rect.left, rect.top, rect.width, rect.height)

    def _copy(self, rect: Rect, destination: int | None, row_length: int) -> None:
        """Resolve, and copy a part to an address or, with None, into the bound pixel buffer."""
        gl = self._calls
        gl.disable(calls.SCISSOR_TEST)
        gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._drawn.glo)
        if self.samples:
            gl.bind_framebuffer(calls.DRAW_FRAMEBUFFER, self._resolved.glo)
            box = (rect.left, rect.top, rect.right, rect.bottom)
            gl.blit_framebuffer(*box, *box, calls.COLOR_BUFFER_BIT, calls.NEAREST)
            gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._resolved.glo)
        gl.read_buffer(calls.COLOR_ATTACHMENT0)
        gl.pixel_store(calls.PACK_ALIGNMENT, 4)
        gl.pixel_store(calls.PACK_ROW_LENGTH, row_length)
        gl.read_pixels(rect.left, rect.top, rect.width, rect.height, calls.RGBA, calls.UNSIGNED_BYTE, destination)
        gl.pixel_store(calls.PACK_ROW_LENGTH, 0)
        self._drawn.use()

    def present(self, framebuffer: int) -> None:
        """Resolve, and copy everything to another framebuffer of the same size (0: the window's)."""
        gl, (width, height) = self._calls, self.size
        box = (0, 0, width, height)
        gl.disable(calls.SCISSOR_TEST)
        gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._drawn.glo)
        if self.samples:
            gl.bind_framebuffer(calls.DRAW_FRAMEBUFFER, self._resolved.glo)
            gl.blit_framebuffer(*box, *box, calls.COLOR_BUFFER_BIT, calls.NEAREST)
            gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._resolved.glo)
        gl.bind_framebuffer(calls.DRAW_FRAMEBUFFER, framebuffer)
        gl.blit_framebuffer(*box, *box, calls.COLOR_BUFFER_BIT, calls.NEAREST)
        self._drawn.use()

    def read(self, rect: Rect, into: NDArray[np.uint8]) -> None:
        """Wait for the picture and copy a part of it to the same part of contiguous ``(h, w, 4) uint8``."""
        if rect.width:
            self._copy(rect, into[rect.top :, rect.left :].ctypes.data, self.size[0])

    def start_read(self, rect: Rect) -> int:
        """Begin a copy without waiting; ``finish_read`` takes the number that is returned. At most two at a time."""
        if not self._pixel_buffers:
            room = 4 * self.size[0] * self.size[1]
            self._pixel_buffers = [self._gl.buffer(reserve=room) for _ in range(2)]
            self._staged = np.empty(room, np.uint8)
        self._turn ^= 1
        if rect.width:
            self._calls.bind_buffer(calls.PIXEL_PACK_BUFFER, self._pixel_buffers[self._turn].glo)
            self._copy(rect, None, 0)
            self._calls.bind_buffer(calls.PIXEL_PACK_BUFFER, 0)
        return self._turn

    def finish_read(self, turn: int, rect: Rect, into: NDArray[np.uint8]) -> None:
        """Wait for a begun copy and take it to its part of ``(h, w, 4) uint8``."""
        if rect.width:
            staged = self._staged[: 4 * rect.width * rect.height]
            self._pixel_buffers[turn].read_into(staged, size=staged.nbytes)
            into[rect.top : rect.bottom, rect.left : rect.right] = staged.reshape(rect.height, rect.width, 4)

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

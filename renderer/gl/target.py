"""What is drawn into: one picture, smoothed by samples or along its outlines, and the way back to memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.errors import GraphicsError
from renderer.gl import calls
from renderer.gl.behind import Behind
from renderer.gl.context import GraphicsContext
from renderer.scene import Background

_MAX_SAMPLES, _MAX_RENDERBUFFER_SIZE = 0x8D57, 0x84E8
_LONGEST_WAIT = 10_000_000_000  # nanoseconds


class Target:
    """Colour and depth of one size.

    Args:
        size: width and height in pixels.
        samples: samples a pixel; brought down to what the driver has, 0 or 1: none.
        outlines: one sample a pixel, and ``smooth`` is called when everything is drawn.

    Raises:
        GraphicsError: ``gl.size`` when the driver cannot draw that large.
    """

    def __init__(
        self, context: GraphicsContext, *, size: tuple[int, int], samples: int, outlines: bool = False
    ) -> None:
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
        gl = self._gl = context.gl
        self.size = size
        self.samples = min(samples, self._calls.integer(_MAX_SAMPLES)) if samples > 1 and not outlines else 0
        self.outlines = outlines
        depth = gl.depth_renderbuffer(size, samples=self.samples)
        self.picture: Any = gl.texture(size, 4) if outlines else None
        """What is drawn, as a texture, where outlines are smoothed."""
        drawn = self.picture or gl.renderbuffer(size, 4, samples=self.samples)
        self._drawn = gl.framebuffer([drawn], depth)
        self._finished = self._drawn
        if outlines:
            self._finished = gl.framebuffer([gl.renderbuffer(size, 4)], depth)
        elif self.samples:
            self._finished = gl.framebuffer([gl.renderbuffer(size, 4)])
        self._behind: Behind | None = None
        self._context = context
        self._pixel_buffer: Any = None  # made when a copy that is not waited for is first begun
        self._fence: int | None = None

    def begin(
        self, clear: tuple[float, float, float, float], behind: tuple[Background, Callable[[], None]] | None = None
    ) -> bool:
        """Clear this and make it the drawing target; ``clear`` is premultiplied.

        ``behind`` is a background with what draws it, where clearing does not do. Whether it is there afterwards is
        returned: with several samples a pixel it has to be drawn among the rest.
        """
        gl = self._calls
        copied = behind is not None and not self.samples
        if behind is not None and copied:
            if self._behind is None:
                self._behind = Behind(self._context, size=self.size)
            self._behind.prepare(*behind)
            self._behind.copy(self._drawn.glo)
        self._drawn.use()
        self._drawn.depth_mask = True
        gl.clear_color(*clear)
        gl.clear(calls.DEPTH_BUFFER_BIT if copied else calls.COLOR_BUFFER_BIT | calls.DEPTH_BUFFER_BIT)
        return copied

    def end(self) -> None:
        """Hand over what was drawn so far, so that others can wait for it and for nothing that is drawn later."""
        if self._context.software:
            self._forget_fence()
            self._fence = self._calls.fence_sync(calls.SYNC_GPU_COMMANDS_COMPLETE, 0)
            self._calls.flush()

    def _wait(self) -> None:
        """Wait for what ``end`` handed over: a driver that copies on the CPU would wait for everything drawn since."""
        if self._fence is not None:
            self._calls.client_wait_sync(self._fence, 0, _LONGEST_WAIT)
            self._forget_fence()

    def _forget_fence(self) -> None:
        if self._fence is not None:
            self._calls.delete_sync(self._fence)
            self._fence = None

    def finish(self, smooth: Callable[[Any], None]) -> None:
        """Make one picture of what was drawn: from its samples, or by ``smooth(picture)``, which draws over it."""
        self._wait()
        if self._finished is not self._drawn:
            self._blit(self._drawn.glo, self._finished.glo)
            if self.outlines:
                self._finished.use()
                smooth(self.picture)

    def _blit(self, source: int, destination: int, size: tuple[int, int] | None = None) -> None:
        gl, size = self._calls, size or self.size
        gl.bind_framebuffer(calls.READ_FRAMEBUFFER, source)
        gl.bind_framebuffer(calls.DRAW_FRAMEBUFFER, destination)
        between = calls.NEAREST if size == self.size else calls.LINEAR
        gl.blit_framebuffer(0, 0, *self.size, 0, 0, *size, calls.COLOR_BUFFER_BIT, between)

    def _copy(self, destination: int | None) -> None:
        """Copy the picture to an address or, with None, into the bound pixel buffer."""
        gl = self._calls
        gl.bind_framebuffer(calls.READ_FRAMEBUFFER, self._finished.glo)
        gl.read_buffer(calls.COLOR_ATTACHMENT0)
        gl.pixel_store(calls.PACK_ALIGNMENT, 4)
        gl.read_pixels(0, 0, *self.size, calls.RGBA, calls.UNSIGNED_BYTE, destination)
        self._drawn.use()

    def present(self, framebuffer: int, *, size: tuple[int, int] | None = None) -> None:
        """Copy the picture to another framebuffer (0: the window's), of the same size in pixels or of ``size``."""
        self._blit(self._finished.glo, framebuffer, size)
        self._drawn.use()

    def read(self, into: NDArray[np.uint8]) -> None:
        """Wait for the picture and copy it to contiguous ``(h, w, 4) uint8``."""
        self._copy(into.ctypes.data)

    def start_read(self) -> None:
        """Begin a copy without waiting; ``finish_read`` takes it before the next picture is begun.

        A driver that draws on the CPU copies when asked to; it is only told here where the picture ends.
        """
        gl = self._calls
        if self._context.software:
            self.end()
            return
        if self._pixel_buffer is None:
            room = 4 * self.size[0] * self.size[1]
            self._pixel_buffer = self._gl.buffer(reserve=room)
        gl.bind_buffer(calls.PIXEL_PACK_BUFFER, self._pixel_buffer.glo)
        self._copy(None)
        gl.bind_buffer(calls.PIXEL_PACK_BUFFER, 0)

    def finish_read(self, into: NDArray[np.uint8]) -> None:
        """Wait for a begun copy and take it to contiguous ``(h, w, 4) uint8``."""
        if self._context.software:
            self._wait()
            self._copy(into.ctypes.data)
        else:
            self._pixel_buffer.read_into(into)

    def release(self) -> None:
        """Free everything."""
        self._forget_fence()
        self._parking.use()
        if self._behind is not None:
            self._behind.release()
        attached = {}
        for framebuffer in {id(f): f for f in (self._finished, self._drawn)}.values():
            parts: list[Any] = [*framebuffer.color_attachments, framebuffer.depth_attachment]
            attached.update({id(part): part for part in parts if part is not None})
            framebuffer.release()
        for part in attached.values():
            part.release()
        if self._pixel_buffer is not None:
            self._pixel_buffer.release()

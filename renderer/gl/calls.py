"""The few GL functions that moderngl does not offer, or offers in a form that OpenGL ES refuses."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_char_p, c_float, c_int32, c_uint32, c_uint64, c_void_p
from typing import Any

from renderer.errors import GraphicsError

COLOR_BUFFER_BIT, DEPTH_BUFFER_BIT = 0x4000, 0x0100
READ_FRAMEBUFFER, DRAW_FRAMEBUFFER, COLOR_ATTACHMENT0 = 0x8CA8, 0x8CA9, 0x8CE0
NEAREST, LINEAR = 0x2600, 0x2601
NEAREST_MIPMAP_NEAREST, LINEAR_MIPMAP_NEAREST, LINEAR_MIPMAP_LINEAR = 0x2700, 0x2701, 0x2703
TEXTURE_2D, TEXTURE_WRAP_S, TEXTURE_WRAP_T = 0x0DE1, 0x2802, 0x2803
TEXTURE_BASE_LEVEL, TEXTURE_MAX_LEVEL = 0x813C, 0x813D
RGBA, UNSIGNED_BYTE, PACK_ALIGNMENT, PIXEL_PACK_BUFFER = 0x1908, 0x1401, 0x0D05, 0x88EB
SRGB8_ALPHA8, RGBA8 = 0x8C43, 0x8058
SYNC_GPU_COMMANDS_COMPLETE = 0x9117


class Calls:
    """Functions of one context, found once, under their GL names in Python's spelling.

    Raises:
        GraphicsError: ``gl.function`` when the driver lacks one.
    """

    def __init__(self, load: Callable[[str], int]) -> None:
        self._load = load
        self.bind_framebuffer = self._bind("glBindFramebuffer", c_uint32, c_uint32)
        self.blit_framebuffer = self._bind("glBlitFramebuffer", *[c_int32] * 8, c_uint32, c_uint32)
        self.read_buffer = self._bind("glReadBuffer", c_uint32)
        self.clear_color = self._bind("glClearColor", c_float, c_float, c_float, c_float)
        self.clear = self._bind("glClear", c_uint32)
        self.pixel_store = self._bind("glPixelStorei", c_uint32, c_int32)
        self.bind_buffer = self._bind("glBindBuffer", c_uint32, c_uint32)
        self.read_pixels = self._bind("glReadPixels", c_int32, c_int32, c_int32, c_int32, c_uint32, c_uint32, c_void_p)
        self.tex_image = self._bind(
            "glTexImage2D", c_uint32, c_int32, c_int32, c_int32, c_int32, c_int32, c_uint32, c_uint32, c_char_p
        )
        self.tex_parameter = self._bind("glTexParameteri", c_uint32, c_uint32, c_int32)
        self.flush = self._bind("glFlush")
        self.fence_sync = self._bind("glFenceSync", c_uint32, c_uint32, result=c_void_p)
        self.client_wait_sync = self._bind("glClientWaitSync", c_void_p, c_uint32, c_uint64, result=c_uint32)
        self.delete_sync = self._bind("glDeleteSync", c_void_p)
        self.reset_status = self._found("glGetGraphicsResetStatus", result=c_uint32)
        self.get_integers = self._bind("glGetIntegerv", c_uint32, c_void_p)

    def _found(self, name: str, *, result: Any = None) -> Callable[[], Any] | None:
        """A function that not every driver has, by its own name or that of its extension."""
        for known in (name, f"{name}KHR", f"{name}ARB", f"{name}EXT"):
            if address := self._load(known):
                return ctypes.CFUNCTYPE(result)(address)
        return None

    def _bind(self, name: str, *arguments: Any, result: Any = None) -> Callable[..., Any]:
        address = self._load(name)
        if not address:
            raise GraphicsError(f"the driver has no {name}", code="gl.function", where="OpenGL")
        return ctypes.CFUNCTYPE(result, *arguments)(address)

    def integer(self, name: int) -> int:
        """One of the driver's limits."""
        value = c_int32(0)
        self.get_integers(name, ctypes.addressof(value))
        return value.value

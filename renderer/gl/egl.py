"""EGL without a screen: displays, and a context on one of them, straight from ``libEGL.so.1``.

The library is opened by the name that its runtime package installs (the plain ``libEGL.so`` comes with compiler
packages only), and functions are found through ``eglGetProcAddress``, so no other GL library has to be there.
Constants and call order: EGL 1.5, EGL_EXT_platform_device, EGL_MESA_platform_surfaceless,
EGL_KHR_surfaceless_context, EGL_KHR_no_config_context.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

Profile = Literal["gl", "es"]

LIBRARY = "libEGL.so.1"

_PLATFORM_DEVICE, _PLATFORM_SURFACELESS = 0x313F, 0x31DD
_OPENGL_API, _OPENGL_ES_API = 0x30A2, 0x30A0
_MAJOR, _MINOR, _PROFILE_MASK, _CORE = 0x3098, 0x30FB, 0x30FD, 0x1
_EXTENSIONS, _NONE = 0x3055, 0x3038
_SURFACE_TYPE, _PBUFFER, _RENDERABLE, _OPENGL_BIT, _ES3_BIT = 0x3033, 0x1, 0x3040, 0x8, 0x40
_MOST_DEVICES = 16

_POINTER, _INT, _UINT = ctypes.c_void_p, ctypes.c_int32, ctypes.c_uint32


class EglError(Exception):
    """One way to a context did not work; the text says which and why."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Display:
    """An EGL display that is not initialised yet."""

    name: str
    handle: int


class Egl:
    """The functions of EGL that a headless context needs.

    Raises:
        EglError: the library is not installed.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        try:
            lib: Any = ctypes.CDLL(library)
        except OSError as exc:
            raise EglError(f"{library} cannot be opened") from exc
        self._lib = lib
        self._get_proc_address = self._bind("eglGetProcAddress", _POINTER, ctypes.c_char_p)
        self._get_error = self._bind("eglGetError", _INT)
        self._query_string = self._bind("eglQueryString", ctypes.c_char_p, _POINTER, _INT)
        self._get_display = self._bind("eglGetDisplay", _POINTER, _POINTER)
        self._initialize = self._bind("eglInitialize", _UINT, _POINTER, _POINTER, _POINTER)
        self._bind_api = self._bind("eglBindAPI", _UINT, _UINT)
        self._choose_config = self._bind("eglChooseConfig", _UINT, _POINTER, _POINTER, _POINTER, _INT, _POINTER)
        self._create_context = self._bind("eglCreateContext", _POINTER, _POINTER, _POINTER, _POINTER, _POINTER)
        self._destroy_context = self._bind("eglDestroyContext", _UINT, _POINTER, _POINTER)
        self._make_current = self._bind("eglMakeCurrent", _UINT, _POINTER, _POINTER, _POINTER, _POINTER)
        self.client_extensions = frozenset((self._query_string(None, _EXTENSIONS) or b"").decode("ascii").split())

    def _bind(self, name: str, result: Any, *arguments: Any) -> Any:
        function = getattr(self._lib, name)
        function.restype, function.argtypes = result, arguments
        return function

    def _extension(self, name: str, result: Any, *arguments: Any) -> Any:
        address = self.address(name)
        return ctypes.CFUNCTYPE(result, *arguments)(address) if address else None

    def address(self, name: str) -> int:
        """Address of an EGL or GL function, 0 when the library does not know the name."""
        return self._get_proc_address(name.encode("ascii")) or 0

    def displays(self) -> Iterator[Display]:
        """Displays that need no screen, best first: each device, Mesa's surfaceless platform, the default one."""
        platform_display = self._extension("eglGetPlatformDisplayEXT", _POINTER, _UINT, _POINTER, _POINTER)
        query_devices = self._extension("eglQueryDevicesEXT", _UINT, _INT, _POINTER, _POINTER)
        if platform_display and query_devices and "EGL_EXT_platform_device" in self.client_extensions:
            devices, count = (_POINTER * _MOST_DEVICES)(), _INT()
            if query_devices(_MOST_DEVICES, ctypes.addressof(devices), ctypes.addressof(count)):
                for index in range(count.value):
                    if handle := platform_display(_PLATFORM_DEVICE, devices[index], None):
                        yield Display(name=f"EGL device {index}", handle=handle)
        surfaceless = platform_display and "EGL_MESA_platform_surfaceless" in self.client_extensions
        if surfaceless and (handle := platform_display(_PLATFORM_SURFACELESS, None, None)):
            yield Display(name="EGL surfaceless", handle=handle)
        if handle := self._get_display(None):
            yield Display(name="EGL default display", handle=handle)

    def context(self, display: Display, *, profile: Profile) -> EglContext:
        """A current context of OpenGL 3.3 core or OpenGL ES 3.1 (or newer) on the display, with no surface.

        Raises:
            EglError: the display does not start, or has no such context.
        """
        major, minor = _INT(), _INT()
        if not self._initialize(display.handle, ctypes.addressof(major), ctypes.addressof(minor)):
            raise EglError(f"{display.name} does not start ({self._code()})")
        if not self._bind_api(_OPENGL_API if profile == "gl" else _OPENGL_ES_API):
            raise EglError(f"{display.name} has no {'OpenGL' if profile == 'gl' else 'OpenGL ES'} ({self._code()})")
        extensions = (self._query_string(display.handle, _EXTENSIONS) or b"").decode("ascii").split()
        if "EGL_KHR_surfaceless_context" not in extensions:
            raise EglError(f"{display.name} cannot draw without a surface")
        config = None if "EGL_KHR_no_config_context" in extensions else self._config(display, profile)
        wanted = (_MAJOR, 3, _MINOR, 3, _PROFILE_MASK, _CORE) if profile == "gl" else (_MAJOR, 3, _MINOR, 1)
        attributes = (_INT * (len(wanted) + 1))(*wanted, _NONE)
        handle = self._create_context(display.handle, config, None, ctypes.addressof(attributes))
        if not handle:
            version = "OpenGL 3.3 core" if profile == "gl" else "OpenGL ES 3.1"
            raise EglError(f"{display.name} has no {version} ({self._code()})")
        made = EglContext(self, display, handle)
        if not made.make_current():
            code = self._code()
            made.release()
            raise EglError(f"{display.name} cannot make its context current ({code})")
        return made

    def _config(self, display: Display, profile: Profile) -> int | None:
        wanted = (_SURFACE_TYPE, _PBUFFER, _RENDERABLE, _OPENGL_BIT if profile == "gl" else _ES3_BIT, _NONE)
        attributes, config, count = (_INT * len(wanted))(*wanted), _POINTER(), _INT()
        self._choose_config(
            display.handle, ctypes.addressof(attributes), ctypes.addressof(config), 1, ctypes.addressof(count)
        )
        return config.value if count.value else None

    def _code(self) -> str:
        return f"EGL error 0x{self._get_error():04x}"


class EglContext:
    """A context as moderngl wants one: it loads functions, becomes current, and is released."""

    def __init__(self, egl: Egl, display: Display, handle: int) -> None:
        self._egl, self.display, self._handle = egl, display, handle

    def make_current(self) -> bool:
        """Make this the thread's context; False when the driver refuses."""
        return bool(self._egl._make_current(self.display.handle, None, None, self._handle))

    def leave(self) -> None:
        """Let another thread have the context."""
        self._egl._make_current(self.display.handle, None, None, None)

    def load(self, name: str) -> int:
        """Address of a GL function (glcontext's protocol, used by moderngl 5.8 and later)."""
        return self._egl.address(name)

    def load_opengl_function(self, name: str) -> int:
        """Address of a GL function (the protocol of moderngl's newer loaders)."""
        return self._egl.address(name)

    def release(self) -> None:
        """Destroy the context; harmless when called again."""
        if self._handle:
            self._egl._make_current(self.display.handle, None, None, None)
            self._egl._destroy_context(self.display.handle, self._handle)
            self._handle = 0

    def __enter__(self) -> EglContext:
        self.make_current()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._egl._make_current(self.display.handle, None, None, None)

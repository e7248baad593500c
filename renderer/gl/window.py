"""A window with an OpenGL context, by GLFW."""

from __future__ import annotations

import itertools
from typing import Any

from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext, adopt
from renderer.gl.egl import Profile

_NO_DISPLAY = "set DISPLAY or WAYLAND_DISPLAY, or draw without a screen: avatar-agent render"


class _Loader:
    """Finds GL functions of a GLFW window's context."""

    def __init__(self, glfw: Any, handle: Any) -> None:
        self._glfw, self._handle = glfw, handle

    def load(self, name: str) -> int:
        return self._glfw.get_proc_address(name) or 0

    load_opengl_function = load

    def make_current(self) -> bool:
        self._glfw.make_context_current(self._handle)
        return True

    def release(self) -> None:
        """The context goes with its window."""

    def __enter__(self) -> _Loader:
        self.make_current()
        return self

    def __exit__(self, *_: object) -> None:
        self._glfw.make_context_current(None)


def start_glfw() -> Any:
    """The glfw module, initialised.

    Raises:
        GraphicsError: ``gl.window`` without the library, ``gl.no-display`` without a screen.
    """
    try:
        import glfw
    except ImportError as exc:
        raise GraphicsError(
            "GLFW cannot be loaded", code="gl.window", where="glfw", hint="install it with: pip install glfw"
        ) from exc
    reasons: list[str] = []
    glfw.set_error_callback(lambda _code, text: reasons.append(_text(text)))
    if not glfw.init():
        raise GraphicsError(
            f"no window can be opened: {reasons[-1] if reasons else 'GLFW does not start'}",
            code="gl.no-display",
            where="GLFW",
            hint=_NO_DISPLAY,
        )
    return glfw


def open_window(
    glfw: Any, *, size: tuple[int, int], title: str, fullscreen: bool, visible: bool = True, scaled: bool = True
) -> tuple[Any, GraphicsContext]:
    """A window of ``size`` screen units, or the whole first screen, and its context.

    Without ``scaled`` the size is in the window's own measures, as GLFW tells those of an open one.

    OpenGL 3.3 core by the platform's own way, then by EGL, then OpenGL ES 3.1 by EGL.

    Raises:
        GraphicsError: ``gl.none`` with every way that was tried.
    """
    refused: list[str] = []
    glfw.set_error_callback(lambda _code, text: refused.append(_text(text)))
    monitor = (glfw.get_primary_monitor() or None) if fullscreen else None  # none while the only screen is switched off
    if monitor is not None:
        size = glfw.get_video_mode(monitor).size
    ways: tuple[tuple[Profile, int], ...] = (
        ("gl", glfw.NATIVE_CONTEXT_API),
        ("gl", glfw.EGL_CONTEXT_API),
        ("es", glfw.EGL_CONTEXT_API),
    )
    for (profile, api), robust in itertools.product(ways, (True, False)):
        glfw.default_window_hints()
        glfw.window_hint(glfw.CONTEXT_CREATION_API, api)
        glfw.window_hint(glfw.CLIENT_API, glfw.OPENGL_API if profile == "gl" else glfw.OPENGL_ES_API)
        glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
        glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3 if profile == "gl" else 1)
        if profile == "gl":
            glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
            glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
        glfw.window_hint(glfw.DEPTH_BITS, 0)  # drawing happens in a framebuffer of our own
        glfw.window_hint(glfw.SCALE_TO_MONITOR, scaled)
        # A driver that starts anew then says so instead of drawing nothing for ever.
        kind = glfw.LOSE_CONTEXT_ON_RESET if robust else glfw.NO_ROBUSTNESS
        glfw.window_hint(glfw.CONTEXT_ROBUSTNESS, kind)
        glfw.window_hint(glfw.VISIBLE, visible)
        handle = glfw.create_window(*size, title, monitor, None)
        if not handle:
            continue
        glfw.make_context_current(handle)
        try:
            loader = _Loader(glfw, handle)
            return handle, adopt(loader, profile=profile, platform="window", refused=tuple(refused))
        except GraphicsError as exc:
            refused.append(str(exc))
            glfw.destroy_window(handle)
    reasons = "; ".join(dict.fromkeys(refused)) or "GLFW gives no reason"
    raise GraphicsError(f"no window with OpenGL: {reasons}", code="gl.none", where="GLFW", hint=_NO_DISPLAY)


def _text(text: object) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)

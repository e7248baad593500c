"""An OpenGL context to draw with, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import moderngl

from renderer.errors import GraphicsError
from renderer.gl.calls import Calls
from renderer.gl.egl import Egl, EglContext, EglError, Profile

_INSTALL = (
    "install a driver (Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri, or `make dev`, "
    "which does it for you)"
)

_ROBUST = ("GL_KHR_robustness", "GL_ARB_robustness", "GL_EXT_robustness")


@dataclass(slots=True, kw_only=True)
class GraphicsContext:
    """A current context.

    Attributes:
        gl: moderngl's context.
        loader: finds functions by ``load(name)`` and makes the context current.
        calls: functions beside moderngl's.
        profile: ``"gl"`` (3.3 core or later) or ``"es"`` (ES 3.1 or later): which header the shaders get.
        renderer: the driver's name of the device, e.g. ``"llvmpipe (LLVM 15.0.6, 256 bits)"``.
        version: the driver's version text.
        platform: how the context was made, e.g. ``"EGL device 0"`` or ``"window"``.
        parking: a framebuffer of one pixel that is bound while no other is: moderngl goes back to the one it
            bound last, and must not find that deleted.
        refused: the ways that were tried before and did not work, each with its reason.
        robust: whether the driver can tell that it has lost everything; None before anybody has asked.
    """

    gl: Any
    loader: Any
    calls: Calls
    profile: Profile
    renderer: str
    version: str
    platform: str
    parking: Any
    refused: tuple[str, ...] = ()
    robust: bool | None = None
    software: bool = field(init=False)

    def __post_init__(self) -> None:
        self.software = any(name in self.renderer.lower() for name in ("llvmpipe", "softpipe", "swrast", "swiftshader"))

    @property
    def driver(self) -> str:
        """Renderer and version in one line: what decides whether two pictures can be equal to the byte."""
        return f"{self.renderer}; {self.version}"

    def make_current(self) -> None:
        """Make this the thread's context; needed where one thread has several."""
        self.loader.make_current()

    def check(self) -> None:
        """Raises GraphicsError when the driver has reported an error since the last check."""
        if (error := self.gl.error) != "GL_NO_ERROR":
            raise GraphicsError(f"the driver reported {error}", code="gl.error", where=self.driver)

    def lost(self) -> bool:
        """Whether the driver has begun anew and everything in this context is gone, as far as it tells."""
        if self.robust is None:
            self.robust = any(name in self.gl.extensions for name in _ROBUST)
        return self.robust and self.calls.reset_status is not None and self.calls.reset_status() != 0

    def release(self) -> None:
        """Give the context back; everything made in it is gone."""
        self.gl.release()


def headless(*, profile: Profile | None = None, egl: Callable[[], Egl] = Egl) -> GraphicsContext:
    """A context without a screen: OpenGL 3.3 core where the driver has it, else OpenGL ES 3.1.

    Args:
        profile: take this one only.
        egl: opens the EGL library.

    Raises:
        GraphicsError: ``gl.none``, with every way that was tried and how to install a driver.
    """
    refused: list[str] = []
    try:
        library = egl()
    except EglError as exc:
        raise GraphicsError(f"no OpenGL without a screen: {exc}", code="gl.none", where="EGL", hint=_INSTALL) from exc
    profiles: tuple[Profile, ...] = (profile,) if profile else ("gl", "es")
    for wanted in profiles:
        for display in library.displays():
            try:
                return adopt(
                    library.context(display, profile=wanted),
                    profile=wanted,
                    platform=display.name,
                    refused=tuple(refused),
                )
            except (EglError, GraphicsError) as exc:
                refused.append(str(exc))
    reasons = "; ".join(dict.fromkeys(refused)) or "EGL offers no display"
    raise GraphicsError(f"no OpenGL without a screen: {reasons}", code="gl.none", where="EGL", hint=_INSTALL)


def adopt(loader: EglContext | Any, *, profile: Profile, platform: str, refused: tuple[str, ...]) -> GraphicsContext:
    """Wrap a current context. ``loader`` finds functions by ``load(name)`` and has ``release()``.

    Raises:
        GraphicsError: ``gl.version`` when the context is older than 3.3 core or ES 3.1.
    """
    try:
        # moderngl takes any object that loads functions; its type hints know keyword dictionaries only.
        settings: dict[str, Any] = {"context": loader}
        gl = moderngl.create_context(require=330 if profile == "gl" else 310, standalone=True, **settings)
    except Exception as exc:  # moderngl raises bare Exception for every refusal
        loader.release()
        raise GraphicsError(f"{platform}: {exc}", code="gl.version", where=platform, hint=_INSTALL) from exc
    calls = Calls(loader.load)
    parking = gl.framebuffer([gl.renderbuffer((1, 1))])
    parking.use()
    info = gl.info
    # Reading clears the GL_INVALID_ENUMs that moderngl leaves behind on ES, here and while it collects its info.
    while gl.error != "GL_NO_ERROR":
        pass
    return GraphicsContext(
        gl=gl,
        loader=loader,
        calls=calls,
        profile=profile,
        renderer=info["GL_RENDERER"],
        version=info["GL_VERSION"],
        platform=platform,
        parking=parking,
        refused=refused,
    )

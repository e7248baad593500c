"""Contexts without a screen, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext, headless
from renderer.gl.egl import Egl, EglError


def test_profile_is_the_one_asked_for(context: GraphicsContext) -> None:
    assert context.version.startswith("OpenGL ES 3.") == (context.profile == "es")
    assert context.gl.version_code >= (310 if context.profile == "es" else 330)


def test_without_the_library_the_packages_are_named() -> None:
    with pytest.raises(GraphicsError) as caught:
        headless(egl=lambda: Egl("libEGL-not-there.so.1"))
    assert caught.value.code == "gl.none"
    assert "libEGL-not-there.so.1" in caught.value.message
    for name in ("libegl1", "libgl1-mesa-dri", "make dev"):
        assert name in caught.value.hint


def test_every_way_that_failed_is_told() -> None:
    class Refusing(Egl):
        def context(self, display, *, profile):
            raise EglError(f"{display.name} refuses {profile}")

    try:
        Egl()
    except EglError as error:
        pytest.skip(str(error))
    with pytest.raises(GraphicsError) as caught:
        headless(egl=Refusing)
    assert caught.value.code == "gl.none"
    assert "refuses gl" in caught.value.message
    assert "refuses es" in caught.value.message


def test_a_broken_driver_is_no_traceback() -> None:
    """Mesa told to use a driver that does not exist: what it prints is its own business, what we raise is ours."""
    code = (
        "from renderer.gl.context import headless\n"
        "from renderer.errors import GraphicsError\n"
        "try: print('drawn with', headless().renderer)\n"
        "except GraphicsError as e: print('refused', e.code)\n"
    )
    environment = {**os.environ, "LIBGL_DRIVERS_PATH": "/nowhere", "GBM_BACKENDS_PATH": "/nowhere"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(("refused gl.", "drawn with"))


def test_an_error_left_behind_is_found_once(context: GraphicsContext) -> None:
    context.calls.read_buffer(0xFFFF)
    with pytest.raises(GraphicsError) as caught:
        context.check()
    assert caught.value.code == "gl.error"
    context.check()


def test_two_contexts_take_turns(context: GraphicsContext) -> None:
    other = headless(profile=context.profile)
    buffer = other.gl.buffer(b"mine")
    context.make_current()
    mine = context.gl.buffer(b"ours")
    other.make_current()
    assert buffer.read() == b"mine"
    context.make_current()
    assert mine.read() == b"ours"
    mine.release()
    other.make_current()
    other.release()

"""The kiosk's own window on a virtual screen: what a screen and a driver may do to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.renderer.output.x_screen import virtual_screen

pytestmark = pytest.mark.gl

_CHILD = """
import json, sys, time
import glfw, numpy as np
from renderer.errors import GraphicsError
from renderer.output.kiosk import Kiosk
seen = []
def frame():
    kiosk._changed = True
    assert kiosk.frame(wait_s=0.0)
    return {"size": kiosk.size, "full": bool(glfw.get_window_monitor(kiosk._handle)), "drawn": len(seen)}
with Kiosk(size=(240, 320), title="x", clock=time.monotonic, fullscreen=True, watch=seen.append) as kiosk:
    kiosk.show_picture(np.full((60, 80, 3), 120, np.uint8))
    told = [frame()]
    glfw.set_window_monitor(kiosk._handle, None, 0, 0, 240, 320, 0)  # as GLFW does when a screen is switched off
    told += [frame() for _ in range(5)]
    glfw.set_window_should_close(kiosk._handle, True)  # as a desktop does; frame() says that it goes on
    frame()
    first = kiosk.context
    def fails(*_, **__):
        first.calls.reset_status, first.robust = lambda: 0x8253, True
        raise GraphicsError("gone", code="gl.error", where="driver")
    kiosk._overlay.draw = fails
    told += [frame() for _ in range(5)]
    kiosk._overlay.draw = lambda *_, **__: (_ for _ in ()).throw(GraphicsError("no", code="gl.error", where="driver"))
    try:
        frame()
    except GraphicsError as error:
        told.append(error.code)
print(json.dumps(told))
"""


def test_a_screen_that_went_away_and_a_driver_that_begins_anew_in_the_middle_of_a_frame() -> None:
    with virtual_screen() as screen:
        environment = {**os.environ, "DISPLAY": screen}
        environment.pop("WAYLAND_DISPLAY", None)
        done = subprocess.run(
            [sys.executable, "-c", _CHILD], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    *told, refusal = json.loads(done.stdout)
    assert told[0] == {"size": [800, 600], "full": True, "drawn": 1}
    assert (told[5]["size"], told[5]["full"]) == ([800, 600], True), "it fills the screen again"
    assert told[10]["drawn"] > told[5]["drawn"] + 3, "one frame is lost, and not the display"
    assert (told[10]["size"], told[10]["full"]) == ([800, 600], True)
    assert refusal == "gl.error", "any other refusal ends it, and the service is started again"

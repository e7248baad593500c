"""The display in a process of its own, telling what it does after every turn; run by ``shown.py``."""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path

from device_agent.cli.apart import set_apart

apart = set_apart(Path(sys.argv[1]), state_dir=None, cache_dir=None)

import glfw  # noqa: E402 -- what draws is loaded by a process that is confined already
import numpy as np  # noqa: E402

from device_agent.cli.following import follow  # noqa: E402
from renderer.output.mode import HIGH  # noqa: E402

frames = {"drawn": 0, "lost": 0, "black": 0, "colour": [0, 0, 0], "reached": {}}


def seen(picture: np.ndarray) -> None:
    frames["drawn"] += 1
    frames["black"] += int(picture.max() < 8)
    frames["colour"] = [round(float(part), 1) for part in picture.reshape(-1, 3).mean(axis=0)]


def reached(path: str) -> str:
    """How it goes to open a file."""
    try:
        with open(path, "rb") as file:
            return f"{len(file.read(1))} bytes"
    except OSError as error:
        return type(error).__name__


def tell(follower) -> bool:
    said = {"scene": str(follower.scene), "avatar": follower.avatar, **frames}
    print(json.dumps(said), flush=True)
    while select.select([sys.stdin], [], [], 0)[0] and (line := sys.stdin.readline()):
        if line.strip():
            frames["reached"] = {path: reached(path) for path in line.split()}
            continue
        # As a driver does it: nothing of the context is there any more, and it says so when it is asked.
        glfw.make_context_current(None)
        follower._window.context.calls.reset_status = lambda: 0x8253  # GL_GUILTY_CONTEXT_RESET
        follower._window.context.robust = True
        frames["lost"] += 1
    return True


follow(
    apart, size=(240, 320), fullscreen=False, closable=False, camera=None, clip=None, background=None, mode=HIGH,
    limit=(), watch=seen, observe=tell,
)  # fmt: skip

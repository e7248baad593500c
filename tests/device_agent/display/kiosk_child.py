"""The display in a process of its own, telling what it does after every turn; run by ``shown.py``."""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path

import glfw
import numpy as np

from device_agent.cli.following import follow
from renderer.output.mode import HIGH

frames = {"drawn": 0, "lost": 0, "black": 0, "colour": [0, 0, 0]}


def seen(picture: np.ndarray) -> None:
    frames["drawn"] += 1
    frames["black"] += int(picture.max() < 8)
    frames["colour"] = [round(float(part), 1) for part in picture.reshape(-1, 3).mean(axis=0)]


def tell(follower) -> bool:
    said = {"scene": str(follower.scene), "avatar": follower.avatar, **frames}
    print(json.dumps(said), flush=True)
    while select.select([sys.stdin], [], [], 0)[0] and sys.stdin.readline():
        # As a driver does it: nothing of the context is there any more, and it says so when it is asked.
        glfw.make_context_current(None)
        follower._window.context.calls.reset_status = lambda: 0x8253  # GL_GUILTY_CONTEXT_RESET
        follower._window.context.robust = True
        frames["lost"] += 1
    return True


follow(
    size=(240, 320), fullscreen=False, closable=False, camera=None, clip=None, background=None, mode=HIGH, limit=(),
    config=Path(sys.argv[1]), state_dir=None, cache_dir=None, watch=seen, observe=tell,
)  # fmt: skip

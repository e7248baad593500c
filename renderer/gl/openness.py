"""What of its surroundings an avatar hides from itself: its depth as seen from directions all round.

Ambient occlusion by depth maps (after Pharr and Green, "Ambient occlusion", GPU Gems, 2004), each direction weighted
with the light that comes from it. It takes a drawing of the avatar for every direction: for stills.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.context import GraphicsContext
from renderer.gl.prefilter import radiance_towards
from renderer.gl.shadow import ShadowMap
from renderer.scene import Environment, Panorama

Floats = NDArray[np.float32]

GRID = 16  # tiles along a side of the map, one for each direction; OPEN_GRID of the shader
_TILE = 256
_ROOM = 1.03  # about the avatar, so that its outermost points fall inside the maps
_LIFT = 1.0  # texels: two that are compared and mixed reach that far
_MAX_TEXTURE_SIZE = 0x0D33


class Openness:
    """The maps of one pose, and the light of the directions."""

    def __init__(self, context: GraphicsContext) -> None:
        self._context = context
        self._maps = ShadowMap(context)
        self._frames: Any = None
        self._across, self._up, self._towards = frames(GRID * GRID)

    def draw(
        self, center: Floats, half: Floats, around: Environment | Panorama, avatar: Callable[[Floats], None]
    ) -> None:
        """Draw all maps; leaves another drawing target bound.

        Args:
            center, half: middle and half the size ``(3,)`` of a box that holds the avatar.
            avatar: draws its depth with a matrix ``(4, 4)`` from the world to clip space.
        """
        tile = min(_TILE, self._context.calls.integer(_MAX_TEXTURE_SIZE) // GRID)
        axes: Floats = np.stack((self._across, self._up, -self._towards), axis=1)
        # A map is as wide as the box seen from its direction, and no narrower than makes sense.
        least = float(np.max(half)) * 1e-3 + 1e-9
        reach = (np.maximum(np.abs(axes) @ half, least) * _ROOM).astype(np.float32)
        self._maps.begin(tile * GRID)
        target = self._context.gl.fbo
        for index in range(GRID * GRID):
            matrix = np.eye(4, dtype=np.float32)
            matrix[:3, :3] = axes[index] / reach[index][:, None]
            matrix[:3, 3] = -matrix[:3, :3] @ center
            target.viewport = (index % GRID * tile, index // GRID * tile, tile, tile)
            avatar(matrix)
        target.viewport = (0, 0, tile * GRID, tile * GRID)
        self._write(center, reach, tile, radiance_towards(around, self._towards))

    def _write(self, center: Floats, reach: Floats, tile: int, light: Floats) -> None:
        lines = np.zeros((GRID * GRID, 6, 4), np.float32)
        for column, axis, scale in (
            (0, self._across, reach[:, :1]),
            (1, self._up, reach[:, 1:2]),
            (2, self._towards, np.ones((1, 1), np.float32)),
        ):
            lines[:, column, :3] = axis / scale
            lines[:, column, 3:] = -(axis @ center)[:, None] / scale
        lines[:, 3, :3] = light
        facing = np.maximum(-self._towards @ self._towards.T, 0.0)
        lines[:, 5, :3] = facing @ light / facing.sum(axis=1, keepdims=True)
        lines[:, 4, 0] = 1.0 / reach[:, 2]
        lines[:, 4, 1] = _LIFT * 2.0 * reach[:, :2].max(axis=1) / tile
        if self._frames is None:
            self._frames = self._context.gl.texture((6, GRID * GRID), 4, dtype="f4")
            self._frames.filter = (0x2600, 0x2600)
        self._frames.write(lines.tobytes())

    def use(self, maps: int, directions: int) -> None:
        """Bind both textures; before anything was drawn there are none and nothing reads them."""
        self._maps.use(maps)
        if self._frames is not None:
            self._frames.use(directions)

    def release(self) -> None:
        """Free everything."""
        self._maps.release()
        if self._frames is not None:
            self._frames.release()
        self._frames = None


def frames(count: int) -> tuple[Floats, Floats, Floats]:
    """Right-handed frames ``(count, 3)`` three times: across, up, and towards directions spread evenly on the sphere.

    The directions follow a Fibonacci spiral: each stands for the same solid angle.
    """
    index = np.arange(count) + 0.5
    y, turn = 1.0 - 2.0 * index / count, np.pi * (1.0 + np.sqrt(5.0)) * index
    ring = np.sqrt(1.0 - y * y)
    towards = np.stack((ring * np.cos(turn), y, ring * np.sin(turn)), axis=1)
    across = np.cross((0.0, 1.0, 0.0), towards)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(towards, across)
    return across.astype(np.float32), up.astype(np.float32), towards.astype(np.float32)

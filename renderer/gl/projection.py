"""A view as the shaders take it: one matrix to clip space, and where the viewer is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer import maths
from renderer.scene import Orthographic, Perspective, View


def view_projection(view: View, aspect: float, *, flipped: bool) -> NDArray[np.float32]:
    """World to clip ``(4, 4)``; ``aspect`` is width / height.

    ``flipped`` turns the picture upside down, so that the first row that is read back is the top one.
    """
    projection = view.projection
    if isinstance(projection, Perspective):
        to_clip = maths.perspective(yfov=projection.yfov, aspect=aspect, znear=projection.znear, zfar=projection.zfar)
    else:
        to_clip = maths.orthographic(
            height=projection.height, aspect=aspect, znear=projection.znear, zfar=projection.zfar
        )
    matrix: NDArray[np.float32] = to_clip @ maths.look_at(view.eye, view.target, view.up)
    if flipped:
        matrix[1] *= -1.0
    return matrix


def eye_vector(view: View) -> tuple[float, float, float, float]:
    """What the shaders call ``u_eye``: the eye with w 1, or the direction to an orthographic viewer with w 0."""
    if isinstance(view.projection, Orthographic):
        x, y, z = (float(part) for part in maths.look_at(view.eye, view.target, view.up)[2, :3])
        return (x, y, z, 0.0)
    return (*view.eye, 1.0)

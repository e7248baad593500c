"""Hair: a shell of strands that fall from a side part, swept over the forehead and tucked behind the ears.

Face frame, centimetres. ``around`` is the strand's place on the hairline as an azimuth (0 ahead, positive to the
avatar's left), ``along`` goes from the part (0) to the tip (1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from renderer.sample.anatomy import skull
from renderer.sample.field import Array, first_hit, gradient, ramp
from renderer.sample.mesher import Faces, grid_faces, vertex_normals

MIDDLE = np.array([0.0, 1.6, -1.6])
STRANDS, ROWS, INNER_ROWS = 126, 18, 4
PART_FRONT = np.array([2.7, 8.3, 5.2])
PART_BACK = np.array([1.1, 11.2, -4.6])


@dataclass(slots=True, kw_only=True)
class Hair:
    """Mesh in the face frame; ``uvs`` run across and along the strands; ``shade`` is 0 dark to 1 light."""

    points: Array
    normals: Array
    faces: Faces
    uvs: Array
    shade: Array


def noise(values: Array, seed: int, period: int) -> Array:
    """Smooth noise -1..1 over whole steps, repeating every ``period``."""
    table = np.random.default_rng(seed).uniform(-1, 1, period)
    whole = np.floor(values).astype(np.int64)
    share = values - whole
    share = share * share * (3 - 2 * share)
    return np.asarray(table[whole % period] * (1 - share) + table[(whole + 1) % period] * share)


def hairline(around: Array) -> Array:
    """Height of the hair's lower edge where it lies on the head."""
    knots = np.radians(
        [-180, -150, -125, -108, -98, -86, -72, -58, -42, -20, 0, 18, 30, 44, 58, 72, 86, 98, 108, 125, 150, 180]
    )
    heights = [
        -9.2,
        -9.1,
        -8.6,
        -7.6,
        -3.0,
        1.6,
        2.2,
        2.6,
        3.9,
        5.2,
        6.0,
        6.6,
        6.5,
        5.2,
        3.6,
        2.4,
        1.6,
        -3.0,
        -7.6,
        -8.6,
        -9.1,
        -9.2,
    ]
    return np.asarray(np.interp(around, knots, heights))


def build() -> Hair:
    """The whole head of hair."""
    around = np.linspace(-np.pi, np.pi, STRANDS, endpoint=False)
    along = np.linspace(0.0, 1.0, ROWS) ** 0.9
    a, t = np.meshgrid(around, along)  # rows run along, columns around
    clump = 24 * (a / (2 * np.pi) + 0.5) + 1.3 * noise(10 * (a / (2 * np.pi) + 0.5), 3, 10)
    clump = clump + 0.55 * t * np.sin(3 * a)  # locks drift sideways as they fall
    outer = _surface(a, t, clump)
    back = np.abs(a[0]) > np.radians(90)
    inner_t = np.linspace(1.0, 0.62, INNER_ROWS + 1)[1:]
    ai, ti = np.meshgrid(around, inner_t)
    clump_inner = np.repeat(clump[-1:], INNER_ROWS, axis=0)
    inner = _surface(ai, ti, clump_inner)
    toward = MIDDLE - (0, 6.0, 0) - inner
    toward[..., 1] *= 0.15
    toward /= np.linalg.norm(toward, axis=-1, keepdims=True)
    depth = np.linspace(0.55, 1.0, INNER_ROWS)[:, None, None]
    inner = inner + toward * np.where(back[None, :, None], 1.1, 1.3) * depth
    grid = np.concatenate([outer, inner])
    rows = ROWS + INNER_ROWS
    points = grid.reshape(-1, 3)
    faces = grid_faces(rows, STRANDS, closed=True)
    centre, normal = (
        points[faces].mean(1),
        np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]]),
    )
    outside = (normal[: len(faces) // 4] * (centre[: len(faces) // 4] - MIDDLE)).sum()
    if outside < 0:
        faces = faces[:, ::-1]
    # the seam at the back gets its own column, so that texture coordinates do not run backwards there
    grid = np.concatenate([grid, grid[:, :1]], axis=1)
    points = grid.reshape(-1, 3)
    flip = outside < 0
    faces = grid_faces(rows, STRANDS + 1)
    faces = faces[:, ::-1] if flip else faces
    across = np.tile(np.linspace(0, 10.0, STRANDS + 1), (rows, 1))
    down = np.concatenate([along, inner_t])[:, None] * np.ones((1, STRANDS + 1)) * 2.0
    all_t = np.concatenate([along, inner_t])[:, None] * np.ones((1, STRANDS + 1))
    deep = np.concatenate([np.zeros(ROWS), np.linspace(0.7, 1.0, INNER_ROWS)])[:, None] * np.ones((1, STRANDS + 1))
    full = np.concatenate([np.concatenate([clump, clump_inner]), np.concatenate([clump, clump_inner])[:, :1]], axis=1)
    groove = 0.5 + 0.5 * np.cos(2 * np.pi * full)
    shade = (0.62 + 0.38 * groove * ramp(0.0, 0.5, all_t.reshape(-1)).reshape(all_t.shape) + 0.16 * (1 - all_t)) * (
        1 - 0.85 * deep
    )
    shade *= 0.72 + 0.28 * ramp(0.0, 0.13, all_t.reshape(-1)).reshape(all_t.shape)
    return Hair(
        points=points,
        normals=vertex_normals(points, faces),
        faces=faces,
        uvs=np.stack([across, down], axis=-1).reshape(-1, 2),
        shade=np.clip(shade, 0, 1).reshape(-1),
    )


def _surface(a: Array, t: Array, clump: Array) -> Array:
    """Points of strands ``a`` at ``t``, ``(..., 3)``."""
    shape = a.shape
    a, t, clump = a.reshape(-1), t.reshape(-1), clump.reshape(-1)
    backness = ramp(0.6, -0.75, np.cos(a - 0.25))
    start = PART_FRONT + backness[:, None] * (PART_BACK - PART_FRONT)
    start_dir = start - MIDDLE
    start_dir /= np.linalg.norm(start_dir, axis=1, keepdims=True)
    height = hairline(a) + 0.28 * noise(clump * 1.0, 21, 997) * ramp(1.4, 0.9, np.abs(a))
    # where the strand would meet the scalp's edge, or for long ones, the widest place of the head on the way down
    meet = np.maximum(height, 0.8)
    elevation = np.arctan2(meet - MIDDLE[1], 8.2)
    end_dir = np.stack([np.cos(elevation) * np.sin(a), np.sin(elevation), np.cos(elevation) * np.cos(a)], axis=1)
    hang = np.maximum(meet - height, 0.0)  # how far it falls free
    on_head = 1.0 / (1.0 + hang / 11.0)
    share = np.clip(t / on_head, 0, 1)
    # locks leave the part sideways and turn down later
    angle = np.arccos(np.clip((start_dir * end_dir).sum(1), -1, 1))
    sine = np.maximum(np.sin(angle), 1e-6)
    direction = (np.sin((1 - share) * angle) / sine)[:, None] * start_dir + (np.sin(share * angle) / sine)[
        :, None
    ] * end_dir
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    scalp = first_hit(skull, np.tile(MIDDLE, (len(a), 1)), direction, reach=16.0, rounds=14)
    normal = gradient(skull, scalp, step=0.3)
    lift = 0.18 + 1.25 * ramp(0.0, 0.30, share) + 0.35 * ramp(0.2, 0.7, share)
    short = hang < 0.01
    lift = np.where(short, lift - 1.32 * ramp(0.42, 0.97, share), lift)
    lift = np.where(short, lift - 1.1 * ramp(0.95, 1.02, t), lift)
    ridge = 0.5 + 0.5 * np.cos(2 * np.pi * clump)
    lift = lift + (0.34 * ridge - 0.12) * ramp(0.08, 0.5, t) * np.where(short, 1 - 0.6 * ramp(0.8, 1.0, t), 1.0)
    lift = lift + 0.10 * noise(clump * 2.0 + 40, 5, 997) * ramp(0.1, 0.5, t)
    points = scalp + normal * lift[:, None]
    fall = np.clip((t - on_head) / np.maximum(1 - on_head, 1e-6), 0, 1) * (t > on_head)
    uneven = 1.0 + 0.07 * noise(clump, 9, 997) + 0.06 * ridge
    outward = np.stack([np.sin(a), np.zeros_like(a), np.cos(a)], axis=1)
    belly = 0.55 * np.sin(np.pi * np.clip(fall * 1.05, 0, 1)) - 2.3 * fall**2.2  # full, then curled in
    points[:, 1] -= hang * fall * uneven
    points += outward * (belly * ramp(0.0, 4.0, hang))[:, None]
    return points.reshape(*shape, 3)

"""A piece of the avatar on its way into the scene."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from renderer.sample import skeleton
from renderer.sample.field import Array
from renderer.sample.mesher import Faces, Shape


@dataclass(slots=True, kw_only=True)
class Part:
    """One primitive in the world, metres; ``shapes`` are displacements by ARKit name."""

    name: str
    material: str
    points: Array
    normals: Array
    faces: Faces
    weights: Array
    uvs: Array | None = None
    colors: Array | None = None
    tangents: bool = False
    shapes: dict[str, Array] = field(default_factory=dict)
    bent_normals: bool = False


def subset(part: Part, faces: Faces) -> Part:
    """The part with these triangles only, and the vertices they use."""
    used, renumbered = np.unique(faces, return_inverse=True)
    return replace(
        part,
        points=part.points[used],
        normals=part.normals[used],
        faces=renumbered.reshape(-1, 3),
        weights=part.weights[used],
        uvs=None if part.uvs is None else part.uvs[used],
        shapes={name: move[used] for name, move in part.shapes.items()},
    )


def to_world(points: Array) -> Array:
    """From the face frame (centimetres)."""
    return np.asarray(points * 0.01 + skeleton.FACE_ORIGIN)


def grey(shade: Array) -> Array:
    """One brightness as three channels."""
    return np.repeat(np.asarray(shade)[:, None], 3, axis=1)


def pair(shape: Shape) -> Shape:
    """A left shape and its mirror image."""
    flip = np.array([-1.0, 1.0, 1.0])
    twin = Shape(points=shape.points * flip, faces=shape.faces[:, ::-1], normals=shape.normals * flip)
    return merged([shape, twin])


def merged(shapes: list[Shape]) -> Shape:
    """Several shapes as one."""
    starts = np.cumsum([0] + [len(shape.points) for shape in shapes[:-1]])
    return Shape(
        points=np.concatenate([shape.points for shape in shapes]),
        faces=np.concatenate([shape.faces + start for shape, start in zip(shapes, starts, strict=True)]),
        normals=np.concatenate([shape.normals for shape in shapes]),
    )

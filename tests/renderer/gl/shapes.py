"""Small hand-made avatars: every number in them is known, so every pixel of theirs can be."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as PillowImage

from renderer.scene import (
    Avatar,
    DirectionalLight,
    Environment,
    Image,
    Lighting,
    Material,
    Mesh,
    Mode,
    MorphTarget,
    Node,
    Orthographic,
    Primitive,
    Sampler,
    Skin,
    Texture,
    View,
)

FRONT = View(eye=(0.0, 0.0, 5.0), target=(0.0, 0.0, 0.0), projection=Orthographic(height=2.0))
"""Sees exactly -1..1 in x and y of a square picture."""

LAMP = Lighting(
    key=DirectionalLight(direction=(-0.48, 0.64, 0.6), intensity=2.5), environment=Environment(intensity=0.25)
)
"""A strong lamp from the upper left and a little light from all sides: forms are seen."""


@dataclass(slots=True, kw_only=True)
class StillPose:
    """World matrices as given, the same at every time."""

    matrices: np.ndarray
    weights: dict[int, np.ndarray] = field(default_factory=dict)

    def world(self, avatar: Avatar) -> np.ndarray:
        return self.matrices


def rest(avatar: Avatar, **weights: list[float]) -> StillPose:
    """Every node at its own translation and scale, unrotated, without a parent; weights by ``node0=[...]``."""
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(avatar.nodes), 1, 1))
    for index, node in enumerate(avatar.nodes):
        matrices[index, :3, :3] = np.diag(node.scale)
        matrices[index, :3, 3] = node.translation
    return StillPose(matrices=matrices, weights={int(k[4:]): np.array(v, np.float32) for k, v in weights.items()})


def quad(size: float = 1.0, *, z: float = 0.0, material: int = 0, **arrays: object) -> Primitive:
    """A square of half side ``size`` that faces +Z, upper left vertex first; uv (0, 0) is its upper left corner."""
    s = size
    values: dict[str, object] = {
        "positions": np.array([[-s, s, z], [-s, -s, z], [s, -s, z], [s, s, z]], np.float32),
        "normals": np.tile(np.array([0, 0, 1], np.float32), (4, 1)),
        "uvs": (np.array([[0, 0], [0, 1], [1, 1], [1, 0]], np.float32),),
        "indices": np.array([0, 1, 2, 0, 2, 3], np.uint32),
        "material": material,
    }
    return Primitive(**{**values, **arrays})  # type: ignore[arg-type]


def sphere(radius: float = 1.0, *, rows: int = 32, material: int = 0) -> Primitive:
    """A ball with analytic normals."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, 2 * rows), indexing="ij")
    unit = np.stack((np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)), axis=-1)
    normals = unit.reshape(-1, 3).astype(np.float32)
    uvs = np.stack((around / (2 * np.pi), polar / np.pi), axis=-1).reshape(-1, 2).astype(np.float32)
    at = np.arange(len(normals)).reshape(polar.shape)
    a, b, c, d = at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]
    triangles = np.stack((a, b, c, a, c, d), axis=-1)
    return Primitive(
        positions=normals * np.float32(radius),
        normals=normals,
        uvs=(uvs,),
        indices=triangles.reshape(-1).astype(np.uint32),
        material=material,
    )


def picture(pixels: np.ndarray) -> Image:
    """A lossless picture of ``(h, w, 3 | 4) uint8``."""
    file = io.BytesIO()
    PillowImage.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return Image(name="made", mime_type="image/png", data=file.getvalue())


def avatar(
    *primitives: Primitive | tuple[Primitive, tuple[float, float, float]],
    materials: tuple[Material, ...] = (Material(),),
    images: tuple[Image, ...] = (),
    sampler: Sampler | None = None,
    skins: tuple[Skin, ...] = (),
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0),
    joints: int = 0,
) -> Avatar:
    """Each primitive (with the place of its node) in a mesh of its own; then ``joints`` bare nodes at the origin."""
    nodes, meshes = [], []
    for entry in primitives:
        primitive, place = entry if isinstance(entry, tuple) else (entry, (0.0, 0.0, 0.0))
        skin = 0 if primitive.joints is not None and skins else -1
        nodes.append(_node(place, scale, mesh=len(meshes), skin=skin))
        meshes.append(Mesh(name="", primitives=(primitive,), weights=np.zeros(len(primitive.targets), np.float32)))
    nodes += [_node((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) for _ in range(joints)]
    every = tuple(range(len(nodes)))
    return Avatar(
        name="made",
        nodes=tuple(nodes),
        roots=every,
        order=every,
        meshes=tuple(meshes),
        materials=materials,
        images=images,
        textures=tuple(Texture(image=i, sampler=sampler or Sampler()) for i in range(len(images))),
        skins=skins,
    )


def _node(place: tuple[float, ...], scale: tuple[float, ...], mesh: int = -1, skin: int = -1) -> Node:
    return Node(
        name="",
        parent=-1,
        children=(),
        translation=np.array(place, np.float32),
        rotation=np.array((0, 0, 0, 1), np.float32),
        scale=np.array(scale, np.float32),
        mesh=mesh,
        skin=skin,
    )


def skinned(primitive: Primitive, joints: np.ndarray, weights: np.ndarray) -> Primitive:
    """The primitive with joints ``(n, 4k)`` and weights ``(n, 4k)``."""
    primitive.joints, primitive.weights = joints.astype(np.uint16), weights.astype(np.float32)
    return primitive


def skin(first: int, count: int) -> Skin:
    """``count`` joints from node ``first`` on, identity inverse bind matrices."""
    return Skin(
        name="",
        joints=np.arange(first, first + count, dtype=np.int32),
        inverse_bind=np.tile(np.eye(4, dtype=np.float32), (count, 1, 1)),
    )


__all__ = [
    "FRONT",
    "LAMP",
    "Mode",
    "MorphTarget",
    "StillPose",
    "avatar",
    "picture",
    "quad",
    "rest",
    "skin",
    "skinned",
    "sphere",
]

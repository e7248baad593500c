"""Parts, bones and materials into one scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.sample import face, rigging, skeleton
from renderer.sample.field import Array
from renderer.sample.materials import Pictures
from renderer.sample.mesher import vertex_normals
from renderer.sample.part import Part
from renderer.scene import Avatar, Mesh, MorphTarget, Node, Primitive, Skin

NAME = "Sample"
SMALLEST = 4e-5
"""Displacements under this many metres are dropped ..."""
SEEN = 3e-4
"""... and on small parts those shapes that move nothing by more than this."""
UPON = {"mouthClose": "jawOpen"}
"""Shapes that are only ever seen together with another one: their normals are those of both, less the other's."""


def assemble(parts: list[Part], bones: tuple[skeleton.Bone, ...], pictures: Pictures) -> Avatar:
    """The avatar: bones first, then one node per part."""
    places = {bone.name: index for index, bone in enumerate(bones)}
    material_of = {material.name: index for index, material in enumerate(pictures.materials)}
    children: dict[str, list[int]] = {}
    for index, bone in enumerate(bones):
        children.setdefault(bone.parent, []).append(index)
    nodes: list[Node] = []
    for bone in bones:
        above = bones[places[bone.parent]].at if bone.parent else np.zeros(3)
        nodes.append(_node(bone.name, places.get(bone.parent, -1), tuple(children.get(bone.name, ())), bone.at - above))
    meshes: list[Mesh] = []
    for part in parts:
        meshes.append(_mesh(part, material_of[part.material]))
        node = _node(part.name, -1, (), np.zeros(3))
        node.mesh, node.skin = len(meshes) - 1, 0
        nodes.append(node)
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(bones), 1, 1))
    inverse[:, :3, 3] = -np.array([bone.at for bone in bones])
    roots = tuple(index for index, node in enumerate(nodes) if node.parent < 0)
    order: list[int] = []
    waiting = list(reversed(roots))
    while waiting:
        order.append(waiting.pop())
        waiting += reversed(nodes[order[-1]].children)
    return Avatar(
        name=NAME,
        nodes=tuple(nodes),
        roots=roots,
        order=tuple(order),
        meshes=tuple(meshes),
        materials=tuple(pictures.materials),
        textures=tuple(pictures.textures),
        images=tuple(pictures.images),
        skins=(
            Skin(
                name=NAME, joints=np.arange(len(bones), dtype=np.int32), inverse_bind=inverse, skeleton=places["hips"]
            ),
        ),
        humanoid=dict(places),
    )


def _node(name: str, parent: int, children: tuple[int, ...], at: Array) -> Node:
    return Node(
        name=name,
        parent=parent,
        children=children,
        translation=at.astype(np.float32),
        rotation=np.array([0, 0, 0, 1], np.float32),
        scale=np.ones(3, np.float32),
    )


def _mesh(part: Part, material: int) -> Mesh:
    moving = {name: _quiet(move) for name, move in part.shapes.items()}
    names = tuple(
        name
        for name in face.NAMES
        if name in moving and np.abs(moving[name]).max() > (0.0 if part.bent_normals else SEEN)
    )
    targets = []
    for name in names:
        normals = None
        if part.bent_normals:
            before = part.points + moving[UPON[name]] if UPON.get(name) in moving else part.points
            change = vertex_normals(before + moving[name], part.faces) - vertex_normals(before, part.faces)
            near = np.linalg.norm(moving[name], axis=1) > 0
            ring = np.zeros(len(near), np.bool_)
            ring[part.faces[near[part.faces].any(axis=1)]] = True
            change = np.where((np.linalg.norm(change, axis=1) > 0.07)[:, None] & ring[:, None], change, 0.0)
            normals = np.round(change, 3).astype(np.float32) + np.float32(0.0)
        targets.append(MorphTarget(positions=moving[name].astype(np.float32), normals=normals))
    joints, weights = rigging.strongest(part.weights)
    tangents = _tangents(part, part.uvs) if part.tangents and part.uvs is not None else None
    colors: NDArray[np.float32] | None = None
    if part.colors is not None:
        colors = np.concatenate([part.colors, np.ones((len(part.colors), 1))], axis=1).astype(np.float32)
    primitive = Primitive(
        positions=part.points.astype(np.float32),
        normals=part.normals.astype(np.float32),
        tangents=tangents,
        uvs=() if part.uvs is None else (part.uvs.astype(np.float32),),
        colors=colors,
        joints=joints,
        weights=weights,
        indices=part.faces.reshape(-1).astype(np.uint32),
        material=material,
        targets=tuple(targets),
    )
    return Mesh(name=part.name, primitives=(primitive,), weights=np.zeros(len(names), np.float32), target_names=names)


def _quiet(move: Array) -> Array:
    """Whole tenths of a hundredth of a millimetre, and nothing where next to nothing happens."""
    kept = np.where((np.linalg.norm(move, axis=1) > SMALLEST)[:, None], move, 0.0)
    return np.round(kept, 6) + 0.0


def _tangents(part: Part, uvs: Array) -> NDArray[np.float32]:
    """Along the picture's u, per vertex; w is the handedness (glTF 2.0, 3.7.2.1)."""
    a, b, c = (part.faces[:, i] for i in range(3))
    e1, e2 = part.points[b] - part.points[a], part.points[c] - part.points[a]
    d1, d2 = uvs[b] - uvs[a], uvs[c] - uvs[a]
    area = d1[:, 0] * d2[:, 1] - d2[:, 0] * d1[:, 1]
    safe = np.where(np.abs(area) < 1e-14, 1.0, area)[:, None]
    along = (e1 * d2[:, 1:] - e2 * d1[:, 1:]) / safe
    down = (e2 * d1[:, :1] - e1 * d2[:, :1]) / safe
    total, other = np.zeros_like(part.points), np.zeros_like(part.points)
    for corner in (a, b, c):
        np.add.at(total, corner, along)
        np.add.at(other, corner, down)
    n = part.normals
    flat = total - n * (n * total).sum(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    spare = np.cross(n, np.where(np.abs(n[:, :1]) > 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]))
    spare /= np.linalg.norm(spare, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, flat / np.maximum(length, 1e-9), spare)
    # v runs down the picture, so a right-handed frame has its bitangent against it
    sign = np.where((np.cross(n, unit) * other).sum(axis=1) < 0, -1.0, 1.0)
    return np.concatenate([unit, sign[:, None]], axis=1).astype(np.float32)

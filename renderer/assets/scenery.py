"""A package's ``background.glb``: a scene that stands around the character and is drawn with it.

Facts about the vendor's public web client 1.1.4, observed by running it: the scene is halved and lowered by 6 mm,
casts and receives shadows, and keeps its own materials; the colour table does not apply to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct, structs

from renderer.assets.placement import placed
from renderer.scene.avatar import Avatar
from renderer.scene.later import changed
from renderer.scene.material import Material, TextureRef
from renderer.scene.mesh import Mesh
from renderer.scene.node import Node

SCALE, HEIGHT = 0.5, -0.006

Value = TypeVar("Value", bound=Struct)


def with_scenery(avatar: Avatar, scenery: Avatar) -> Avatar:
    """The avatar with another scene beside it; its own indices stay as they are.

    The scene's shapes lose their names, so that no face channel moves them, and its cameras are left out.
    """
    around = placed(
        scenery,
        translation=np.array((0.0, HEIGHT, 0.0), np.float32),
        scale=np.full(3, SCALE, np.float32),
    )
    first = len(avatar.nodes)
    image = len(avatar.images)
    # One more than the scene has: the material of a surface that names none.
    materials = (*around.materials, Material(name="default"))
    return changed(
        avatar,
        nodes=(*avatar.nodes, *(_node(node, avatar) for node in around.nodes)),
        roots=(*avatar.roots, *(first + root for root in around.roots)),
        order=(*avatar.order, *(first + node for node in around.order)),
        meshes=(*avatar.meshes, *(_mesh(mesh, len(avatar.materials), len(materials)) for mesh in around.meshes)),
        materials=(
            *avatar.materials,
            *(structs.replace(_retextured(material, len(avatar.textures)), graded=False) for material in materials),
        ),
        textures=(*avatar.textures, *(structs.replace(t, image=_moved(t.image, image)) for t in around.textures)),
        images=(*avatar.images, *around.images),
        skins=(
            *avatar.skins,
            *(replace(s, joints=s.joints + np.int32(first), skeleton=_moved(s.skeleton, first)) for s in around.skins),
        ),
        lights=(*avatar.lights, *around.lights),
        scenery=frozenset(range(first, first + len(around.nodes))),
    )


def _moved(index: int, by: int) -> int:
    return index if index < 0 else index + by


def _node(node: Node, before: Avatar) -> Node:
    first = len(before.nodes)
    return structs.replace(
        node,
        parent=_moved(node.parent, first),
        children=tuple(child + first for child in node.children),
        mesh=_moved(node.mesh, len(before.meshes)),
        skin=_moved(node.skin, len(before.skins)),
        camera=-1,
        light=_moved(node.light, len(before.lights)),
    )


def _mesh(mesh: Mesh, first: int, count: int) -> Mesh:
    return replace(
        mesh,
        primitives=tuple(
            changed(p, material=first + (p.material if 0 <= p.material < count else count - 1)) for p in mesh.primitives
        ),
        target_names=("",) * len(mesh.target_names),
    )


def _retextured(value: Value, by: int) -> Value:
    """A material, or a layer of one, whose textures are numbered from ``by``."""
    if isinstance(value, TextureRef):
        return structs.replace(value, texture=value.texture + by)
    layers: dict[str, Any] = {}
    for name in value.__struct_fields__:
        before = getattr(value, name)
        if isinstance(before, Struct):
            layers[name] = _retextured(before, by)
    return structs.replace(value, **layers) if layers else value

"""Small avatars made to order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from renderer.scene import Avatar, Mesh, MorphTarget, Node, Primitive, Skin


def node(name: str = "", parent: int = -1, children: Sequence[int] = (), mesh: int = -1, skin: int = -1) -> Node:
    return Node(
        name=name,
        parent=parent,
        children=tuple(children),
        translation=np.zeros(3, np.float32),
        rotation=np.array((0, 0, 0, 1), np.float32),
        scale=np.ones(3, np.float32),
        mesh=mesh,
        skin=skin,
    )


def face(*names: str) -> Mesh:
    """A mesh whose targets have these names."""
    targets = tuple(MorphTarget(positions=np.full((3, 3), i + 1, np.float32)) for i in range(len(names)))
    primitive = Primitive(positions=np.zeros((3, 3), np.float32), targets=targets)
    return Mesh(name="face", primitives=(primitive,), weights=np.zeros(len(names), np.float32), target_names=names)


def avatar(*nodes: Node, meshes: Sequence[Mesh] = (), skins: Sequence[Skin] = ()) -> Avatar:
    roots = tuple(i for i, n in enumerate(nodes) if n.parent < 0)
    return Avatar(
        name="made", nodes=nodes, roots=roots, order=tuple(range(len(nodes))), meshes=tuple(meshes), skins=tuple(skins)
    )


class Make:
    """The functions above for tests, which cannot import a conftest."""

    node = staticmethod(node)
    face = staticmethod(face)
    avatar = staticmethod(avatar)


@pytest.fixture
def make() -> type[Make]:
    """Builders of nodes, meshes and avatars."""
    return Make

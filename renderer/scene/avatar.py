"""An avatar: everything that is drawn, with the hierarchy it moves in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from renderer.scene.camera import Orthographic, Perspective
from renderer.scene.expression import Expression
from renderer.scene.hierarchy import Hierarchy
from renderer.scene.later import Delayed, Later
from renderer.scene.light import PunctualLight
from renderer.scene.material import Image, Material, Texture
from renderer.scene.mesh import Mesh
from renderer.scene.node import Node
from renderer.scene.rig import Rig
from renderer.scene.skin import Skin


@dataclass(kw_only=True)
class Avatar:
    """The linked contents of one glTF scene.

    Attributes:
        nodes: every node of the file, also those outside the drawn scene.
        roots: nodes the drawn scene starts from.
        order: indices of the scene's nodes, parents before children.
        variants: names of the sets of materials that can be chosen from.
        expressions: named faces that the file itself defines (VRM), by name.
        rig: springs, constraints and look-at of a VRM file; empty for others.
        scenery: nodes that belong to what stands around the avatar (a package's ``background.glb``): drawn with it, but
            no camera makes room for them.
        humanoid: VRM bone name (``"hips"``, ``"leftUpperArm"``, ...) to node index, as far as known.

    What the last three hold is read when it is first asked for.
    """

    name: str
    nodes: tuple[Node, ...]
    roots: tuple[int, ...]
    order: tuple[int, ...]
    meshes: tuple[Mesh, ...] = ()
    materials: tuple[Material, ...] = ()
    textures: tuple[Texture, ...] = ()
    images: tuple[Image, ...] = ()
    skins: tuple[Skin, ...] = ()
    cameras: tuple[Perspective | Orthographic, ...] = ()
    lights: tuple[PunctualLight, ...] = ()
    variants: tuple[str, ...] = ()
    scenery: frozenset[int] = frozenset()
    humanoid: Later[Mapping[str, int]] = Later(Delayed(dict))  # noqa: RUF009 -- a descriptor
    expressions: Later[Mapping[str, Expression]] = Later(Delayed(dict))  # noqa: RUF009 -- a descriptor
    rig: Later[Rig] = Later(Rig())  # noqa: RUF009 -- a descriptor

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """All nodes by depth, derived from ``nodes``."""
        return Hierarchy.of(self.nodes)

    @property
    def outlined(self) -> bool:
        """Whether any material draws an outline of its own."""
        return any(material.toon is not None and material.toon.outlined for material in self.materials)

    @property
    def lit(self) -> bool:
        """Whether lights of the file's own shine in the drawn scene."""
        shining = (self.nodes[node].light for node in self.order)
        return any(0 <= light < len(self.lights) and self.lights[light].intensity > 0.0 for light in shining)

"""An avatar on the GPU: its vertices, pictures and numbers, uploaded once, and where the pose has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl import units
from renderer.gl.blocks import BINDINGS
from renderer.gl.context import GraphicsContext
from renderer.gl.geometry import Geometry
from renderer.gl.joints import Joints
from renderer.gl.lamps import Lamps
from renderer.gl.levels import Levels, Nearness, density
from renderer.gl.material_blocks import MaterialBlocks
from renderer.gl.materials import SAMPLERS, Surface, depth_defines, surface
from renderer.gl.one_color import simplified
from renderer.gl.pictures import Decoding, decode_all
from renderer.gl.programs import Programs
from renderer.gl.textures import TextureSet, TextureUse
from renderer.scene import Avatar, Material, Primitive, TextureRef

DEPTH_ALONE = frozenset({"depth alone"})
"""Instead of the macros of light and look: where a surface is, and nothing about its colour."""

Surfaces = dict[tuple[int, int], tuple[Surface, Material]]
"""By node and primitive."""


@dataclass(slots=True, kw_only=True)
class Drawn:
    """One primitive of one node, ready to draw; ``model`` to ``center`` follow the pose.

    ``textures`` are unit, texture and its ``levels.density``; ``pixels`` is log2 of a unit of length in the picture,
    None where it varies.
    """

    node: int
    primitive: int
    skin: int
    geometry: Geometry
    surface: Surface
    material: Material
    block: int
    textures: tuple[tuple[int, Any, float | None], ...]
    model: NDArray[np.float32]
    mirrored: bool = False
    center: NDArray[np.float32]
    arrays: dict[frozenset[str], Any]
    outline_stale: bool = False
    pixels: float | None = None


class Figure:
    """The avatar's primitives, each with what drawing it takes.

    Args:
        largest_texture: pictures with a longer side are shrunk to it.
        threads: how many pictures are decoded at a time.
        pictures: those that are being decoded already.

    Attributes:
        drawn: every primitive of every node of the scene.
        joints, lamps: of the pose.
        world: ``(nodes, 4, 4)`` of the pose.
    """

    def __init__(
        self,
        context: GraphicsContext,
        programs: Programs,
        avatar: Avatar,
        *,
        largest_texture: int,
        threads: int,
        pictures: Decoding | None,
    ) -> None:
        self._context = context
        self._programs = programs
        self.avatar = avatar
        self.joints = Joints(context, avatar.skins)
        self.lamps = Lamps(context, avatar)
        self.world = np.zeros((len(avatar.nodes), 4, 4), np.float32)
        self._geometries: dict[tuple[int, int, int], Geometry] = {}
        self._densities: dict[tuple[int, int, int, tuple[float, float]], float | None] = {}
        self._levels = Levels(context)
        materials = avatar.materials
        textures, images = avatar.textures, avatar.images
        shown = {
            textures[use.texture].image for use in _uses(self._surfaces(materials)) if 0 <= use.texture < len(textures)
        }
        decoded = decode_all(
            images,
            (image for image in shown if 0 <= image < len(images)),
            largest=largest_texture,
            threads=threads,
            mipmapped=context.software,
            ahead=pictures,
        )
        surfaces = self._surfaces([simplified(material, textures, decoded) for material in materials])
        self._textures = TextureSet(context=context, pictures=decoded, textures=textures, uses=_uses(surfaces))
        self._blocks = MaterialBlocks(context, [surface for surface, _ in surfaces.values()])
        self.drawn = [self._prepare(key, index, *surfaces[key]) for index, key in enumerate(surfaces)]

    def _surfaces(self, materials: Sequence[Material]) -> Surfaces:
        found: Surfaces = {}
        for node in self.avatar.order:
            mesh = self.avatar.nodes[node].mesh
            for index, primitive in enumerate(self.avatar.meshes[mesh].primitives if mesh >= 0 else ()):
                known = 0 <= primitive.material < len(materials)
                material = materials[primitive.material] if known else Material()
                found[node, index] = (surface(primitive, material), material)
        return found

    def _prepare(self, key: tuple[int, int], block: int, surface: Surface, material: Material) -> Drawn:
        node_index, primitive_index = key
        node = self.avatar.nodes[node_index]
        primitive = self.avatar.meshes[node.mesh].primitives[primitive_index]
        # Nodes that share a mesh share its buffers, unless their morph weights may differ.
        shared = (node.mesh, primitive_index, node_index if primitive.targets else -1)
        if shared not in self._geometries:
            self._geometries[shared] = Geometry(self._context, primitive)
        skinned = "SKIN" in surface.defines and node.skin >= 0
        if "SKIN" in surface.defines and not skinned:
            del surface.defines["SKIN"]
        return Drawn(
            node=node_index,
            primitive=primitive_index,
            skin=node.skin if skinned else -1,
            geometry=self._geometries[shared],
            surface=surface,
            material=material,
            block=block,
            textures=tuple(
                # Colour keeps a level for each pixel: thin lines would become dots where a surface turns away.
                (SAMPLERS[name], self._textures[use], None if use.srgb else self._density(primitive, at, shared[:2]))
                for name, use, at in surface.textures
            ),
            model=np.eye(4, dtype=np.float32),
            center=np.zeros(3, np.float32),
            arrays={},
        )

    def _density(self, primitive: Primitive, reference: TextureRef | None, place: tuple[int, int]) -> float | None:
        if reference is None or not self._context.software:
            return None
        key = (*place, reference.uv_set, reference.scale)
        if key not in self._densities:
            self._densities[key] = density(primitive, reference)
        return self._densities[key]

    def seen(self, nearness: Nearness | None) -> None:
        """Take a view: of the surfaces that lie at one distance a single mipmap level is read; None: of none."""
        for drawn in self.drawn:
            drawn.pixels = None
            if nearness is not None and (scale := abs(_determinant(drawn.model)) ** (1.0 / 3.0)) > 0.0:
                pixels = nearness.pixels(drawn.center, drawn.geometry.radius * scale)
                drawn.pixels = None if pixels is None else pixels + math.log2(scale)

    def pose(self, *, world: NDArray[np.float32], weights: Mapping[int, NDArray[np.float32]]) -> None:
        """Take a pose: ``world`` is ``(nodes, 4, 4)``, ``weights`` maps a node to its morph weights.

        A node without weights has its own or its mesh's defaults.
        """
        self.world = world
        self.joints.update(world)
        self.lamps.update(world)
        for drawn in self.drawn:
            geometry = drawn.geometry
            if geometry.morph is not None:
                drawn.outline_stale |= geometry.set_weights(self._weights(drawn.node, weights))
            if drawn.skin >= 0 and geometry.joint_shares is not None:
                matrices = self.joints.matrices(drawn.skin)[: len(geometry.joint_shares)]
                shares = geometry.joint_shares[: len(matrices)]
                drawn.model[:3] = (shares @ matrices.reshape(-1, 12)).reshape(3, 4)
            else:
                drawn.model = world[drawn.node]
            drawn.center = drawn.model[:3, :3] @ geometry.center + drawn.model[:3, 3]
            drawn.mirrored = _determinant(drawn.model) < 0.0

    def _weights(self, node: int, weights: Mapping[int, NDArray[np.float32]]) -> NDArray[np.float32]:
        given = weights.get(node)
        if given is None:
            given = self.avatar.nodes[node].weights
        return self.avatar.meshes[self.avatar.nodes[node].mesh].weights if given is None else given

    def draw(
        self,
        drawn: Drawn,
        macros: frozenset[str],
        *,
        flipped: bool,
        back: bool,
        front: bool,
    ) -> None:
        if not drawn.geometry.count:
            return
        array = self.array(drawn, macros)
        self.place(drawn, array.program, flipped=flipped, back=back, front=front)
        self.bind(drawn)
        array.render()

    def array(self, drawn: Drawn, macros: frozenset[str]) -> Any:
        """The vertices with the program of the material under these macros, made once."""
        if macros in drawn.arrays:
            return drawn.arrays[macros]
        defines, fragment = dict(drawn.surface.defines), "surface.frag.glsl"
        if macros is DEPTH_ALONE:
            defines, fragment = depth_defines(defines), "depth.frag.glsl"
        elif "OUTLINE" in macros:
            # Its back faces stand for the surface's edge: their normals are not turned round.
            defines.update(dict.fromkeys(macros - {"GRADED"}, ""))
            defines.pop("DOUBLE_SIDED", None)
        elif drawn.surface.unlit:
            defines.update({name: "" for name in macros if name.startswith("TONE")})
        else:
            defines.update(dict.fromkeys(macros - {"GRADED"}, ""))
        if "GRADED" in macros and drawn.material.graded:
            defines["GRADED"] = ""
        program = self._programs.get(vertex="surface.vert.glsl", fragment=fragment, defines=defines)
        for name, binding in BINDINGS.items():
            if name in program:
                program[name].binding = binding
        for name, unit in units.SAMPLER_UNITS.items():
            if name in program:
                program[name].value = unit
        drawn.arrays[macros] = drawn.geometry.array(program)
        return drawn.arrays[macros]

    def place(self, drawn: Drawn, program: Any, *, flipped: bool, back: bool, front: bool) -> None:
        """Which sides are drawn, and where."""
        gl = self._context.gl
        gl.front_face = "cw" if flipped != drawn.mirrored else "ccw"
        if back and front:
            gl.disable(gl.CULL_FACE)
        else:
            gl.enable(gl.CULL_FACE)
            gl.cull_face = "back" if front else "front"
        if drawn.skin >= 0:
            program["u_first_joint"].value = self.joints.first[drawn.skin]
            self.joints.use(units.JOINTS)
        else:
            program["u_model"].write(np.ascontiguousarray(drawn.model.T))
            if "u_normal_matrix" in program:
                program["u_normal_matrix"].write(_normal_matrix(drawn.model))
        if "u_hand" in program:
            program["u_hand"].value = -1.0 if drawn.mirrored else 1.0

    def bind(self, drawn: Drawn) -> None:
        """The material's numbers and pictures."""
        self._blocks.use(drawn.block)
        for unit, texture, dense in drawn.textures:
            texture.use(unit)
            if self._context.software:
                self._levels.use(texture, None if dense is None or drawn.pixels is None else dense - drawn.pixels)

    def release(self) -> None:
        """Free everything."""
        for geometry in self._geometries.values():
            geometry.release()
        self._textures.release()
        self._blocks.release()
        self.joints.release()
        self.lamps.release()


def _uses(surfaces: Surfaces) -> set[TextureUse]:
    return {use for surface, _ in surfaces.values() for _, use, _ in surface.textures}


def _determinant(model: NDArray[np.float32]) -> float:
    a, b, c = model[:3, :3].tolist()
    return float(
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
    )


def _normal_matrix(model: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inverse transpose of the linear part, columnwise; the matrix itself where that has no inverse."""
    linear = model[:3, :3].astype(np.float64)
    try:
        inverse = np.linalg.inv(linear)
    except np.linalg.LinAlgError:
        inverse = linear.T
    # Row i of the inverse is column i of its transpose, and columns are what the driver wants in a row.
    return np.ascontiguousarray(inverse, dtype=np.float32)

"""An avatar on the GPU, and the pass that draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl.background import Backdrop
from renderer.gl.blocks import BINDINGS, FRAME, FRAME_BINDING
from renderer.gl.color_table import ColorTable
from renderer.gl.context import GraphicsContext
from renderer.gl.geometry import Geometry
from renderer.gl.joints import Joints
from renderer.gl.lamps import Lamps
from renderer.gl.material_blocks import MaterialBlocks
from renderer.gl.materials import SAMPLERS, Surface, depth_defines, surface
from renderer.gl.opaque_copy import OpaqueCopy
from renderer.gl.openness import Openness
from renderer.gl.pictures import Decoding
from renderer.gl.prefilter import LAYERS, SIZE
from renderer.gl.programs import Programs
from renderer.gl.projection import eye_vector, view_projection
from renderer.gl.shadow import ShadowMap, light_projection, to_map
from renderer.gl.silhouettes import Silhouettes
from renderer.gl.smoothing import Smoothing
from renderer.gl.surroundings import Surroundings
from renderer.gl.textures import TextureSet
from renderer.scene import (
    AlphaMode,
    Avatar,
    Background,
    DirectionalLight,
    Environment,
    Lighting,
    Look,
    Material,
    Mode,
    Panorama,
    View,
)
from renderer.scene.extent import extent

_JOINT_UNIT = len(SAMPLERS)
_PANORAMA_UNIT, _SHADOW_UNIT, _TABLE_UNIT, _COPY_UNIT, _OPEN_UNIT, _OPEN_FRAMES_UNIT = range(
    _JOINT_UNIT + 1, _JOINT_UNIT + 7
)
_UNITS = {
    **SAMPLERS,
    "u_joints": _JOINT_UNIT,
    "u_panorama": _PANORAMA_UNIT,
    "u_shadow_map": _SHADOW_UNIT,
    "u_color_table": _TABLE_UNIT,
    "u_behind": _COPY_UNIT,
    "u_open_maps": _OPEN_UNIT,
    "u_open_frames": _OPEN_FRAMES_UNIT,
}
_DEPTH = frozenset({"depth alone"})
_EDGE_LIFT = 0.004  # of the distance to what is looked at
_TONES = {"aces": "TONE_ACES", "neutral": "TONE_NEUTRAL", "none": "TONE_NONE"}


@dataclass(slots=True, kw_only=True)
class _Drawn:
    """One primitive of one node, ready to draw; ``model`` to ``center`` follow the pose."""

    node: int
    primitive: int
    skin: int
    geometry: Geometry
    surface: Surface
    material: Material
    block: int
    textures: tuple[tuple[int, Any], ...]
    model: NDArray[np.float32]
    mirrored: bool = False
    center: NDArray[np.float32]
    arrays: dict[frozenset[str], Any]
    outline_stale: bool = False


class Stage:
    """Uploads an avatar once and draws it as often as wanted.

    Args:
        largest_texture: pictures with a longer side are shrunk to it.
        threads: how many pictures are decoded at a time.
        pictures: those that are being decoded already.
    """

    def __init__(
        self,
        context: GraphicsContext,
        avatar: Avatar,
        *,
        largest_texture: int = 2048,
        threads: int = 2,
        pictures: Decoding | None = None,
    ) -> None:
        self._context = context
        self._avatar = avatar
        self._programs = Programs(context)
        self._backdrop = Backdrop(context, self._programs, largest=largest_texture)
        self._surroundings = Surroundings(context)
        self._shadow_map = ShadowMap(context)
        self._color_table = ColorTable(context)
        self._smoothing = Smoothing(context, self._programs)
        self._joints = Joints(context, avatar.skins)
        self._lamps = Lamps(context, avatar)
        self._opaque_copy = OpaqueCopy(context)
        self._openness = Openness(context)
        self._open_for: Environment | Panorama | None = None
        self._frame = np.zeros((), FRAME)
        self._frame_buffer = context.gl.buffer(reserve=FRAME.itemsize, dynamic=True)
        self._light_frame_buffer = context.gl.buffer(reserve=FRAME.itemsize, dynamic=True)
        self._shadow_of: DirectionalLight | None = None
        self._geometries: dict[tuple[int, int, int], Geometry] = {}
        surfaces = self._surfaces()
        uses = {use for surface, _ in surfaces.values() for _, use in surface.textures}
        self._textures = TextureSet(
            context=context,
            images=avatar.images,
            textures=avatar.textures,
            uses=uses,
            largest=largest_texture,
            threads=threads,
            ahead=pictures,
        )
        self._blocks = MaterialBlocks(context, [surface for surface, _ in surfaces.values()])
        self._drawn = [self._prepare(key, index, *surfaces[key]) for index, key in enumerate(surfaces)]
        self._silhouettes: dict[int, Silhouettes] = {}

    def _surfaces(self) -> dict[tuple[int, int], tuple[Surface, Material]]:
        found: dict[tuple[int, int], tuple[Surface, Material]] = {}
        for node in self._avatar.order:
            mesh = self._avatar.nodes[node].mesh
            for index, primitive in enumerate(self._avatar.meshes[mesh].primitives if mesh >= 0 else ()):
                known = 0 <= primitive.material < len(self._avatar.materials)
                material = self._avatar.materials[primitive.material] if known else Material()
                found[node, index] = (surface(primitive, material), material)
        return found

    def _prepare(self, key: tuple[int, int], block: int, surface: Surface, material: Material) -> _Drawn:
        node_index, primitive_index = key
        node = self._avatar.nodes[node_index]
        primitive = self._avatar.meshes[node.mesh].primitives[primitive_index]
        # Nodes that share a mesh share its buffers, unless their morph weights may differ.
        shared = (node.mesh, primitive_index, node_index if primitive.targets else -1)
        if shared not in self._geometries:
            self._geometries[shared] = Geometry(self._context, primitive)
        skinned = "SKIN" in surface.defines and node.skin >= 0
        if "SKIN" in surface.defines and not skinned:
            del surface.defines["SKIN"]
        return _Drawn(
            node=node_index,
            primitive=primitive_index,
            skin=node.skin if skinned else -1,
            geometry=self._geometries[shared],
            surface=surface,
            material=material,
            block=block,
            textures=tuple((SAMPLERS[name], self._textures[use]) for name, use in surface.textures),
            model=np.eye(4, dtype=np.float32),
            center=np.zeros(3, np.float32),
            arrays={},
        )

    @property
    def variants(self) -> int:
        """How many shader programs have been built."""
        return self._programs.count

    def pose(self, *, world: NDArray[np.float32], weights: Mapping[int, NDArray[np.float32]]) -> None:
        """Take a pose: ``world`` is ``(nodes, 4, 4)``, ``weights`` maps a node to its morph weights.

        A node without weights has its own or its mesh's defaults.
        """
        self._world = world
        self._joints.update(world)
        self._lamps.update(world)
        for drawn in self._drawn:
            geometry = drawn.geometry
            if geometry.morph is not None:
                drawn.outline_stale |= geometry.set_weights(self._weights(drawn.node, weights))
            if drawn.skin >= 0 and geometry.joint_shares is not None:
                matrices = self._joints.matrices(drawn.skin)[: len(geometry.joint_shares)]
                drawn.model[:3] = np.tensordot(geometry.joint_shares[: len(matrices)], matrices, axes=1)
            else:
                drawn.model = world[drawn.node]
            drawn.center = drawn.model[:3, :3] @ geometry.center + drawn.model[:3, 3]
            drawn.mirrored = _determinant(drawn.model) < 0.0
        self._shadow_of = None
        self._open_for = None

    def cast_shadow(self, lighting: Lighting) -> None:
        """Draw the key light's shadow map of the pose, if it has a shadow; leaves another drawing target bound.

        Raises:
            GraphicsError: the driver refused a shader.
        """
        self._find_openness(lighting)
        key = lighting.key
        if key is None or key.shadow is None or key == self._shadow_of:
            return
        gl = self._context.gl
        projection = light_projection(key, key.shadow)
        self._frame["shadow_from_world"] = to_map(projection).T
        frame = np.zeros((), FRAME)
        frame["view_projection"] = projection.T
        self._light_frame_buffer.write(frame.tobytes())
        self._light_frame_buffer.bind_to_uniform_block(FRAME_BINDING)
        self._shadow_map.begin(key.shadow.resolution)
        gl.enable(gl.DEPTH_TEST)
        gl.disable(gl.BLEND)
        gl.depth_func = "<="
        for drawn in self._drawn:
            if drawn.geometry.count:
                array = self._array(drawn, _DEPTH)
                both = drawn.material.double_sided or drawn.material.casts_both_sides
                self._place(drawn, array.program, flipped=False, back=True, front=both)
                self._bind(drawn)
                array.render()
        self._shadow_of = key

    def _find_openness(self, lighting: Lighting) -> None:
        """Draw the maps of what the avatar hides from itself, if the picture is to show it."""
        around = lighting.environment
        if not lighting.occlusion or around is None or around is self._open_for:
            return
        box = extent(self._avatar, self._world)
        if box is None:
            return
        gl = self._context.gl
        gl.enable(gl.DEPTH_TEST)
        gl.disable(gl.BLEND)
        gl.depth_func = "<="

        def draw(matrix: NDArray[np.float32]) -> None:
            frame = np.zeros((), FRAME)
            frame["view_projection"] = matrix.T
            self._light_frame_buffer.write(frame.tobytes())
            self._light_frame_buffer.bind_to_uniform_block(FRAME_BINDING)
            for drawn in self._drawn:
                solid = drawn.material.alpha_mode is not AlphaMode.BLEND
                if drawn.geometry.count and solid and "TRANSMISSION" not in drawn.surface.defines:
                    array = self._array(drawn, _DEPTH)
                    self._place(drawn, array.program, flipped=False, back=True, front=True)
                    self._bind(drawn)
                    array.render()

        center, half = box.center.astype(np.float32), (box.size / 2).astype(np.float32)
        self._openness.draw(center, half, around, draw)
        self._open_for = around

    def _weights(self, node: int, weights: Mapping[int, NDArray[np.float32]]) -> NDArray[np.float32]:
        given = weights.get(node)
        if given is None:
            given = self._avatar.nodes[node].weights
        return self._avatar.meshes[self._avatar.nodes[node].mesh].weights if given is None else given

    def draw(
        self,
        *,
        view: View,
        aspect: float,
        lighting: Lighting,
        look: Look,
        background: Background | None,
        flipped: bool,
        time: float = 0.0,
    ) -> None:
        """Draw the avatar and its background into the bound framebuffer, which has been cleared.

        Opaque surfaces come first, nearest first; then the background; then what light passes through, over a copy of
        all that; then blended surfaces, farthest first. With
        one sample a pixel a CPU lays down the depth of opaque surfaces before, so that it shades what is seen only.

        Args:
            background: None when it is there already.

        Raises:
            GraphicsError: the driver refused a shader.
            AssetError: the background is no picture.
        """
        gl = self._context.gl
        self._frame["clock"][:2] = (time, aspect)
        self._write_frame(view, aspect, lighting, look, flipped=flipped)
        self._surroundings.use(_PANORAMA_UNIT)
        self._shadow_map.use(_SHADOW_UNIT)
        self._color_table.use(_TABLE_UNIT)
        self._lamps.use()
        self._openness.use(_OPEN_UNIT, _OPEN_FRAMES_UNIT)
        macros = _light_macros(lighting, look, lamps=self._lamps.any)
        sight = np.asarray(view.target, np.float32) - np.asarray(view.eye, np.float32)
        eye = np.asarray(view.eye, np.float32)
        order = sorted(self._drawn, key=lambda drawn: float(sight @ (drawn.center - eye)))
        glass = [drawn for drawn in order if "TRANSMISSION" in drawn.surface.defines]
        order = [drawn for drawn in order if "TRANSMISSION" not in drawn.surface.defines]
        gl.enable(gl.DEPTH_TEST)
        gl.disable(gl.BLEND)
        gl.depth_func = "<="
        first = self._context.software and gl.fbo.samples <= 1
        if first:
            self._draw_depth(order, flipped=flipped)
        gl.fbo.depth_mask = not first
        for drawn in order:
            if drawn.material.alpha_mode is AlphaMode.OPAQUE:
                self._one(drawn, macros, flipped=flipped, back=drawn.material.double_sided, front=True)
        gl.fbo.depth_mask = True
        for drawn in order:
            if drawn.material.alpha_mode is AlphaMode.MASK:
                self._one(drawn, macros, flipped=flipped, back=drawn.material.double_sided, front=True)
        for drawn in order:
            if drawn.surface.outlined and drawn.material.alpha_mode is not AlphaMode.BLEND:
                self._one(drawn, macros | {"OUTLINE"}, flipped=flipped, back=True, front=False)
        if background is not None and self._backdrop.needed(background):
            gl.disable(gl.CULL_FACE)
            self._backdrop.draw(background, aspect=aspect, flipped=flipped)
        if glass:
            gl.disable(gl.BLEND)
            self._opaque_copy.take(gl.fbo, _COPY_UNIT)
            for drawn in reversed(glass):
                self._one(drawn, macros, flipped=flipped, back=drawn.material.double_sided, front=True)
        gl.enable(gl.BLEND)
        gl.blend_func = (gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
        blended = (drawn for drawn in reversed(order) if drawn.material.alpha_mode is AlphaMode.BLEND)
        for drawn in sorted(blended, key=lambda drawn: _queue(drawn.material)):
            gl.fbo.depth_mask = drawn.material.toon is not None and drawn.material.toon.z_write
            # A closed two-sided surface shows its far side through its near one.
            if drawn.material.double_sided:
                self._one(drawn, macros, flipped=flipped, back=True, front=False)
            self._one(drawn, macros, flipped=flipped, back=False, front=True)
            if drawn.surface.outlined:
                self._one(drawn, macros | {"OUTLINE"}, flipped=flipped, back=True, front=False)
        gl.fbo.depth_mask = True
        gl.disable(gl.BLEND)

    def _draw_depth(self, order: list[_Drawn], *, flipped: bool) -> None:
        calls = self._context.calls
        calls.color_mask(False, False, False, False)
        for drawn in order:
            if drawn.geometry.count and drawn.material.alpha_mode is AlphaMode.OPAQUE:
                array = self._array(drawn, _DEPTH)
                self._place(drawn, array.program, flipped=flipped, back=drawn.material.double_sided, front=True)
                array.render()
        calls.color_mask(True, True, True, True)

    def smooth(self, picture: Any, *, view: View, size: tuple[int, int], flipped: bool) -> None:
        """Smooth the outlines of a picture of the pose, which the bound framebuffer shows with its depth.

        Args:
            picture: the same picture as a texture of ``size`` pixels.
        """
        matrix = view_projection(view, size[0] / size[1], flipped=flipped)
        # Where a round surface turns away, its pixels lie nearer than the edge: the edge comes forward for them.
        sight = np.asarray(view.target, np.float32) - np.asarray(view.eye, np.float32)
        nearer = matrix[:, :3] @ (sight * np.float32(-_EDGE_LIFT))
        found = []
        for drawn in self._drawn:
            if drawn.geometry.mode >= Mode.TRIANGLES and drawn.geometry.count:
                edges = self._outline(drawn, matrix)
                places = edges[..., :3] / edges[..., 3:]
                places[..., 2] = (edges[..., 2] + nearer[2]) / (edges[..., 3] + nearer[3])
                found.append(places)
        if found:
            self._smoothing.draw(np.concatenate(found), picture, size=size)

    def _outline(self, drawn: _Drawn, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(edges, 2, 4)`` in clip space."""
        silhouettes = self._silhouettes.get(drawn.block)
        if silhouettes is None:
            mesh = self._avatar.meshes[self._avatar.nodes[drawn.node].mesh]
            primitive = mesh.primitives[drawn.primitive]
            silhouettes = self._silhouettes[drawn.block] = Silhouettes(primitive, skinned=drawn.skin >= 0)
            drawn.outline_stale = drawn.geometry.morph is not None
        if drawn.outline_stale and drawn.geometry.morph is not None:
            silhouettes.morph(drawn.geometry.morph.current[:, :3])
            drawn.outline_stale = False
        placed = self._joints.matrices(drawn.skin) if drawn.skin >= 0 else drawn.model[None, :3]
        return silhouettes.outline(silhouettes.clip(placed, matrix))

    def _one(
        self,
        drawn: _Drawn,
        macros: frozenset[str],
        *,
        flipped: bool,
        back: bool,
        front: bool,
    ) -> None:
        if not drawn.geometry.count:
            return
        array = self._array(drawn, macros)
        self._place(drawn, array.program, flipped=flipped, back=back, front=front)
        self._bind(drawn)
        array.render()

    def _bind(self, drawn: _Drawn) -> None:
        """The material's numbers and pictures."""
        self._blocks.use(drawn.block)
        for unit, texture in drawn.textures:
            texture.use(unit)

    def _place(self, drawn: _Drawn, program: Any, *, flipped: bool, back: bool, front: bool) -> None:
        """Which sides are drawn, and where."""
        gl = self._context.gl
        gl.front_face = "cw" if flipped != drawn.mirrored else "ccw"
        if back and front:
            gl.disable(gl.CULL_FACE)
        else:
            gl.enable(gl.CULL_FACE)
            gl.cull_face = "back" if front else "front"
        if drawn.skin >= 0:
            program["u_first_joint"].value = self._joints.first[drawn.skin]
            self._joints.use(_JOINT_UNIT)
        else:
            program["u_model"].write(np.ascontiguousarray(drawn.model.T))
            if "u_normal_matrix" in program:
                program["u_normal_matrix"].write(_normal_matrix(drawn.model))
        if "u_hand" in program:
            program["u_hand"].value = -1.0 if drawn.mirrored else 1.0

    def _array(self, drawn: _Drawn, macros: frozenset[str]) -> Any:
        """The vertices with the program of the material under these macros, made once."""
        if macros in drawn.arrays:
            return drawn.arrays[macros]
        defines, fragment = dict(drawn.surface.defines), "surface.frag.glsl"
        if macros is _DEPTH:
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
        for name, unit in _UNITS.items():
            if name in program:
                program[name].value = unit
        drawn.arrays[macros] = drawn.geometry.array(program)
        return drawn.arrays[macros]

    def _write_frame(self, view: View, aspect: float, lighting: Lighting, look: Look, *, flipped: bool) -> None:
        frame = self._frame
        frame["view_projection"] = view_projection(view, aspect, flipped=flipped).T
        frame["eye"] = eye_vector(view)
        if lighting.key is not None:
            frame["light_direction"][:3] = lighting.key.direction
            frame["light_color"][:3] = np.asarray(lighting.key.color) * lighting.key.intensity
            if (shadow := lighting.key.shadow) is not None:
                frame["shadow"] = (shadow.strength, shadow.bias, shadow.normal_bias, shadow.resolution)
        around = lighting.environment
        if isinstance(around, Panorama):
            self._surroundings.prepare(around)
            frame["look"][1:] = (around.intensity, SIZE, LAYERS)
        elif around is not None:
            for name in ("sky", "horizon", "ground"):
                frame[name][:3] = np.asarray(getattr(around, name)) * around.intensity
        frame["look"][0] = look.exposure
        if look.lut is not None:
            self._color_table.prepare(look.lut)
        self._frame_buffer.write(frame.tobytes())
        self._frame_buffer.bind_to_uniform_block(FRAME_BINDING)

    def backdrop(self, background: Background, *, aspect: float, flipped: bool) -> Callable[[], None] | None:
        """What draws the background alone into the bound framebuffer, None where clearing is all there is to do."""
        if not self._backdrop.needed(background):
            return None

        def draw() -> None:
            gl = self._context.gl
            gl.disable(gl.CULL_FACE | gl.BLEND)
            gl.enable(gl.DEPTH_TEST)
            gl.depth_func = "<="
            self._backdrop.draw(background, aspect=aspect, flipped=flipped)

        return draw

    def solid(self, background: Background) -> bool:
        """Whether every pixel of a picture before this background is opaque."""
        return self._backdrop.solid(background)

    def clear_color(self, background: Background) -> tuple[float, float, float, float]:
        """What the framebuffer is to be cleared to before ``draw``."""
        return self._backdrop.clear_color(background)

    def release(self) -> None:
        """Free everything that the avatar took on the GPU."""
        for geometry in self._geometries.values():
            geometry.release()
        self._textures.release()
        self._joints.release()
        self._surroundings.release()
        self._lamps.release()
        self._openness.release()
        self._opaque_copy.release()
        self._shadow_map.release()
        self._color_table.release()
        self._smoothing.release()
        self._backdrop.release()
        self._blocks.release()
        self._frame_buffer.release()
        self._light_frame_buffer.release()
        self._programs.release()


def _queue(material: Material) -> tuple[bool, int]:
    """Blended surfaces that write depth come first (VRMC_materials_mtoon); among them the material says."""
    toon = material.toon
    return (toon is None or not toon.z_write, toon.render_queue_offset if toon else 0)


def _light_macros(lighting: Lighting, look: Look, *, lamps: bool) -> frozenset[str]:
    macros = {_TONES[look.tone]}
    if lamps and lighting.lamps:
        macros.add("LAMPS")
    if look.lut is not None:
        macros.add("GRADED")
    if lighting.key is not None and lighting.key.intensity > 0.0:
        macros.add("KEY_LIGHT")
        if lighting.key.shadow is not None:
            macros.add("SHADOW")
    if lighting.environment is not None and lighting.environment.intensity > 0.0:
        macros.add("ENVIRONMENT")
        if lighting.occlusion:
            macros.add("OPENNESS")
        if isinstance(lighting.environment, Panorama):
            macros.add("PANORAMA")
    return frozenset(macros)


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

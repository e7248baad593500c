"""Scene data to a binary glTF 2.0 file: the other direction of loading.

Deterministic: the same input gives the same bytes. Core glTF only, no extension is needed to read the result back.
Layout follows the glTF 2.0 specification, section 4 (binary) and 3.6 (accessors).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.errors import AssetError
from renderer.scene import AlphaMode, Avatar, Material, Mesh, Mode, MorphTarget, Node, Primitive, Skin, TextureRef
from renderer.scene.material import Texture, Wrap

GENERATOR = "Avatar Device Agent"
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
COMPONENT = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
SHAPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}

Json = dict[str, Any]


def pack_glb(document: Json, binary: bytes) -> bytes:
    """The container: header, JSON chunk padded with spaces, BIN chunk padded with zeros (none when empty)."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        padded = binary + b"\0" * (-len(binary) % 4)
        chunks += struct.pack("<II", len(padded), 0x004E4942) + padded
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def write_glb(avatar: Avatar, *, clips: Sequence[Clip] = (), compact: bool = True) -> bytes:
    """One GLB with the avatar's nodes, meshes, skins, materials and pictures (not its cameras, lights and texture
    transforms), and clips.

    Args:
        clips: their channels' ``node`` are indices into the avatar's nodes.
        compact: store what needs no more in 8 or 16 bits, as core glTF permits (skin weights, colours, texture
            coordinates inside 0..1, clip rotations and morph weights); otherwise 32-bit floats everywhere.

    Raises:
        AssetError: ``glb_writer.*`` when arrays do not fit together or hold values that are not finite.
    """
    return _Writer(compact=compact).write(avatar, clips)


class _Writer:
    def __init__(self, *, compact: bool) -> None:
        self._compact = compact
        self._binary = bytearray()
        self._views: list[Json] = []
        self._accessors: list[Json] = []
        self._known: dict[tuple[Any, ...], int] = {}

    def write(self, avatar: Avatar, clips: Sequence[Clip]) -> bytes:
        images = [self._image(image.data, image.mime_type, image.name) for image in avatar.images]
        samplers: list[Json] = []
        textures = [self._texture(texture, samplers) for texture in avatar.textures]
        parts: dict[str, list[Json]] = {
            "nodes": [_node(node) for node in avatar.nodes],
            "meshes": [self._mesh(mesh) for mesh in avatar.meshes],
            "skins": [self._skin(skin) for skin in avatar.skins],
            "materials": [_material(material) for material in avatar.materials],
            "textures": textures,
            "images": images,
            "samplers": samplers,
            "animations": [self._animation(clip, avatar) for clip in clips],
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._binary)}] if self._binary else [],
        }
        document: Json = {
            "asset": {"version": "2.0", "generator": GENERATOR},
            "scene": 0,
            "scenes": [{"name": avatar.name, "nodes": list(avatar.roots)}],
        }
        if any(material.unlit for material in avatar.materials):
            document["extensionsUsed"] = ["KHR_materials_unlit"]
        document.update({key: value for key, value in parts.items() if value})
        return pack_glb(document, bytes(self._binary))

    # --- binary -----------------------------------------------------------------------------------------------

    def _view(self, data: bytes | memoryview, *, target: int | None = None, stride: int | None = None) -> int:
        self._binary += b"\0" * (-len(self._binary) % 4)
        view: Json = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        if stride is not None:
            view["byteStride"] = stride
        if target is not None:
            view["target"] = target
        self._binary += data
        self._views.append(view)
        return len(self._views) - 1

    def _accessor(
        self, values: NDArray[Any], *, normalized: bool = False, target: int | None = None, bounds: bool = False
    ) -> int:
        flat = values.reshape(len(values), -1)
        if flat.dtype.kind == "f" and not np.isfinite(flat).all():
            raise AssetError("an array to be written holds values that are not finite", code="glb_writer.not_finite")
        width = flat.shape[1] * flat.dtype.itemsize
        padded, stride = flat, None
        if target == ARRAY_BUFFER and width % 4:  # vertex attributes start on multiples of four
            fill = -width % 4 // flat.dtype.itemsize
            padded, stride = np.pad(flat, ((0, 0), (0, fill))), width + -width % 4
        data = np.ascontiguousarray(padded).tobytes()
        key = (data, flat.dtype.name, flat.shape, normalized, target, bounds)
        if key in self._known:
            return self._known[key]
        accessor: Json = {
            "bufferView": self._view(data, target=target, stride=stride),
            "componentType": COMPONENT[flat.dtype.name],
            "count": len(flat),
            "type": SHAPES[flat.shape[1]],
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            accessor |= _bounds(flat)
        self._accessors.append(accessor)
        self._known[key] = len(self._accessors) - 1
        return len(self._accessors) - 1

    def _displacement(self, values: NDArray[np.float32], *, bounds: bool) -> int:
        """A morph target's attribute, sparse where that is smaller; one without any change takes no bytes at all."""
        values = np.ascontiguousarray(values, np.float32)
        moved = np.flatnonzero(np.any(values != 0, axis=1))
        if not self._compact or len(moved) * 14 >= len(values) * 12:
            return self._accessor(values, target=ARRAY_BUFFER, bounds=bounds)
        key = ("sparse", values.tobytes(), bounds)
        if key in self._known:
            return self._known[key]
        accessor: Json = {"componentType": 5126, "count": len(values), "type": "VEC3"}
        if len(moved):
            narrow = np.uint16 if len(values) <= 0x10000 else np.uint32
            accessor["sparse"] = {
                "count": len(moved),
                "indices": {
                    "bufferView": self._view(moved.astype(narrow).tobytes()),
                    "componentType": COMPONENT[np.dtype(narrow).name],
                },
                "values": {"bufferView": self._view(values[moved].tobytes())},
            }
        if bounds:
            accessor |= _bounds(values)
        self._accessors.append(accessor)
        self._known[key] = len(self._accessors) - 1
        return len(self._accessors) - 1

    # --- parts ------------------------------------------------------------------------------------------------

    def _image(self, data: bytes | memoryview, mime_type: str, name: str) -> Json:
        return {"name": name, "mimeType": mime_type, "bufferView": self._view(data)}

    def _texture(self, texture: Texture, samplers: list[Json]) -> Json:
        sampler = texture.sampler
        plain: Json = {}
        if sampler.mag_filter is not None:
            plain["magFilter"] = sampler.mag_filter
        if sampler.min_filter is not None:
            plain["minFilter"] = sampler.min_filter
        if sampler.wrap_s is not Wrap.REPEAT:
            plain["wrapS"] = int(sampler.wrap_s)
        if sampler.wrap_t is not Wrap.REPEAT:
            plain["wrapT"] = int(sampler.wrap_t)
        if plain not in samplers:
            samplers.append(plain)
        written: Json = {"sampler": samplers.index(plain)}
        if texture.image >= 0:
            written["source"] = texture.image
        return written

    def _mesh(self, mesh: Mesh) -> Json:
        written: Json = {"name": mesh.name, "primitives": [self._primitive(p, mesh) for p in mesh.primitives]}
        if len(mesh.weights):
            written["weights"] = [float(value) for value in mesh.weights]
        if any(mesh.target_names):
            written["extras"] = {"targetNames": list(mesh.target_names)}
        return written

    def _primitive(self, primitive: Primitive, mesh: Mesh) -> Json:
        count = len(primitive.positions)
        if len(primitive.targets) != len(mesh.weights):
            raise AssetError(
                f"mesh {mesh.name!r}: a primitive has {len(primitive.targets)} morph targets, the mesh "
                f"{len(mesh.weights)} weights",
                code="glb_writer.targets",
            )
        attributes: Json = {"POSITION": self._attribute(primitive.positions, mesh, count, bounds=True)}
        if primitive.normals is not None:
            attributes["NORMAL"] = self._attribute(primitive.normals, mesh, count)
        if primitive.tangents is not None:
            attributes["TANGENT"] = self._attribute(primitive.tangents, mesh, count)
        for index, uv in enumerate(primitive.uvs):
            inside = self._compact and uv.size and uv.min() >= 0 and uv.max() <= 1
            attributes[f"TEXCOORD_{index}"] = self._attribute(uv, mesh, count, unit=np.uint16 if inside else None)
        if primitive.colors is not None:
            unit = np.uint8 if self._compact else None
            attributes["COLOR_0"] = self._attribute(primitive.colors, mesh, count, unit=unit)
        if primitive.joints is not None and primitive.weights is not None:
            small = primitive.joints.max(initial=0) < 256
            joints = primitive.joints.astype(np.uint8 if small else np.uint16)
            weights = _byte_weights(primitive.weights) if self._compact else primitive.weights.astype(np.float32)
            for index in range(joints.shape[1] // 4):
                part = slice(4 * index, 4 * index + 4)
                attributes[f"JOINTS_{index}"] = self._whole(joints[:, part], mesh, count, normalized=False)
                attributes[f"WEIGHTS_{index}"] = self._whole(weights[:, part], mesh, count, normalized=self._compact)
        written: Json = {"attributes": attributes}
        if primitive.indices is not None:
            wide = count > 0xFFFF
            indices = primitive.indices.astype(np.uint32 if wide else np.uint16)
            written["indices"] = self._accessor(indices, target=ELEMENT_ARRAY_BUFFER)
        if primitive.material >= 0:
            written["material"] = primitive.material
        if primitive.mode is not Mode.TRIANGLES:
            written["mode"] = int(primitive.mode)
        if primitive.targets:
            written["targets"] = [self._target(target) for target in primitive.targets]
        return written

    def _attribute(
        self,
        values: NDArray[Any],
        mesh: Mesh,
        count: int,
        *,
        bounds: bool = False,
        unit: type[np.uint8] | type[np.uint16] | None = None,
    ) -> int:
        """Floats, or fractions of ``unit``'s largest value."""
        if unit is None:
            return self._whole(np.asarray(values, np.float32), mesh, count, bounds=bounds)
        whole = np.rint(np.clip(values, 0.0, 1.0) * np.iinfo(unit).max).astype(unit)
        return self._whole(whole, mesh, count, normalized=True)

    def _whole(
        self, values: NDArray[Any], mesh: Mesh, count: int, *, normalized: bool = False, bounds: bool = False
    ) -> int:
        if len(values) != count:
            raise AssetError(
                f"mesh {mesh.name!r}: an attribute has {len(values)} entries for {count} vertices",
                code="glb_writer.counts",
            )
        return self._accessor(values, normalized=normalized, target=ARRAY_BUFFER, bounds=bounds)

    def _target(self, target: MorphTarget) -> Json:
        written: Json = {}
        if target.positions is not None:
            written["POSITION"] = self._displacement(target.positions, bounds=True)
        if target.normals is not None:
            written["NORMAL"] = self._displacement(target.normals, bounds=False)
        if target.tangents is not None:
            written["TANGENT"] = self._displacement(target.tangents, bounds=False)
        return written

    def _skin(self, skin: Skin) -> Json:
        columns = np.ascontiguousarray(np.swapaxes(skin.inverse_bind, 1, 2), np.float32)  # glTF stores columns
        written: Json = {
            "name": skin.name,
            "joints": [int(joint) for joint in skin.joints],
            "inverseBindMatrices": self._accessor(columns.reshape(-1, 16)),
        }
        if skin.skeleton >= 0:
            written["skeleton"] = skin.skeleton
        return written

    def _animation(self, clip: Clip, avatar: Avatar) -> Json:
        samplers: list[Json] = []
        channels: list[Json] = []
        for channel in clip.channels:
            if not 0 <= channel.node < len(avatar.nodes):
                raise AssetError(
                    f"clip {clip.name!r} moves node {channel.node}, which does not exist", code="glb_writer.node"
                )
            sampler: Json = {
                "input": self._accessor(np.asarray(channel.times, np.float32), bounds=True),
                "output": self._keys(channel),
            }
            if channel.interpolation is not Interpolation.LINEAR:
                sampler["interpolation"] = channel.interpolation.value
            channels.append({"sampler": len(samplers), "target": {"node": channel.node, "path": channel.path}})
            samplers.append(sampler)
        return {"name": clip.name, "channels": channels, "samplers": samplers}

    def _keys(self, channel: Channel) -> int:
        values = np.asarray(channel.values, np.float32)
        cubic = channel.interpolation is Interpolation.CUBICSPLINE  # its tangents may leave the 0..1 range
        scalar = channel.path == "weights"
        if self._compact and not cubic:
            if channel.path == "rotation":
                return self._accessor(np.rint(np.clip(values, -1, 1) * 32767).astype(np.int16), normalized=True)
            if scalar and values.size and values.min() >= 0 and values.max() <= 1:
                whole = np.rint(values.reshape(-1, 1) * 65535).astype(np.uint16)
                return self._accessor(whole, normalized=True)
        return self._accessor(values.reshape(-1, 1 if scalar else values.shape[-1]))


def _bounds(flat: NDArray[Any]) -> Json:
    return {"min": _numbers(flat.min(axis=0)), "max": _numbers(flat.max(axis=0))}


def _numbers(values: NDArray[Any]) -> list[float]:
    """The shortest decimals that read back as the same values."""
    return [float(str(v)) if values.dtype == np.float32 else float(v) for v in values]


def _byte_weights(weights: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Skin weights as bytes that sum to exactly 255 per vertex: largest remainders get what rounding down left."""
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    exact = weights.astype(np.float64) / total * 255
    whole = np.floor(exact).astype(np.int64)
    missing = 255 - whole.sum(axis=1)
    rank = np.argsort(np.argsort(-(exact - whole), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(whole + (rank < missing[:, None]), np.uint8)


def _node(node: Node) -> Json:
    written: Json = {"name": node.name} if node.name else {}
    if node.children:
        written["children"] = list(node.children)
    if node.matrix is not None:
        written["matrix"] = [float(v) for v in node.matrix.T.reshape(-1)]
    else:
        for key, values, rest in (
            ("translation", node.translation, (0, 0, 0)),
            ("rotation", node.rotation, (0, 0, 0, 1)),
            ("scale", node.scale, (1, 1, 1)),
        ):
            if tuple(float(v) for v in values) != rest:
                written[key] = [float(v) for v in values]
    for key, index in (("mesh", node.mesh), ("skin", node.skin)):
        if index >= 0:
            written[key] = index
    if node.weights is not None:
        written["weights"] = [float(v) for v in node.weights]
    return written


def _material(material: Material) -> Json:
    pbr: Json = {}
    if material.base_color_factor != (1.0, 1.0, 1.0, 1.0):
        pbr["baseColorFactor"] = list(material.base_color_factor)
    if material.metallic_factor != 1.0:
        pbr["metallicFactor"] = material.metallic_factor
    if material.roughness_factor != 1.0:
        pbr["roughnessFactor"] = material.roughness_factor
    if material.base_color_texture is not None:
        pbr["baseColorTexture"] = _reference(material.base_color_texture)
    if material.metallic_roughness_texture is not None:
        pbr["metallicRoughnessTexture"] = _reference(material.metallic_roughness_texture)
    written: Json = {"name": material.name, "pbrMetallicRoughness": pbr}
    if material.normal_texture is not None:
        written["normalTexture"] = _reference(material.normal_texture) | {"scale": material.normal_scale}
    if material.occlusion_texture is not None:
        strength = {"strength": material.occlusion_strength}
        written["occlusionTexture"] = _reference(material.occlusion_texture) | strength
    if material.emissive_texture is not None:
        written["emissiveTexture"] = _reference(material.emissive_texture)
    if any(material.emissive_factor):
        written["emissiveFactor"] = list(material.emissive_factor)
    if material.alpha_mode is not AlphaMode.OPAQUE:
        written["alphaMode"] = material.alpha_mode.value
    if material.alpha_mode is AlphaMode.MASK:
        written["alphaCutoff"] = material.alpha_cutoff
    if material.double_sided:
        written["doubleSided"] = True
    if material.unlit:
        written["extensions"] = {"KHR_materials_unlit": {}}
    return written


def _reference(reference: TextureRef) -> Json:
    return {"index": reference.texture} | ({"texCoord": reference.uv_set} if reference.uv_set else {})

"""A material as a shader variant: the macros it needs, the textures it binds, the numbers in its block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.gl.blocks import MATERIAL
from renderer.gl.layers import LAYER_SLOTS, layer_block, layer_defines, layer_slots
from renderer.gl.textures import TextureUse
from renderer.gl.toon import (
    TOON_SLOTS,
    WITHOUT_COORDINATES,
    toon_block,
    toon_defines,
    toon_slots,
)
from renderer.scene import AlphaMode, Material, Mode, Primitive, TextureRef
from renderer.scene.material import MOST_TEXTURES

_CORE_SLOTS = (
    ("BASE", "u_base_texture", True),
    ("METALLIC_ROUGHNESS", "u_metallic_roughness_texture", False),
    ("NORMAL", "u_normal_texture", False),
    ("OCCLUSION", "u_occlusion_texture", False),
    ("EMISSIVE", "u_emissive_texture", True),
)

_SLOTS = (*_CORE_SLOTS, *LAYER_SLOTS, *TOON_SLOTS)

SAMPLERS = {name: unit for unit, (_, name, _) in enumerate(_SLOTS)}
"""Texture unit of each of a material's samplers."""

MOST_COORDINATES = 8
"""Distinct coordinates that fit into the 15 varyings of a shader; textures beyond are left out."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Surface:
    """How one primitive is drawn.

    Attributes:
        defines: macros of ``surface.vert.glsl`` and ``surface.frag.glsl``, without those of the light.
        textures: sampler name, texture, and how its coordinates are had (None: not from the vertices), in the order of
            the texture units.
        block: one record of ``blocks.MATERIAL``.
        layers: one record of ``blocks.LAYERS``, or None for a material without any.
        toon: one record of ``blocks.TOON``, or None.
        unlit: whether light changes nothing.
        outlined: whether the hull that makes an outline is drawn too.
    """

    defines: dict[str, str]
    textures: tuple[tuple[str, TextureUse, TextureRef | None], ...]
    block: NDArray[np.void]
    layers: NDArray[np.void] | None
    toon: NDArray[np.void] | None
    unlit: bool
    outlined: bool


def surface(primitive: Primitive, material: Material) -> Surface:
    """What drawing the primitive with the material takes, and nothing that it does not."""
    # Points and lines without normals cannot be lit (glTF 2.0, 3.7.2.1).
    flat = primitive.normals is None and primitive.mode < Mode.TRIANGLES
    toon = None if flat else material.toon
    unlit = flat or (material.unlit and toon is None)
    defines = _geometry_defines(primitive, unlit=unlit, mapped=_follows_tangents(material))
    if unlit:
        defines["UNLIT"] = ""
    if material.alpha_mode is AlphaMode.MASK:
        defines["ALPHA_MASK"] = ""
    elif material.alpha_mode is AlphaMode.BLEND:
        defines["ALPHA_BLEND"] = ""
    if material.metallic_factor == 0.0 and not unlit:
        defines["DIELECTRIC"] = ""
    if material.double_sided and not unlit:
        defines["DOUBLE_SIDED"] = ""
    layers = {} if unlit or toon else layer_defines(material, primitive)
    defines |= layers
    asked = {**_slots(material, unlit=unlit), **layer_slots(material, layers)}
    if toon is not None:
        defines |= toon_defines(toon)
        asked = {name: asked[name] for name in ("BASE", "NORMAL", "EMISSIVE")} | toon_slots(toon)
    slots = _affordable({name: reference for name, reference in asked.items() if reference})
    shared = "METALLIC_ROUGHNESS" in slots and slots["METALLIC_ROUGHNESS"] == slots.get("OCCLUSION")
    if shared:
        defines["OCCLUSION_SHARED"] = ""
    rows = _coordinates(slots, primitive, defines)
    if "ANISOTROPY" in defines:
        defines["ANISOTROPY_AT"] = _direction(slots, defines)
    textures = tuple(
        (
            sampler,
            TextureUse(texture=slots[name].texture, srgb=srgb),
            None if name in WITHOUT_COORDINATES else slots[name],
        )
        for name, sampler, srgb in _SLOTS
        if name in slots and not (shared and name == "OCCLUSION")
    )
    block = _block(material, rows)
    return Surface(
        defines=defines,
        textures=textures,
        block=block,
        layers=layer_block(material) if layers else None,
        toon=toon_block(toon) if toon else None,
        unlit=unlit,
        outlined=toon is not None
        and toon.outlined
        and primitive.normals is not None
        and primitive.mode >= Mode.TRIANGLES,
    )


def _affordable(slots: dict[str, TextureRef]) -> dict[str, TextureRef]:
    kept: dict[str, TextureRef] = {}
    for name, reference in slots.items():
        pairs = {_pair(other) for other in (*kept.values(), reference)}
        if len(kept) < MOST_TEXTURES and len(pairs) <= MOST_COORDINATES:
            kept[name] = reference
    return kept


def _pair(reference: TextureRef) -> tuple[object, ...]:
    return (reference.uv_set, reference.offset, reference.rotation, reference.scale)


def _direction(slots: dict[str, TextureRef], defines: dict[str, str]) -> str:
    """Coordinates that say where u grows: the anisotropy texture's, the normal map's, or the first."""
    for name in ("ANISOTROPY", "NORMAL"):
        if name in slots:
            return defines[f"{name}_UV"]
    if "UV0" not in defines:
        defines["UV_SET_0"], defines["UV0"] = "", "in_uv0"
    return "v_uv0"


def depth_defines(defines: dict[str, str]) -> dict[str, str]:
    """The macros of a surface that decide where it is, and with a cut-out whether it is there."""
    kept = {name: value for name, value in defines.items() if name.startswith("SKIN")}
    if "ALPHA_MASK" in defines:
        kept["ALPHA_MASK"] = ""
        names = [
            "COLORS",
            "BASE_UV",
            "UV_SET_0",
            "UV_SET_1",
            defines.get("BASE_UV", "v_none").removeprefix("v_").upper(),
        ]
        kept.update({name: defines[name] for name in ("MOTION", *names) if name in defines})
    return kept


def _slots(material: Material, *, unlit: bool) -> dict[str, TextureRef | None]:
    if unlit:
        return {"BASE": material.base_color_texture}
    return {
        "BASE": material.base_color_texture,
        "METALLIC_ROUGHNESS": material.metallic_roughness_texture,
        "NORMAL": material.normal_texture,
        "OCCLUSION": material.occlusion_texture,
        # A texture times a black factor is black: not worth a fetch.
        "EMISSIVE": material.emissive_texture if any(material.emissive_factor) else None,
    }


def _follows_tangents(material: Material) -> bool:
    coat = material.clearcoat
    return bool(material.normal_texture or material.anisotropy or (coat and coat.normal_texture))


def _geometry_defines(primitive: Primitive, *, unlit: bool, mapped: bool) -> dict[str, str]:
    defines: dict[str, str] = {}
    if primitive.normals is not None and not unlit:
        defines["NORMALS"] = ""
        if primitive.tangents is not None and mapped:
            defines["TANGENTS"] = ""
    if primitive.colors is not None:
        defines["COLORS"] = ""
    if primitive.joints is not None and primitive.weights is not None:
        defines["SKIN"] = ""
        if primitive.joints.shape[1] > 4:
            defines["SKIN_8"] = ""
    if primitive.mode is Mode.POINTS:
        defines["POINTS"] = ""
    return defines


def _coordinates(
    slots: dict[str, TextureRef], primitive: Primitive, defines: dict[str, str]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Give each distinct pair of coordinates a varying (``UV0``...), each slot the name of its own."""
    rows: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    pairs: dict[tuple[object, ...], int] = {}
    for name, reference in slots.items():
        if name in WITHOUT_COORDINATES:
            defines[name] = ""
            continue
        key = _pair(reference)
        if key not in pairs:
            pairs[key] = index = len(pairs)
            there = reference.uv_set < len(primitive.uvs)
            plain = f"in_uv{reference.uv_set}" if there else "vec2(0.0)"
            plain = f"animated({plain}, 1.0)" if "MOTION" in defines else plain
            if there:
                defines[f"UV_SET_{reference.uv_set}"] = ""
            defines[f"UV{index}"] = f"moved({plain}, {index})" if reference.transformed else plain
            rows.append(_transform(reference))
        defines[f"{name}_UV"] = f"v_uv{pairs[key]}"
    return rows


def _transform(reference: TextureRef) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two rows of ``translation * rotation * scale`` (KHR_texture_transform)."""
    cosine, sine = math.cos(reference.rotation), math.sin(reference.rotation)
    (width, height), (x, y) = reference.scale, reference.offset
    return (
        np.array((cosine * width, sine * height, x, 0.0)),
        np.array((-sine * width, cosine * height, y, 0.0)),
    )


def _block(material: Material, rows: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.void]:
    block = np.zeros((), MATERIAL)
    block["base_color"] = material.base_color_factor
    block["emissive"][:3] = np.asarray(material.emissive_factor) * material.emissive_strength
    block["emissive"][3] = material.alpha_cutoff
    block["surface"] = (
        material.metallic_factor,
        material.roughness_factor,
        material.normal_scale,
        material.occlusion_strength,
    )
    for index, pair in enumerate(rows):
        block["uv_rows"][2 * index : 2 * index + 2] = pair
    return block

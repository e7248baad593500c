"""A material's layers beyond metallic-roughness (KHR_materials_specular, _clearcoat and others), as shaders take them.

Macros, textures, and the numbers of ``shaders/layers.glsl``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from renderer.gl.blocks import LAYERS
from renderer.scene import AlphaMode, Material, Primitive, TextureRef

LAYER_SLOTS = (
    ("SPECULAR", "u_specular_texture", False),
    ("SPECULAR_COLOR", "u_specular_color_texture", True),
    ("COAT", "u_coat_texture", False),
    ("COAT_ROUGHNESS", "u_coat_roughness_texture", False),
    ("COAT_NORMAL", "u_coat_normal_texture", False),
    ("SHEEN_COLOR", "u_sheen_color_texture", True),
    ("SHEEN_ROUGHNESS", "u_sheen_roughness_texture", False),
    ("TRANSMISSION", "u_transmission_texture", False),
    ("FILM", "u_film_texture", False),
    ("FILM_THICKNESS", "u_film_thickness_texture", False),
    ("ANISOTROPY", "u_anisotropy_texture", False),
)
"""Macro prefix, sampler, and whether the picture is colour."""

_AIR_TO_GLASS = 1.5  # the index that glTF's own 4 % stands for


def layer_defines(material: Material, primitive: Primitive) -> dict[str, str]:
    """The macros of the layers that change anything."""
    specular, defines = material.specular, dict[str, str]()
    if (specular is not None and _tells(material)) or (material.iridescence and material.iridescence.factor > 0.0):
        defines["REFLECTION"] = ""
    if material.iridescence is not None and material.iridescence.factor > 0.0:
        defines["IRIDESCENCE"] = ""
    if material.clearcoat is not None and material.clearcoat.factor > 0.0:
        defines["CLEARCOAT"] = ""
    if material.sheen is not None and any(material.sheen.color_factor):
        defines["SHEEN"] = ""
    # Without coordinates a surface has no direction to be drawn out along.
    drawn_out = primitive.normals is not None and (primitive.tangents is not None or bool(primitive.uvs))
    if material.anisotropy is not None and material.anisotropy.strength > 0.0 and drawn_out:
        defines["ANISOTROPY"] = ""
    glass = material.transmission
    if glass is not None and glass.factor > 0.0 and material.alpha_mode is not AlphaMode.BLEND:
        defines["TRANSMISSION"] = ""
    if defines:
        defines["LAYERED"] = ""
    return defines


def _tells(material: Material) -> bool:
    found = material.specular
    return found is not None and (
        found.ior != _AIR_TO_GLASS
        or found.factor != 1.0
        or found.color_factor != (1.0, 1.0, 1.0)
        or found.texture is not None
        or found.color_texture is not None
    )


def layer_slots(material: Material, defines: dict[str, str]) -> dict[str, TextureRef | None]:
    """The textures of the layers that are drawn."""
    slots: dict[str, TextureRef | None] = {}
    if "REFLECTION" in defines and material.specular is not None:
        slots |= {"SPECULAR": material.specular.texture, "SPECULAR_COLOR": material.specular.color_texture}
    if "CLEARCOAT" in defines and (coat := material.clearcoat) is not None:
        slots |= {"COAT": coat.texture, "COAT_ROUGHNESS": coat.roughness_texture, "COAT_NORMAL": coat.normal_texture}
    if "SHEEN" in defines and (sheen := material.sheen) is not None:
        slots |= {"SHEEN_COLOR": sheen.color_texture, "SHEEN_ROUGHNESS": sheen.roughness_texture}
    if "TRANSMISSION" in defines and material.transmission is not None:
        slots["TRANSMISSION"] = material.transmission.texture
    if "IRIDESCENCE" in defines and (film := material.iridescence) is not None:
        slots |= {"FILM": film.texture, "FILM_THICKNESS": film.thickness_texture}
    if "ANISOTROPY" in defines and material.anisotropy is not None:
        slots["ANISOTROPY"] = material.anisotropy.texture
    return slots


def layer_block(material: Material) -> NDArray[np.void]:
    """One record of ``blocks.LAYERS``."""
    block = np.zeros((), LAYERS)
    specular, ior = material.specular, _AIR_TO_GLASS
    block["specular"] = 1.0
    if specular is not None:
        ior = specular.ior
        block["specular"] = (*specular.color_factor, specular.factor)
    f0 = ((ior - 1.0) / (ior + 1.0)) ** 2
    if (coat := material.clearcoat) is not None:
        block["coat"] = (coat.factor, coat.roughness_factor, coat.normal_scale, 0.0)
    if (sheen := material.sheen) is not None:
        block["sheen"] = (*sheen.color_factor, sheen.roughness_factor)
    block["transmission"][2:] = (ior, f0)
    block["attenuation"] = 1.0
    if (glass := material.transmission) is not None:
        block["transmission"][:2] = (glass.factor, glass.thickness)
        block["attenuation"][:3] = [_per_metre(color, glass.attenuation_distance) for color in glass.attenuation_color]
    if (film := material.iridescence) is not None:
        block["film"] = (film.factor, film.ior, film.thickness_minimum, film.thickness_maximum)
    if (drawn := material.anisotropy) is not None:
        block["anisotropy"] = (drawn.strength, math.cos(drawn.rotation), math.sin(drawn.rotation), 0.0)
    return block


def _per_metre(color: float, distance: float) -> float:
    """What a metre leaves of light of which ``distance`` metres leave ``color``."""
    return min(color, 1.0) ** (1.0 / max(distance, 1e-6)) if math.isfinite(distance) else 1.0

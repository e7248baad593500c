"""A cartoon material (VRMC_materials_mtoon) as macros, textures and the numbers of ``shaders/toon_block.glsl``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from renderer.gl.blocks import TOON
from renderer.scene import TextureRef
from renderer.scene.material import Toon

TOON_SLOTS = (
    ("SHADE", "u_shade_texture", True),
    ("SHIFT", "u_shift_texture", False),
    ("MATCAP", "u_matcap_texture", True),
    ("RIM", "u_rim_texture", True),
    ("OUTLINE_WIDTH", "u_outline_width_texture", False),
    ("MOTION_MASK", "u_motion_mask_texture", False),
)
"""Macro prefix, sampler, and whether the picture is colour."""

WITHOUT_COORDINATES = frozenset({"MATCAP"})
"""Looked up by the normal as the eye sees it."""


def toon_defines(toon: Toon) -> dict[str, str]:
    """The macros of the material, without those that textures bring."""
    defines = {"TOON": ""}
    if toon.outline_lighting_mix > 0.0:
        defines["OUTLINE_LIT"] = ""
    if moves(toon) and toon.animation_mask is None:
        defines["MOTION"] = ""
    return defines


def toon_slots(toon: Toon) -> dict[str, TextureRef | None]:
    """The textures that change anything."""
    return {
        "SHADE": toon.shade_texture,
        "SHIFT": toon.shading_shift_texture,
        "MATCAP": toon.matcap_texture if any(toon.matcap_factor) else None,
        "RIM": toon.rim_texture,
        "OUTLINE_WIDTH": toon.outline_width_texture if toon.outlined else None,
        "MOTION_MASK": toon.animation_mask if moves(toon) else None,
    }


def moves(toon: Toon) -> bool:
    """Whether texture coordinates change with time."""
    return bool(toon.scroll_x or toon.scroll_y or toon.rotation)


def toon_block(toon: Toon) -> NDArray[np.void]:
    """One record of ``blocks.TOON``."""
    block = np.zeros((), TOON)
    block["shade"] = (*toon.shade_color, toon.shading_shift)
    block["toon"] = (toon.shading_toony, toon.gi_equalization, toon.shading_shift_scale, 0.0)
    block["matcap"][:3] = toon.matcap_factor
    block["rim"] = (*toon.rim_color, toon.rim_lift)
    # A power of nothing would make something of the middle, where nothing is the base.
    block["rim_form"][:2] = (max(toon.rim_power, 1e-5), toon.rim_mix)
    block["outline"] = (*toon.outline_color, toon.outline_lighting_mix)
    block["outline_form"][:2] = (toon.outline_width, toon.outline == "screen")
    block["motion"][:3] = (toon.scroll_x, toon.scroll_y, toon.rotation)
    return block

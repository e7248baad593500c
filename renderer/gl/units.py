"""Which texture unit each sampler of the shaders reads."""

from __future__ import annotations

from renderer.gl.materials import SAMPLERS

_FIRST = len(SAMPLERS)
JOINTS, PANORAMA, SHADOW, COLOR_TABLE, OPAQUE_COPY, OPENNESS, OPENNESS_FRAMES = range(_FIRST, _FIRST + 7)

SAMPLER_UNITS = {
    **SAMPLERS,
    "u_joints": JOINTS,
    "u_panorama": PANORAMA,
    "u_shadow_map": SHADOW,
    "u_color_table": COLOR_TABLE,
    "u_behind": OPAQUE_COPY,
    "u_open_maps": OPENNESS,
    "u_open_frames": OPENNESS_FRAMES,
}
"""Unit by the sampler's name."""

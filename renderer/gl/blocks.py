"""Uniform blocks in std140 layout, as numpy records whose fields are the blocks' members.

Every member is a vec4 or a mat4, so offsets need no padding rules beyond 16 bytes; matrices go columnwise.
"""

from __future__ import annotations

import numpy as np

from renderer.scene.light import MOST_LAMPS

FRAME = np.dtype(
    [
        ("view_projection", np.float32, (4, 4)),
        ("eye", np.float32, 4),
        ("light_direction", np.float32, 4),
        ("light_color", np.float32, 4),
        ("sky", np.float32, 4),
        ("horizon", np.float32, 4),
        ("ground", np.float32, 4),
        ("look", np.float32, 4),
        ("shadow_from_world", np.float32, (4, 4)),
        ("shadow", np.float32, 4),
        ("clock", np.float32, 4),
    ]
)
"""``shaders/frame.glsl``."""

MATERIAL = np.dtype(
    [
        ("base_color", np.float32, 4),
        ("emissive", np.float32, 4),
        ("surface", np.float32, 4),
        ("uv_rows", np.float32, (16, 4)),
    ]
)
"""``shaders/material.glsl``."""

LAYERS = np.dtype(
    [
        ("specular", np.float32, 4),
        ("coat", np.float32, 4),
        ("sheen", np.float32, 4),
        ("transmission", np.float32, 4),
        ("attenuation", np.float32, 4),
        ("film", np.float32, 4),
        ("anisotropy", np.float32, 4),
    ]
)
"""``shaders/layers.glsl``."""

LAMPS = np.dtype(
    [
        ("count", np.float32, 4),
        ("place", np.float32, (MOST_LAMPS, 4)),
        ("axis", np.float32, (MOST_LAMPS, 4)),
        ("color", np.float32, (MOST_LAMPS, 4)),
        ("cone", np.float32, (MOST_LAMPS, 4)),
    ]
)
"""``shaders/lamps.glsl``."""

TOON = np.dtype(
    [
        ("shade", np.float32, 4),
        ("toon", np.float32, 4),
        ("matcap", np.float32, 4),
        ("rim", np.float32, 4),
        ("rim_form", np.float32, 4),
        ("outline", np.float32, 4),
        ("outline_form", np.float32, 4),
        ("motion", np.float32, 4),
    ]
)
"""``shaders/toon_block.glsl``."""

FRAME_BINDING, MATERIAL_BINDING, LAYERS_BINDING, LAMPS_BINDING, TOON_BINDING = range(5)
BINDINGS = {
    "Frame": FRAME_BINDING,
    "Material": MATERIAL_BINDING,
    "Layers": LAYERS_BINDING,
    "Lamps": LAMPS_BINDING,
    "Toon": TOON_BINDING,
}
"""Binding point of every uniform block by its name in the shaders."""

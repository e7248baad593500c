"""Materials, textures, samplers and pictures, as glTF 2.0 defines them.

Structs rather than data classes: reading an avatar makes dozens of them, and these take a sixth of the time.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Literal

import msgspec

MOST_TEXTURES = 10
"""Textures of one material that can be drawn together: a fragment shader has 16 samplers, of which light takes six."""


class AlphaMode(Enum):
    """What a material's alpha means."""

    OPAQUE = "OPAQUE"
    MASK = "MASK"
    BLEND = "BLEND"


class Wrap(IntEnum):
    """Texture coordinates outside 0..1; values are OpenGL's."""

    REPEAT = 10497
    CLAMP_TO_EDGE = 33071
    MIRRORED_REPEAT = 33648


class Sampler(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """Filters (OpenGL values; None: the renderer's choice, trilinear) and wrapping."""

    mag_filter: int | None = None
    min_filter: int | None = None
    wrap_s: Wrap = Wrap.REPEAT
    wrap_t: Wrap = Wrap.REPEAT


class Image(msgspec.Struct, kw_only=True, gc=False):
    """A picture in its encoded form (PNG, JPEG, WebP); decoding is the GPU upload's business.

    ``data`` may be a part of the file's own bytes.
    """

    name: str
    mime_type: str
    data: bytes | memoryview

    def __repr__(self) -> str:
        """Without the bytes."""
        return f"Image(name={self.name!r}, mime_type={self.mime_type!r}, {len(self.data)} bytes)"


class Texture(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A picture with a sampler; ``image`` is an index into ``Avatar.images``, -1 when it could not be had."""

    image: int
    sampler: Sampler = Sampler()


class TextureRef(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A material's use of a texture.

    Attributes:
        texture: index into ``Avatar.textures``.
        uv_set: 0 or 1.
        offset, rotation, scale: KHR_texture_transform; rotation in radians, counter-clockwise.
    """

    texture: int
    uv_set: int = 0
    offset: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)

    @property
    def transformed(self) -> bool:
        """Whether the texture coordinates need a transform at all."""
        return self.offset != (0.0, 0.0) or self.rotation != 0.0 or self.scale != (1.0, 1.0)


class Specular(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """KHR_materials_specular and KHR_materials_ior: how strongly and in what colour a non-metal reflects head on."""

    ior: float = 1.5
    factor: float = 1.0
    texture: TextureRef | None = None
    color_factor: tuple[float, float, float] = (1.0, 1.0, 1.0)
    color_texture: TextureRef | None = None


class Clearcoat(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """KHR_materials_clearcoat: a second, colourless layer that reflects."""

    factor: float = 0.0
    texture: TextureRef | None = None
    roughness_factor: float = 0.0
    roughness_texture: TextureRef | None = None
    normal_texture: TextureRef | None = None
    normal_scale: float = 1.0


class Sheen(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """KHR_materials_sheen: light scattered back by fibres."""

    color_factor: tuple[float, float, float] = (0.0, 0.0, 0.0)
    color_texture: TextureRef | None = None
    roughness_factor: float = 0.0
    roughness_texture: TextureRef | None = None


class Transmission(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """KHR_materials_transmission and KHR_materials_volume: light that passes through; lengths in metres."""

    factor: float = 0.0
    texture: TextureRef | None = None
    thickness: float = 0.0
    attenuation_distance: float = float("inf")
    attenuation_color: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Iridescence(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """KHR_materials_iridescence: a thin film; thicknesses in nanometres."""

    factor: float = 0.0
    texture: TextureRef | None = None
    ior: float = 1.3
    thickness_minimum: float = 100.0
    thickness_maximum: float = 400.0
    thickness_texture: TextureRef | None = None


class Anisotropy(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """KHR_materials_anisotropy: roughness stretched along a direction; rotation in radians from the tangent."""

    strength: float = 0.0
    rotation: float = 0.0
    texture: TextureRef | None = None


class Toon(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """VRMC_materials_mtoon 1.0: cartoon shading. Colours are linear; VRM 0.x's MToon is brought into this form.

    Attributes:
        shade_color: what the surface is multiplied with where no light falls.
        shading_shift, shading_toony: where light turns into shade, and how sharply.
        rim_color, rim_lift, rim_power, rim_mix: the light around the outline.
        outline: None, ``"world"`` (width in metres) or ``"screen"`` (share of the picture's height).
        scroll_x, scroll_y, rotation: how texture coordinates move, per second (radians for the rotation).
    """

    shade_color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shade_texture: TextureRef | None = None
    shading_shift: float = 0.0
    shading_shift_texture: TextureRef | None = None
    shading_shift_scale: float = 1.0
    shading_toony: float = 0.9
    gi_equalization: float = 0.9
    matcap_factor: tuple[float, float, float] = (1.0, 1.0, 1.0)
    matcap_texture: TextureRef | None = None
    rim_color: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rim_texture: TextureRef | None = None
    rim_mix: float = 1.0
    rim_power: float = 5.0
    rim_lift: float = 0.0
    outline: Literal["world", "screen"] | None = None
    outline_width: float = 0.0
    outline_width_texture: TextureRef | None = None
    outline_color: tuple[float, float, float] = (0.0, 0.0, 0.0)
    outline_lighting_mix: float = 1.0
    scroll_x: float = 0.0
    scroll_y: float = 0.0
    rotation: float = 0.0
    animation_mask: TextureRef | None = None
    z_write: bool = True
    render_queue_offset: int = 0

    @property
    def outlined(self) -> bool:
        """Whether there is an outline to draw."""
        return self.outline is not None and self.outline_width > 0.0


class Material(msgspec.Struct, kw_only=True, gc=False):
    """Metallic-roughness material; defaults are glTF's. Factors are linear. A layer that is absent is None.

    Attributes:
        graded: whether the picture's colour table (``Look.lut``) applies.
        casts_both_sides: whether front and back faces cast shadows although only front faces are drawn.
    """

    name: str = ""
    base_color_factor: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    base_color_texture: TextureRef | None = None
    metallic_factor: float = 1.0
    roughness_factor: float = 1.0
    metallic_roughness_texture: TextureRef | None = None
    normal_texture: TextureRef | None = None
    normal_scale: float = 1.0
    occlusion_texture: TextureRef | None = None
    occlusion_strength: float = 1.0
    emissive_factor: tuple[float, float, float] = (0.0, 0.0, 0.0)
    emissive_texture: TextureRef | None = None
    emissive_strength: float = 1.0
    alpha_mode: AlphaMode = AlphaMode.OPAQUE
    alpha_cutoff: float = 0.5
    double_sided: bool = False
    unlit: bool = False
    graded: bool = True
    casts_both_sides: bool = False
    specular: Specular | None = None
    clearcoat: Clearcoat | None = None
    sheen: Sheen | None = None
    transmission: Transmission | None = None
    iridescence: Iridescence | None = None
    anisotropy: Anisotropy | None = None
    toon: Toon | None = None

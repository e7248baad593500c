"""Materials, textures, samplers and pictures, as glTF 2.0 defines them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Literal


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


@dataclass(slots=True, kw_only=True, frozen=True)
class Sampler:
    """Filters (OpenGL values; None: the renderer's choice, trilinear) and wrapping."""

    mag_filter: int | None = None
    min_filter: int | None = None
    wrap_s: Wrap = Wrap.REPEAT
    wrap_t: Wrap = Wrap.REPEAT


@dataclass(slots=True, kw_only=True)
class Image:
    """A picture in its encoded form (PNG, JPEG, WebP); decoding is the GPU upload's business."""

    name: str
    mime_type: str
    data: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True, frozen=True)
class Texture:
    """A picture with a sampler; ``image`` is an index into ``Avatar.images``, -1 when it could not be had."""

    image: int
    sampler: Sampler = Sampler()


@dataclass(slots=True, kw_only=True, frozen=True)
class TextureRef:
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


@dataclass(slots=True, kw_only=True)
class Material:
    """Metallic-roughness material; defaults are glTF's. Factors are linear."""

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


TextureSlot = Literal["base_color", "metallic_roughness", "normal", "occlusion", "emissive"]

"""Pictures of one colour: what they say is said by the material's factors, without a fetch for every pixel.

Avatar makers write a picture for every slot, also where a part has one colour; JPEG makes that one or two steps of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from renderer.gl.pictures import Pixels
from renderer.scene import Material, Texture, TextureRef

_FLAT = (128, 128, 255)
_WHITE = 255


def simplified(material: Material, textures: tuple[Texture, ...], pictures: Mapping[int, Pixels | None]) -> Material:
    """The material with its pictures of one colour multiplied into its factors.

    A normal map goes when it is flat, an occlusion map when it hides nothing; cartoon materials stay as they are.

    Args:
        pictures: decoded pictures by their index in ``Avatar.images``.
    """
    if material.toon is not None:
        return material

    def color(reference: TextureRef | None) -> tuple[int, int, int, int] | None:
        if reference is None or not 0 <= reference.texture < len(textures):
            return None
        pixels = pictures.get(textures[reference.texture].image)
        return pixels.color if pixels else None

    simple = material
    if (base := color(material.base_color_texture)) is not None:
        r, g, b, a = material.base_color_factor
        red, green, blue = (_linear(value) for value in base[:3])
        factor = (r * red, g * green, b * blue, a * base[3] / _WHITE)
        simple = replace(simple, base_color_texture=None, base_color_factor=factor)
    if (emissive := color(material.emissive_texture)) is not None:
        r, g, b = material.emissive_factor
        red, green, blue = (_linear(value) for value in emissive[:3])
        simple = replace(simple, emissive_texture=None, emissive_factor=(r * red, g * green, b * blue))
    if (rough := color(material.metallic_roughness_texture)) is not None:
        simple = replace(
            simple,
            metallic_roughness_texture=None,
            metallic_factor=material.metallic_factor * rough[2] / _WHITE,
            roughness_factor=material.roughness_factor * rough[1] / _WHITE,
        )
    if (normal := color(material.normal_texture)) is not None and normal[:3] == _FLAT:
        simple = replace(simple, normal_texture=None)
    if (open_to := color(material.occlusion_texture)) is not None and open_to[0] == _WHITE:
        simple = replace(simple, occlusion_texture=None)
    return simple


def _linear(value: int) -> float:
    """What sRGB stores as a byte (IEC 61966-2-1)."""
    share = value / 255.0
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

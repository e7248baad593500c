"""The sample's materials, and the pictures they refer to."""

from __future__ import annotations

from dataclasses import dataclass

from renderer.sample import head, paint, textures
from renderer.scene import Image, Material, Sampler, Texture, TextureRef
from renderer.scene.material import Wrap


@dataclass(slots=True, kw_only=True)
class Pictures:
    """Materials with the pictures they refer to."""

    images: list[Image]
    textures: list[Texture]
    materials: list[Material]


def pictures(skin: head.Skin) -> Pictures:
    """All of them; the face's picture is painted over its skin."""
    found = Pictures(images=[], textures=[], materials=[])
    tiled, clamped = Sampler(), Sampler(wrap_s=Wrap.CLAMP_TO_EDGE, wrap_t=Wrap.CLAMP_TO_EDGE)

    def picture(name: str, data: bytes, sampler: Sampler) -> TextureRef:
        found.images.append(Image(name=name, mime_type="image/jpeg", data=data))
        found.textures.append(Texture(image=len(found.images) - 1, sampler=sampler))
        return TextureRef(texture=len(found.textures) - 1)

    base, orm = paint.skin(skin)
    shine = picture("skin_orm", orm, clamped)
    found.materials.append(
        Material(
            name="Skin",
            base_color_texture=picture("skin", base, clamped),
            metallic_factor=0.0,
            metallic_roughness_texture=shine,
            occlusion_texture=shine,
        )
    )
    found.materials.append(
        Material(
            name="Eyes",
            base_color_texture=picture("eye", textures.eye(), clamped),
            metallic_factor=0.0,
            roughness_factor=0.12,
        )
    )
    found.materials.append(
        Material(name="Brows", base_color_factor=(0.075, 0.040, 0.022, 1.0), metallic_factor=0.0, roughness_factor=0.8)
    )
    found.materials.append(
        Material(
            name="Lashes",
            base_color_factor=(0.010, 0.006, 0.004, 1.0),
            metallic_factor=0.0,
            roughness_factor=0.8,
            double_sided=True,
        )
    )
    found.materials.append(Material(name="Mouth", metallic_factor=0.0, roughness_factor=0.5))
    found.materials.append(
        Material(name="Throat", base_color_factor=(0.085, 0.012, 0.014, 1.0), metallic_factor=0.0, roughness_factor=1.0)
    )
    strands, relief = textures.hair()
    found.materials.append(
        Material(
            name="Hair",
            base_color_texture=picture("hair", strands, tiled),
            metallic_factor=0.0,
            roughness_factor=0.8,
            normal_texture=picture("hair_normal", relief, tiled),
            double_sided=True,
        )
    )
    knit, knit_relief, knit_orm = textures.knit()
    wool = picture("knit_orm", knit_orm, tiled)
    found.materials.append(
        Material(
            name="Knit",
            base_color_factor=(0.055, 0.225, 0.250, 1.0),
            base_color_texture=picture("knit", knit, tiled),
            metallic_factor=0.0,
            metallic_roughness_texture=wool,
            occlusion_texture=wool,
            normal_texture=picture("knit_normal", knit_relief, tiled),
        )
    )
    twill, twill_relief = textures.twill()
    found.materials.append(
        Material(
            name="Twill",
            base_color_texture=picture("twill", twill, tiled),
            metallic_factor=0.0,
            roughness_factor=0.85,
            normal_texture=picture("twill_normal", twill_relief, tiled),
        )
    )
    found.materials.append(Material(name="Shoes", metallic_factor=0.0, roughness_factor=0.6))
    return found

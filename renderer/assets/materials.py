"""Materials of a document (glTF 2.0, section 3.9) with their extensions."""

from __future__ import annotations

import math

from renderer.assets.document import Document, MaterialObject, TextureInfo
from renderer.assets.extensions import EmissiveStrength, TextureTransform, read
from renderer.assets.issues import IssueLog
from renderer.assets.material_extensions import Layers
from renderer.scene.material import MOST_TEXTURES, AlphaMode, Material, Texture, TextureRef


def read_materials(document: Document, textures: tuple[Texture, ...], *, log: IssueLog) -> tuple[Material, ...]:
    """One material per object; references to absent textures and wild numbers become warnings."""
    reader = _Reader(textures, log)
    return tuple(reader.material(material, f"/materials/{i}") for i, material in enumerate(document.materials))


_UNCHANGED = TextureTransform()


class _Reader:
    def __init__(self, textures: tuple[Texture, ...], log: IssueLog) -> None:
        self._textures = textures
        self._log = log
        self._linked = 0

    def material(self, source: MaterialObject, where: str) -> Material:
        pbr, here = source.pbr_metallic_roughness, f"{where}/pbrMetallicRoughness"
        strength = read(
            source.extensions, "KHR_materials_emissive_strength", EmissiveStrength, log=self._log, where=where
        )
        layers = Layers(source, where, number=self.number, texture=self.texture, log=self._log)
        normal, occlusion = source.normal_texture, source.occlusion_texture
        red, green, blue, alpha = (self.number(c, 0.0, 1.0, f"{here}/baseColorFactor") for c in pbr.base_color_factor)
        emissive = tuple(self.number(c, 0.0, math.inf, f"{where}/emissiveFactor") for c in source.emissive_factor)
        self._linked = 0
        found = Material(
            name=source.name,
            base_color_factor=(red, green, blue, alpha),
            base_color_texture=self.texture(pbr.base_color_texture, f"{here}/baseColorTexture"),
            metallic_factor=self.number(pbr.metallic_factor, 0.0, 1.0, f"{here}/metallicFactor"),
            roughness_factor=self.number(pbr.roughness_factor, 0.0, 1.0, f"{here}/roughnessFactor"),
            metallic_roughness_texture=self.texture(pbr.metallic_roughness_texture, f"{here}/metallicRoughnessTexture"),
            normal_texture=self.texture(normal, f"{where}/normalTexture"),
            normal_scale=self.number(normal.scale, -math.inf, math.inf, f"{where}/normalTexture") if normal else 1.0,
            occlusion_texture=self.texture(occlusion, f"{where}/occlusionTexture"),
            occlusion_strength=(
                self.number(occlusion.strength, 0.0, 1.0, f"{where}/occlusionTexture") if occlusion else 1.0
            ),
            emissive_factor=(emissive[0], emissive[1], emissive[2]),
            emissive_texture=self.texture(source.emissive_texture, f"{where}/emissiveTexture"),
            emissive_strength=(
                self.number(strength.emissive_strength, 0.0, math.inf, f"{where}/extensions") if strength else 1.0
            ),
            alpha_mode=self.alpha_mode(source.alpha_mode, where),
            alpha_cutoff=self.number(source.alpha_cutoff, 0.0, math.inf, f"{where}/alphaCutoff"),
            double_sided=source.double_sided,
            unlit="KHR_materials_unlit" in source.extensions,
            specular=layers.specular(),
            clearcoat=layers.clearcoat(),
            sheen=layers.sheen(),
            transmission=layers.transmission(),
            iridescence=layers.iridescence(),
            anisotropy=layers.anisotropy(),
            toon=layers.toon(),
        )
        if self._linked > MOST_TEXTURES:
            told = f"{self._linked} textures, of which {MOST_TEXTURES} are drawn"
            self._log.add("material.textures", told, where=where)
        return found

    def alpha_mode(self, mode: str, where: str) -> AlphaMode:
        try:
            return AlphaMode(mode)
        except ValueError:
            self._log.add("material.value", f"unknown alpha mode {mode!r}", where=where)
            return AlphaMode.OPAQUE

    def number(self, value: float, low: float, high: float, where: str) -> float:
        if low <= value <= high and math.isfinite(value):
            return value
        self._log.add("material.value", f"{value} is not in {low:g}..{high:g}", where=where)
        return min(max(value, low), high) if math.isfinite(value) else max(low, 0.0) if math.isfinite(low) else 1.0

    def texture(self, info: TextureInfo | None, where: str) -> TextureRef | None:
        """A material's use of a texture; None when there is none or its picture could not be had."""
        if info is None:
            return None
        if info.index >= len(self._textures):
            self._log.add("texture.reference", f"texture {info.index} does not exist", where=where)
            return None
        if self._textures[info.index].image < 0:
            return None
        change = None
        if info.extensions:
            change = read(info.extensions, "KHR_texture_transform", TextureTransform, log=self._log, where=where)
        change = change or _UNCHANGED
        uv_set = info.tex_coord if change.tex_coord is None else change.tex_coord
        if uv_set > 1:
            self._log.add("texture.uv-set", f"set {uv_set} is asked for; 0 and 1 can be had", where=where)
            uv_set = 0
        if not all(math.isfinite(x) for x in (*change.offset, change.rotation, *change.scale)):
            self._log.add("material.value", "the texture transform is not finite", where=where)
            change = _UNCHANGED
        self._linked += 1
        return TextureRef(
            texture=info.index, uv_set=uv_set, offset=change.offset, rotation=change.rotation, scale=change.scale
        )

"""The material extensions of glTF and VRM as the scene's layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import msgspec

from renderer.assets.document import MaterialObject, TextureInfo
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog
from renderer.scene.material import Anisotropy, Clearcoat, Iridescence, Sheen, Specular, TextureRef, Toon, Transmission

Color = tuple[float, float, float]
Number = Callable[[float, float, float, str], float]
Textured = Callable[[TextureInfo | None, str], TextureRef | None]


class IorObject(msgspec.Struct):
    """KHR_materials_ior."""

    ior: float = 1.5


class SpecularObject(msgspec.Struct, rename="camel"):
    """KHR_materials_specular."""

    specular_factor: float = 1.0
    specular_texture: TextureInfo | None = None
    specular_color_factor: Color = (1.0, 1.0, 1.0)
    specular_color_texture: TextureInfo | None = None


class ClearcoatObject(msgspec.Struct, rename="camel"):
    """KHR_materials_clearcoat."""

    clearcoat_factor: float = 0.0
    clearcoat_texture: TextureInfo | None = None
    clearcoat_roughness_factor: float = 0.0
    clearcoat_roughness_texture: TextureInfo | None = None
    clearcoat_normal_texture: TextureInfo | None = None


class SheenObject(msgspec.Struct, rename="camel"):
    """KHR_materials_sheen."""

    sheen_color_factor: Color = (0.0, 0.0, 0.0)
    sheen_color_texture: TextureInfo | None = None
    sheen_roughness_factor: float = 0.0
    sheen_roughness_texture: TextureInfo | None = None


class TransmissionObject(msgspec.Struct, rename="camel"):
    """KHR_materials_transmission."""

    transmission_factor: float = 0.0
    transmission_texture: TextureInfo | None = None


class VolumeObject(msgspec.Struct, rename="camel"):
    """KHR_materials_volume."""

    thickness_factor: float = 0.0
    attenuation_distance: float = math.inf
    attenuation_color: Color = (1.0, 1.0, 1.0)


class IridescenceObject(msgspec.Struct, rename="camel"):
    """KHR_materials_iridescence."""

    iridescence_factor: float = 0.0
    iridescence_texture: TextureInfo | None = None
    iridescence_ior: float = 1.3
    iridescence_thickness_minimum: float = 100.0
    iridescence_thickness_maximum: float = 400.0
    iridescence_thickness_texture: TextureInfo | None = None


class AnisotropyObject(msgspec.Struct, rename="camel"):
    """KHR_materials_anisotropy."""

    anisotropy_strength: float = 0.0
    anisotropy_rotation: float = 0.0
    anisotropy_texture: TextureInfo | None = None


class ToonObject(msgspec.Struct, rename="camel"):
    """VRMC_materials_mtoon."""

    transparent_with_z_write: bool = False
    render_queue_offset_number: int = 0
    shade_color_factor: Color = (1.0, 1.0, 1.0)
    shade_multiply_texture: TextureInfo | None = None
    shading_shift_factor: float = 0.0
    shading_shift_texture: TextureInfo | None = None
    shading_toony_factor: float = 0.9
    gi_equalization_factor: float = 0.9
    matcap_factor: Color = (1.0, 1.0, 1.0)
    matcap_texture: TextureInfo | None = None
    parametric_rim_color_factor: Color = (0.0, 0.0, 0.0)
    rim_multiply_texture: TextureInfo | None = None
    rim_lighting_mix_factor: float = 1.0
    parametric_rim_fresnel_power_factor: float = 5.0
    parametric_rim_lift_factor: float = 0.0
    outline_width_mode: str = "none"
    outline_width_factor: float = 0.0
    outline_width_multiply_texture: TextureInfo | None = None
    outline_color_factor: Color = (0.0, 0.0, 0.0)
    outline_lighting_mix_factor: float = 1.0
    uv_animation_scroll_x_speed_factor: float = msgspec.field(default=0.0, name="uvAnimationScrollXSpeedFactor")
    uv_animation_scroll_y_speed_factor: float = msgspec.field(default=0.0, name="uvAnimationScrollYSpeedFactor")
    uv_animation_rotation_speed_factor: float = 0.0
    uv_animation_mask_texture: TextureInfo | None = None


Kind = TypeVar("Kind")

_NO_LAYERS = frozenset(("KHR_materials_unlit", "KHR_materials_emissive_strength"))


class Layers:
    """The extensions of one material. ``number`` clamps with a warning, ``texture`` links a texture."""

    def __init__(self, source: MaterialObject, where: str, *, number: Number, texture: Textured, log: IssueLog) -> None:
        self._extensions = source.extensions if source.extensions.keys() - _NO_LAYERS else {}
        self._where = where
        self._number = number
        self._texture = texture
        self._log = log

    def _read(self, name: str, kind: type[Kind]) -> Kind | None:
        if name not in self._extensions:  # as nearly always
            return None
        return read(self._extensions, name, kind, log=self._log, where=self._where)

    def _share(self, value: float, name: str) -> float:
        return self._number(value, 0.0, 1.0, f"{self._where}/extensions/{name}")

    def _amount(self, value: float, name: str) -> float:
        return self._number(value, 0.0, math.inf, f"{self._where}/extensions/{name}")

    def _color(self, color: Color, name: str) -> Color:
        red, green, blue = (self._amount(part, name) for part in color)
        return red, green, blue

    def _link(self, info: TextureInfo | None, name: str) -> TextureRef | None:
        return self._texture(info, f"{self._where}/extensions/{name}")

    def specular(self) -> Specular | None:
        """Two extensions that describe one reflection."""
        name = "KHR_materials_specular"
        found, ior = self._read(name, SpecularObject), self._read("KHR_materials_ior", IorObject)
        if found is None and ior is None:
            return None
        found = found or SpecularObject()
        # An index of 0 stands for a surface that reflects everything; below 1 there is nothing else.
        index = self._amount(ior.ior if ior else 1.5, "KHR_materials_ior")
        return Specular(
            ior=index if index == 0.0 else max(index, 1.0),
            factor=self._share(found.specular_factor, name),
            texture=self._link(found.specular_texture, name),
            color_factor=self._color(found.specular_color_factor, name),
            color_texture=self._link(found.specular_color_texture, name),
        )

    def clearcoat(self) -> Clearcoat | None:
        """KHR_materials_clearcoat."""
        name = "KHR_materials_clearcoat"
        found = self._read(name, ClearcoatObject)
        if found is None:
            return None
        normal = found.clearcoat_normal_texture
        return Clearcoat(
            factor=self._share(found.clearcoat_factor, name),
            texture=self._link(found.clearcoat_texture, name),
            roughness_factor=self._share(found.clearcoat_roughness_factor, name),
            roughness_texture=self._link(found.clearcoat_roughness_texture, name),
            normal_texture=self._link(normal, name),
            normal_scale=normal.scale if normal else 1.0,
        )

    def sheen(self) -> Sheen | None:
        """KHR_materials_sheen."""
        name = "KHR_materials_sheen"
        found = self._read(name, SheenObject)
        if found is None:
            return None
        return Sheen(
            color_factor=self._color(found.sheen_color_factor, name),
            color_texture=self._link(found.sheen_color_texture, name),
            roughness_factor=self._share(found.sheen_roughness_factor, name),
            roughness_texture=self._link(found.sheen_roughness_texture, name),
        )

    def transmission(self) -> Transmission | None:
        """KHR_materials_transmission with KHR_materials_volume; a volume alone shows nothing."""
        name = "KHR_materials_transmission"
        found = self._read(name, TransmissionObject)
        if found is None:
            return None
        volume = self._read("KHR_materials_volume", VolumeObject) or VolumeObject()
        distance = volume.attenuation_distance
        return Transmission(
            factor=self._share(found.transmission_factor, name),
            texture=self._link(found.transmission_texture, name),
            thickness=self._amount(volume.thickness_factor, "KHR_materials_volume"),
            attenuation_distance=distance if distance > 0.0 else math.inf,
            attenuation_color=self._color(volume.attenuation_color, "KHR_materials_volume"),
        )

    def iridescence(self) -> Iridescence | None:
        """KHR_materials_iridescence."""
        name = "KHR_materials_iridescence"
        found = self._read(name, IridescenceObject)
        if found is None:
            return None
        return Iridescence(
            factor=self._share(found.iridescence_factor, name),
            texture=self._link(found.iridescence_texture, name),
            ior=self._amount(found.iridescence_ior, name),
            thickness_minimum=self._amount(found.iridescence_thickness_minimum, name),
            thickness_maximum=self._amount(found.iridescence_thickness_maximum, name),
            thickness_texture=self._link(found.iridescence_thickness_texture, name),
        )

    def anisotropy(self) -> Anisotropy | None:
        """KHR_materials_anisotropy."""
        name = "KHR_materials_anisotropy"
        found = self._read(name, AnisotropyObject)
        if found is None:
            return None
        return Anisotropy(
            strength=self._share(found.anisotropy_strength, name),
            rotation=found.anisotropy_rotation,
            texture=self._link(found.anisotropy_texture, name),
        )

    def toon(self) -> Toon | None:
        """VRMC_materials_mtoon."""
        name = "VRMC_materials_mtoon"
        found = self._read(name, ToonObject)
        if found is None:
            return None
        outline = found.outline_width_mode
        return Toon(
            shade_color=self._color(found.shade_color_factor, name),
            shade_texture=self._link(found.shade_multiply_texture, name),
            shading_shift=self._number(found.shading_shift_factor, -1.0, 1.0, f"{self._where}/extensions/{name}"),
            shading_shift_texture=self._link(found.shading_shift_texture, name),
            shading_shift_scale=found.shading_shift_texture.scale if found.shading_shift_texture else 1.0,
            shading_toony=self._share(found.shading_toony_factor, name),
            gi_equalization=self._share(found.gi_equalization_factor, name),
            matcap_factor=self._color(found.matcap_factor, name),
            matcap_texture=self._link(found.matcap_texture, name),
            rim_color=self._color(found.parametric_rim_color_factor, name),
            rim_texture=self._link(found.rim_multiply_texture, name),
            rim_mix=self._share(found.rim_lighting_mix_factor, name),
            rim_power=self._amount(found.parametric_rim_fresnel_power_factor, name),
            rim_lift=found.parametric_rim_lift_factor,
            outline="world" if outline == "worldCoordinates" else "screen" if outline == "screenCoordinates" else None,
            outline_width=self._amount(found.outline_width_factor, name),
            outline_width_texture=self._link(found.outline_width_multiply_texture, name),
            outline_color=self._color(found.outline_color_factor, name),
            outline_lighting_mix=self._share(found.outline_lighting_mix_factor, name),
            scroll_x=found.uv_animation_scroll_x_speed_factor,
            scroll_y=found.uv_animation_scroll_y_speed_factor,
            rotation=found.uv_animation_rotation_speed_factor,
            animation_mask=self._link(found.uv_animation_mask_texture, name),
            z_write=found.transparent_with_z_write,
            render_queue_offset=found.render_queue_offset_number,
        )

"""VRM 0.x's MToon as VRM 1.0's (VRMC_materials_mtoon): the conversion that UniVRM's migration makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

from renderer.assets.document import Document
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog
from renderer.scene.material import Material, Texture, TextureRef, Toon

Color = tuple[float, float, float]

_OUTLINES: tuple[Literal["world", "screen"] | None, ...] = (None, "world", "screen")


class Properties0(msgspec.Struct, rename="camel"):
    """``VRM.materialProperties[i]``: Unity's names and values of one material."""

    shader: str = ""
    render_queue: int | None = None
    float_properties: dict[str, float] = {}
    vector_properties: dict[str, list[float]] = {}
    texture_properties: dict[str, int] = {}
    keyword_map: dict[str, bool] = {}


class Vrm0(msgspec.Struct, rename="camel"):
    """``VRM``, as far as materials go."""

    material_properties: list[Properties0] = []


def with_mtoon_0(
    materials: tuple[Material, ...], document: Document, textures: Sequence[Texture], *, log: IssueLog
) -> tuple[Material, ...]:
    """The materials, those that a VRM 0.x file shades with MToon as such; other files' as they are."""
    if "VRM" not in document.extensions or "VRMC_vrm" in document.extensions:
        return materials
    if b"VRM/MToon" not in bytes(document.extensions["VRM"]):
        return materials
    found = read(document.extensions, "VRM", Vrm0, log=log, where="")
    given = found.material_properties if found else []
    queues = _queue_offsets(given)
    for i, (material, source) in enumerate(zip(materials, given, strict=False)):
        if material.toon is None and source.shader == "VRM/MToon":
            where = f"/extensions/VRM/materialProperties/{i}"
            material.toon = _Reader(source, textures, where, log).toon(queues[i])
    return materials


class _Reader:
    def __init__(self, source: Properties0, textures: Sequence[Texture], where: str, log: IssueLog) -> None:
        self._source = source
        self._textures = textures
        self._where = where
        self._log = log

    def toon(self, queue_offset: int) -> Toon:
        shift, toony = self._number("_ShadeShift", 0.0, -1.0, 1.0), self._number("_ShadeToony", 0.9, 0.0, 1.0)
        # 0.x says where shade ends and how soft it is, 1.0 the middle of the border.
        toony = toony + (1.0 - toony) * (0.5 + 0.5 * shift)
        indirect = self._number("_IndirectLightIntensity", 0.1, 0.0, 1.0)
        mode = round(self._number("_OutlineWidthMode", 0.0, 0.0, 2.0))
        matcap = self._texture("_SphereAdd", transformed=False)
        blends = self._source.keyword_map.get("_ALPHABLEND_ON", False)
        return Toon(
            shade_color=self._color("_ShadeColor", (0.97, 0.81, 0.86)),
            shade_texture=self._texture("_ShadeTexture"),
            shading_shift=min(max(-shift - (1.0 - toony), -1.0), 1.0),
            shading_toony=toony,
            gi_equalization=1.0 - indirect,
            matcap_factor=(1.0, 1.0, 1.0) if matcap else (0.0, 0.0, 0.0),
            matcap_texture=matcap,
            rim_color=self._color("_RimColor", (0.0, 0.0, 0.0)),
            rim_texture=self._texture("_RimTexture"),
            rim_mix=self._number("_RimLightingMix", 0.0, 0.0, 1.0),
            rim_power=self._number("_RimFresnelPower", 1.0, 0.0, 100.0),
            rim_lift=self._number("_RimLift", 0.0, 0.0, 1.0),
            outline=_OUTLINES[mode],
            # Centimetres, and for outlines in the picture's own measure hundredths.
            outline_width=0.01 * self._number("_OutlineWidth", 0.0, 0.0, 100.0),
            outline_width_texture=self._texture("_OutlineWidthTexture"),
            outline_color=self._color("_OutlineColor", (0.0, 0.0, 0.0)),
            outline_lighting_mix=(
                self._number("_OutlineLightingMix", 1.0, 0.0, 1.0)
                if round(self._number("_OutlineColorMode", 0.0, 0.0, 1.0)) == 1
                else 0.0
            ),
            scroll_x=self._number("_UvAnimScrollX", 0.0, -math.inf, math.inf),
            # Unity counts v from the bottom, glTF from the top.
            scroll_y=-self._number("_UvAnimScrollY", 0.0, -math.inf, math.inf),
            rotation=self._number("_UvAnimRotation", 0.0, -math.inf, math.inf),
            animation_mask=self._texture("_UvAnimMaskTexture"),
            z_write=not blends or self._number("_ZWrite", 1.0, 0.0, 1.0) == 1.0,
            render_queue_offset=queue_offset,
        )

    def _number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._source.float_properties.get(name, default)
        if math.isfinite(value) and low <= value <= high:
            return value
        self._log.add("material.value", f"{name} is {value}", where=self._where)
        return min(max(value, low), high) if math.isfinite(value) else default

    def _color(self, name: str, default: Color) -> Color:
        given = self._source.vector_properties.get(name, default)
        red, green, blue = given[:3] if len(given) >= 3 else (-1.0, 0.0, 0.0)
        if not (0.0 <= red < math.inf and 0.0 <= green < math.inf and 0.0 <= blue < math.inf):
            self._log.add("material.value", f"{name} is no colour", where=self._where)
            red, green, blue = default
        return _linear(red), _linear(green), _linear(blue)

    def _texture(self, name: str, *, transformed: bool = True) -> TextureRef | None:
        index = self._source.texture_properties.get(name)
        if index is None:
            return None
        if not 0 <= index < len(self._textures):
            self._log.add("texture.reference", f"texture {index} does not exist", where=self._where)
            return None
        if self._textures[index].image < 0:
            return None
        offset, scale = self._transform() if transformed else ((0.0, 0.0), (1.0, 1.0))
        return TextureRef(texture=index, offset=offset, scale=scale)

    def _transform(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """``_MainTex``'s offset and scale, which 0.x uses for all textures, with v counted from the top."""
        given = self._source.vector_properties.get("_MainTex", [])
        if len(given) < 4 or not all(math.isfinite(part) for part in given[:4]):
            return (0.0, 0.0), (1.0, 1.0)
        x, y, across, down = given[:4]
        return (x, 1.0 - y - down), (across, down)


def _queue_offsets(given: Sequence[Properties0]) -> list[int]:
    """1.0's render queue offsets: blended materials in the order of their 0.x queues, -9..0 or, writing depth, 0..9."""
    ranks: dict[bool, list[int]] = {}
    for source in given:
        if source.keyword_map.get("_ALPHABLEND_ON", False) and source.render_queue is not None:
            ranks.setdefault(source.float_properties.get("_ZWrite") == 1.0, []).append(source.render_queue)
    ordered = {writes: sorted(set(queues)) for writes, queues in ranks.items()}
    offsets = []
    for source in given:
        writes = source.float_properties.get("_ZWrite") == 1.0
        queues = ordered.get(writes, [])
        if not source.keyword_map.get("_ALPHABLEND_ON", False) or source.render_queue not in queues:
            offsets.append(0)
            continue
        place = queues.index(source.render_queue)
        offsets.append(min(place, 9) if writes else max(place - len(queues) + 1, -9))
    return offsets


def _linear(srgb: float) -> float:
    """One channel of an sRGB colour, as Unity's colours are, on the linear scale (IEC 61966-2-1)."""
    return srgb / 12.92 if srgb <= 0.04045 else float(((srgb + 0.055) / 1.055) ** 2.4)

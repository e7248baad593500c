"""The extensions we know: a registry by name, and the typed form of those that are small.

A file that requires an extension outside the registry is refused; one that merely uses it is drawn without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import msgspec

from renderer.assets.compression.draco import DRACO, available
from renderer.assets.document import Document, Extensions, Index, decode
from renderer.assets.issues import IssueLog, unsupported
from renderer.errors import AssetError


@dataclass(slots=True, kw_only=True, frozen=True)
class Extension:
    """An extension we know: drawn, or only read into the scene."""

    name: str
    drawn: bool = True


def _registry(*extensions: Extension) -> MappingProxyType[str, Extension]:
    return MappingProxyType({extension.name: extension for extension in extensions})


REGISTRY = _registry(
    Extension(name="KHR_mesh_quantization"),
    Extension(name="KHR_texture_transform"),
    Extension(name="KHR_materials_unlit"),
    Extension(name="KHR_materials_emissive_strength"),
    Extension(name="KHR_materials_ior"),
    Extension(name="KHR_materials_specular"),
    Extension(name="KHR_materials_clearcoat"),
    Extension(name="KHR_materials_sheen"),
    Extension(name="KHR_materials_transmission"),
    Extension(name="KHR_materials_volume"),
    Extension(name="KHR_materials_dispersion", drawn=False),
    Extension(name="KHR_materials_iridescence"),
    Extension(name="KHR_materials_anisotropy"),
    Extension(name="VRMC_materials_mtoon"),
    Extension(name="KHR_materials_variants"),
    Extension(name="KHR_lights_punctual"),
    Extension(name="EXT_texture_webp"),
    Extension(name="EXT_meshopt_compression"),
    Extension(name=DRACO),
    Extension(name="VRM"),
    Extension(name="VRMC_vrm"),
    Extension(name="VRMC_vrm_animation"),
    Extension(name="VRMC_springBone"),
    Extension(name="VRMC_node_constraint"),
)
"""Extensions that are read; a file may require any of them."""

HINTS = MappingProxyType(
    {
        DRACO: "pip install DracoPy, or repack the file without Draco, e.g. gltf-transform copy in.glb out.glb",
        "KHR_texture_basisu": "repack the file with PNG, JPEG or WebP pictures",
    }
)
"""What a person can do about a file that requires one of these."""


def check(document: Document, *, log: IssueLog) -> None:
    """Refuse what is required and unknown; note what is used and unknown.

    Raises UnsupportedAsset ``extension.required``, naming every such extension.
    """
    missing = [name for name in dict.fromkeys(document.extensions_required) if not _known(name)]
    if missing:
        raise unsupported(
            "extension.required",
            f"the file requires {', '.join(missing)}",
            where="/extensionsRequired",
            hint="; ".join(HINTS[name] for name in missing if name in HINTS),
        )
    for name in dict.fromkeys(document.extensions_used):
        if not _known(name):
            log.add("extension.unknown", f"drawn without {name}", where="/extensionsUsed")
        elif not REGISTRY[name].drawn:
            log.add("extension.not-drawn", f"{name} is read but not drawn", where="/extensionsUsed")


def _known(name: str) -> bool:
    """Whether we have what an extension asks for; Draco is there when DracoPy is."""
    return name in REGISTRY and (name != DRACO or available())


Kind = TypeVar("Kind")


def read(extensions: Extensions, name: str, kind: type[Kind], *, log: IssueLog, where: str) -> Kind | None:
    """An extension's object, typed; None when it is absent or, with a warning, unreadable."""
    raw = extensions.get(name)
    if raw is None:
        return None
    here = f"{where}/extensions/{name}"
    try:
        return decode(raw, kind, log=log, where=here)
    except AssetError as error:
        log.add("extension.malformed", error.message, where=error.where or here)
        return None


class TextureTransform(msgspec.Struct, rename="camel"):
    """KHR_texture_transform."""

    offset: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    tex_coord: Index | None = None


class EmissiveStrength(msgspec.Struct, rename="camel"):
    """KHR_materials_emissive_strength."""

    emissive_strength: float = 1.0


class WebpSource(msgspec.Struct):
    """EXT_texture_webp."""

    source: Index


class SpotObject(msgspec.Struct, rename="camel"):
    """The cone of a spot light."""

    inner_cone_angle: float = 0.0
    outer_cone_angle: float = 0.7853981633974483


class LightObject(msgspec.Struct, rename="camel"):
    """A light of KHR_lights_punctual."""

    type: str
    name: str = ""
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: float = 1.0
    range: float | None = None
    spot: SpotObject = msgspec.field(default_factory=SpotObject)


class LightsObject(msgspec.Struct):
    """KHR_lights_punctual at the root."""

    lights: list[LightObject] = []


class LightReference(msgspec.Struct):
    """KHR_lights_punctual on a node."""

    light: Index

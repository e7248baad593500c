"""Sets of materials that a file offers to choose from (KHR_materials_variants)."""

from __future__ import annotations

import msgspec

from renderer.assets.document import Document, Index, PrimitiveObject
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog, refusal
from renderer.scene.avatar import Avatar

NAME = "KHR_materials_variants"


class VariantObject(msgspec.Struct):
    """One variant."""

    name: str


class VariantsObject(msgspec.Struct):
    """KHR_materials_variants at the root."""

    variants: list[VariantObject] = []


class MappingObject(msgspec.Struct):
    """The material that some variants give a primitive."""

    material: Index
    variants: list[Index] = []


class MappingsObject(msgspec.Struct):
    """KHR_materials_variants on a primitive."""

    mappings: list[MappingObject] = []


def read_variants(document: Document, *, log: IssueLog) -> tuple[str, ...]:
    """Names of the variants, in the file's order."""
    found = read(document.extensions, NAME, VariantsObject, log=log, where="")
    return tuple(variant.name for variant in found.variants) if found else ()


def read_mappings(source: PrimitiveObject, *, materials: int, log: IssueLog, where: str) -> dict[int, int]:
    """Variant to material, of one primitive; a mapping to a material that does not exist is left out."""
    found = read(source.extensions, NAME, MappingsObject, log=log, where=where)
    mapped: dict[int, int] = {}
    for mapping in found.mappings if found else ():
        if mapping.material >= materials:
            log.add("material.reference", f"material {mapping.material} does not exist", where=where)
            continue
        mapped.update(dict.fromkeys(mapping.variants, mapping.material))
    return mapped


def choose_variant(avatar: Avatar, wanted: str) -> None:
    """Give the avatar's primitives the materials of a variant, by exact name or by name in any case.

    Raises:
        AssetError: ``variant.unknown``.
    """
    names = [name.lower() for name in avatar.variants]
    if wanted not in avatar.variants and wanted.lower() not in names:
        has = f"it has {', '.join(avatar.variants)}" if avatar.variants else "it has none"
        raise refusal("variant.unknown", f"the avatar has no variant {wanted!r}", where=avatar.name, hint=has)
    index = avatar.variants.index(wanted) if wanted in avatar.variants else names.index(wanted.lower())
    for mesh in avatar.meshes:
        for primitive in mesh.primitives:
            primitive.material = primitive.variants.get(index, primitive.material)

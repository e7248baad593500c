"""An avatar package: a character, its clips from a second file, and how the vendor's client would show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from msgspec import structs

from renderer.animation.retarget import retarget
from renderer.assets.asset import Asset
from renderer.assets.color_table import color_table_size
from renderer.assets.config import AnimationConfig, CharacterConfig, MetaInfo, MotionConfig, read_config
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.limits import Limits
from renderer.assets.link import link
from renderer.assets.picture import probe
from renderer.assets.placement import placed
from renderer.assets.resolver import Files
from renderer.assets.scenery import with_scenery
from renderer.errors import AssetError
from renderer.maths import decompose
from renderer.scene.avatar import Avatar
from renderer.scene.later import changed
from renderer.scene.material import AlphaMode, Material

REQUIRED = (
    "character.config.json",
    "animation.config.json",
    "motion.config.json",
    "character.glb",
    "animation.glb",
)
SCENERY, PICTURE = "background.glb", "background.png"
_DEFAULT_LIMITS = Limits()


def load_package(files: Mapping[str, bytes], *, name: str = "", limits: Limits = _DEFAULT_LIMITS) -> Asset:
    """The character placed and its materials changed as its configuration says, with the clips of animation.glb.

    Args:
        files: open files by their name below the package's root folder.
        name: stands in the asset's issues and errors.

    Raises:
        AssetError: ``package.missing``, ``archive.encrypted``, ``config.malformed``, and those of the two .glb files.
    """
    for needed in REQUIRED:
        if needed not in files:
            if f"{needed}.lm" in files:
                hint = "fetch the avatar with the licence it was sealed for"
                raise refusal("archive.encrypted", f"{needed} is sealed", where=name, hint=hint)
            raise refusal("package.missing", f"the package has no {needed}", where=name)

    def where(file: str) -> str:
        return f"{name}/{file}" if name else file

    config = read_config(files["character.config.json"], CharacterConfig, where=where("character.config.json"))
    groups = read_config(files["animation.config.json"], AnimationConfig, where=where("animation.config.json"))
    motion = read_config(files["motion.config.json"], MotionConfig, where=where("motion.config.json"))
    resolver = Files(files)
    character = link(files["character.glb"], name=where("character.glb"), resolver=resolver, limits=limits)
    motions = link(files["animation.glb"], name=where("animation.glb"), resolver=resolver, limits=limits)
    log = IssueLog()
    if character.clips:
        log.add("package.character-animations", f"{len(character.clips)} animations", where="character.glb")
    if not motions.clips:
        log.add("package.no-animations", "no animations", where="animation.glb")
    bound = retarget(motions.clips, source=motions.avatar, target=character.avatar)
    if bound.unbound:
        some = ", ".join(bound.unbound[:5])
        log.add("animation.unbound", f"the character has no {some}", where="animation.glb", count=len(bound.unbound))
    wanted = sum(group.size for group in (groups.hello, groups.idle, groups.listen, groups.speak, groups.think))
    if wanted > len(bound.clips):
        log.add(
            "package.groups", f"{wanted} clips are counted, {len(bound.clips)} exist", where="animation.config.json"
        )
    background = _background(files, log)
    scenery = None
    if background == SCENERY:
        scenery = link(files[SCENERY], name=where(SCENERY), resolver=resolver, limits=limits)
        if scenery.clips:
            raise refusal("package.background-animations", f"{len(scenery.clips)} animations", where=where(SCENERY))
    table = files.get("lut.png")
    if table is not None and not color_table_size(table):
        log.add("package.color-table", "not a picture of 256 x 16", where="lut.png")
        table = None
    translation, rotation, scale = decompose(config.placement)
    avatar = placed(
        _with_materials(changed(character.avatar, name=config.name or character.avatar.name), config),
        translation=translation,
        rotation=rotation,
        scale=scale,
    )
    return Asset(
        avatar=avatar if scenery is None else with_scenery(avatar, scenery.avatar),
        clips=bound.clips,
        issues=(
            *log.issues(),
            *character.issues,
            *(issue for issue in motions.issues if issue.code != "scene.empty"),
            *(scenery.issues if scenery is not None else ()),
        ),
        extensions=character.extensions,
        generator=character.generator,
        config=config,
        motion=motion,
        background=None if background is None or background == SCENERY else files[background],
        environment=files.get("background.hdr"),
        color_table=table,
        groups=groups.indices(len(bound.clips)),
        chained=groups.chained,
    )


def _background(files: Mapping[str, bytes], log: IssueLog) -> str | None:
    """Which file is behind the character; a 3D background is chosen by metaInfo.json alone, as the client does it."""
    meta = MetaInfo()
    if "metaInfo.json" in files:
        try:
            meta = read_config(files["metaInfo.json"], MetaInfo, where="metaInfo.json")
        except AssetError as error:
            log.add("package.metainfo", error.message, where="metaInfo.json")
    if SCENERY in meta.web.encrypt_list:
        if SCENERY in files:
            return SCENERY
        log.add("package.background", "metaInfo.json lists it, the package does not hold it", where=SCENERY)
        return None
    if PICTURE not in files:
        return None
    if probe(files[PICTURE]) is None:
        log.add("package.background", "the picture cannot be read", where=PICTURE)
        return None
    return PICTURE


def _with_materials(avatar: Avatar, config: CharacterConfig) -> Avatar:
    """The avatar with the configuration's overrides on every material, also on the default one."""
    change = _unlit if config.is_unlit else _overridden
    added = len(avatar.materials)
    meshes = tuple(
        replace(mesh, primitives=tuple(changed(p, material=added) if p.material < 0 else p for p in mesh.primitives))
        for mesh in avatar.meshes
    )
    return changed(
        avatar, meshes=meshes, materials=tuple(change(m, config) for m in (*avatar.materials, Material(name="default")))
    )


def _overridden(material: Material, config: CharacterConfig) -> Material:
    params = config.physical_material_params
    return structs.replace(
        material,
        roughness_factor=params.roughness,
        metallic_factor=params.metalness,
        emissive_factor=config.emissive or material.emissive_factor,
    )


def _unlit(material: Material, _config: CharacterConfig) -> Material:
    """A plain textured surface: factors, cut-off and sidedness are dropped, blending is kept."""
    return Material(
        name=material.name,
        base_color_texture=material.base_color_texture or material.emissive_texture,
        alpha_mode=AlphaMode.BLEND if material.alpha_mode is AlphaMode.BLEND else AlphaMode.OPAQUE,
        unlit=True,
        casts_both_sides=True,
    )

"""From the bytes of one glTF file to a linked asset: parse, then link."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from renderer.assets import extensions
from renderer.assets.accessors import Accessors
from renderer.assets.asset import Asset
from renderer.assets.buffers import BufferStore
from renderer.assets.clips import check_clips, read_clips
from renderer.assets.document import Document, parse
from renderer.assets.draco import unpack_primitives
from renderer.assets.glb import MAGIC, split
from renderer.assets.issues import Issue, IssueLog
from renderer.assets.limits import Limits
from renderer.assets.materials import read_materials
from renderer.assets.meshes import read_meshes
from renderer.assets.mtoon import with_mtoon_0
from renderer.assets.nodes import drawn_scene, read_nodes
from renderer.assets.placement import HALF_TURN, under_root
from renderer.assets.resolver import Resolver
from renderer.assets.skins import fit_influences, read_skins
from renderer.assets.textures import Pictures, read_textures
from renderer.assets.variants import read_variants
from renderer.assets.views import read_cameras, read_lights
from renderer.assets.vrm import faces_back, vrm_bones, vrma_expressions
from renderer.assets.vrm_expressions import vrm_expressions
from renderer.assets.vrm_rig import vrm_rig
from renderer.errors import AssetError
from renderer.scene.avatar import Avatar
from renderer.scene.expression import Expression
from renderer.scene.humanoid import humanoid_bones
from renderer.scene.later import Delayed
from renderer.scene.light import MOST_LAMPS
from renderer.scene.node import Node
from renderer.scene.skin import Skin


def link(data: bytes, *, name: str, resolver: Resolver, limits: Limits) -> Asset:
    """The asset in the bytes of a .glb, .vrm or .gltf file.

    Raises AssetError with a code of ``renderer.assets.issues``; ``where`` starts with ``name``.
    """
    log = IssueLog()
    try:
        # Numbers in a file may be anything; what overflows is looked for where it matters, not by numpy's warnings.
        with np.errstate(all="ignore"):
            return _link(data, name, resolver, limits, log)
    except AssetError as error:
        # Deeper rooms know the place inside the file, this one knows the file.
        if not error.where.startswith(name):
            error.where = f"{name}#{error.where}" if error.where.startswith("/") else name
        raise


def _link(data: bytes, name: str, resolver: Resolver, limits: Limits, log: IssueLog) -> Asset:
    text: bytes | memoryview = data
    binary: memoryview | None = None
    if data[:4] == MAGIC:
        text, binary = split(data, log=log, where=name)
    document = parse(text, log=log, limits=limits, where=name)
    extensions.check(document, log=log)
    buffers = BufferStore(document, binary, resolver, log=log, limits=limits)
    accessors = Accessors(document, buffers, log=log, limits=limits)
    unpack_primitives(document, buffers, accessors, log=log)
    images = Pictures(buffers, resolver, log=log, limits=limits).read(document.images)
    textures = read_textures(document, images, log=log)
    materials = with_mtoon_0(read_materials(document, textures, log=log), document, textures, log=log)
    meshes = read_meshes(document, accessors, materials, log=log)
    lights = read_lights(document, log=log)
    nodes = read_nodes(document, meshes, lights=len(lights), log=log)
    skins = read_skins(document, accessors, log=log)
    meshes = fit_influences(meshes, nodes, skins, log=log)
    check_clips(document, accessors)
    clips = Delayed(lambda: read_clips(document, accessors, nodes, meshes, log=log))
    scene, roots, order = drawn_scene(document, nodes, log=log)
    if lights and (shining := sum(nodes[i].light >= 0 for i in order)) > MOST_LAMPS:
        log.add("light.many", f"{shining} lights, of which the first {MOST_LAMPS} shine")
    if not any(nodes[i].mesh >= 0 for i in order):
        log.add("scene.empty", "the scene holds no mesh")
    bones: Delayed[Mapping[str, int]] = Delayed(lambda: _bones(document, nodes, skins, log))
    expressions: Delayed[Mapping[str, Expression]] = Delayed(lambda: vrm_expressions(document, nodes, meshes, log=log))
    rig = Delayed(lambda: vrm_rig(document, nodes, log=log))
    placed = nodes
    if faces_back(document):
        placed, roots, order = under_root(nodes, roots, order, rotation=HALF_TURN)
    avatar = Avatar(
        name=scene or name,
        nodes=placed,
        roots=roots,
        order=order,
        meshes=meshes,
        materials=materials,
        textures=textures,
        images=images,
        skins=skins,
        cameras=read_cameras(document, log=log),
        lights=lights,
        variants=read_variants(document, log=log),
        humanoid=bones,
        expressions=expressions,
        rig=rig,
    )

    def read_all() -> tuple[Issue, ...]:
        for later in (clips, bones, expressions, rig):
            later()
        for mesh in meshes:
            for primitive in mesh.primitives:
                _ = primitive.targets
        return log.issues()

    return Asset(
        avatar=avatar,
        clips=clips,
        issues=Delayed(read_all),
        extensions=tuple(dict.fromkeys(document.extensions_used)),
        generator=document.asset.generator,
        expression_nodes=vrma_expressions(document, log=log),
    )


def _bones(document: Document, nodes: tuple[Node, ...], skins: tuple[Skin, ...], log: IssueLog) -> dict[str, int]:
    """What a VRM file says its bones are; of other files, what the bones' names say."""
    found = vrm_bones(document, log=log)
    if found:
        return found
    joints = {joint for skin in skins for joint in skin.joints.tolist()}
    return humanoid_bones([node.name for node in nodes], joints=joints)

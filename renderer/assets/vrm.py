"""The humanoid of a VRM file: VRM 0.x (``VRM``) and VRM 1.0 (``VRMC_vrm``)."""

from __future__ import annotations

import re

import msgspec

from renderer.assets.document import Document
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog

ANIMATION = "VRMC_vrm_animation"
_THUMB = re.compile(r"(left|right)Thumb(Proximal|Intermediate)")


class Bone0(msgspec.Struct):
    """One bone of VRM 0.x; exporters write -1 for "none"."""

    bone: str
    node: int = -1


class Humanoid0(msgspec.Struct, rename="camel"):
    """``VRM.humanoid``."""

    human_bones: list[Bone0] = []


class Vrm0(msgspec.Struct, rename="camel"):
    """``VRM``, as far as the skeleton goes."""

    humanoid: Humanoid0 = msgspec.field(default_factory=Humanoid0)


class Bone1(msgspec.Struct):
    """One bone of VRM 1.0."""

    node: int = -1


class Humanoid1(msgspec.Struct, rename="camel"):
    """``VRMC_vrm.humanoid``."""

    human_bones: dict[str, Bone1] = {}


class Vrm1(msgspec.Struct, rename="camel"):
    """``VRMC_vrm`` and ``VRMC_vrm_animation``, as far as the skeleton goes."""

    humanoid: Humanoid1 = msgspec.field(default_factory=Humanoid1)


def vrm_bones(document: Document, *, log: IssueLog) -> dict[str, int]:
    """VRM 1.0 bone name to node; empty when the file is no VRM. VRM 0.x thumbs are renamed to VRM 1.0's."""
    new = read(document.extensions, "VRMC_vrm", Vrm1, log=log, where="")
    new = new or read(document.extensions, ANIMATION, Vrm1, log=log, where="")
    if new is not None:
        pairs = [(bone, entry.node) for bone, entry in new.humanoid.human_bones.items()]
    else:
        old = read(document.extensions, "VRM", Vrm0, log=log, where="")
        pairs = [(_renamed(entry.bone), entry.node) for entry in old.humanoid.human_bones] if old else []
    bones: dict[str, int] = {}
    for bone, node in pairs:
        if 0 <= node < len(document.nodes):
            bones.setdefault(bone, node)
        else:
            log.add("vrm.bone", f"{bone} is node {node}, which does not exist", where="/extensions")
    return bones


class Track(msgspec.Struct):
    """The node whose translation along X is how far an expression is on."""

    node: int = -1


class Tracks(msgspec.Struct):
    """``VRMC_vrm_animation.expressions``."""

    preset: dict[str, Track] = {}
    custom: dict[str, Track] = {}


class Animation(msgspec.Struct):
    """``VRMC_vrm_animation``, as far as the face goes."""

    expressions: Tracks = msgspec.field(default_factory=Tracks)


def vrma_expressions(document: Document, *, log: IssueLog) -> dict[str, int]:
    """Of a VRM animation: expression to the node whose X translation is its value; empty for other files."""
    found = read(document.extensions, ANIMATION, Animation, log=log, where="")
    tracks = {**found.expressions.custom, **found.expressions.preset} if found else {}
    return {name: track.node for name, track in tracks.items() if 0 <= track.node < len(document.nodes)}


def faces_back(document: Document) -> bool:
    """Whether the avatar looks along -Z: VRM 0.x does, glTF and VRM 1.0 look along +Z."""
    return "VRM" in document.extensions and "VRMC_vrm" not in document.extensions


def _renamed(bone: str) -> str:
    """VRM 0.x counts the thumb's bones from the proximal one, VRM 1.0 from the metacarpal."""
    match = _THUMB.fullmatch(bone)
    if match is None:
        return bone
    return f"{match[1]}Thumb{'Metacarpal' if match[2] == 'Proximal' else 'Proximal'}"

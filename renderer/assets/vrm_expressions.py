"""The expressions of a VRM file: VRM 0.x blend shape groups and VRM 1.0 expressions."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import msgspec

from renderer.assets.document import Document
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog
from renderer.scene.expression import Expression, MorphBind, Override
from renderer.scene.mesh import Mesh
from renderer.scene.node import Node

PRESETS_0 = MappingProxyType(
    {
        "a": "aa",
        "i": "ih",
        "u": "ou",
        "e": "ee",
        "o": "oh",
        "joy": "happy",
        "sorrow": "sad",
        "fun": "relaxed",
        "angry": "angry",
        "neutral": "neutral",
        "blink": "blink",
        "blink_l": "blinkLeft",
        "blink_r": "blinkRight",
        "lookup": "lookUp",
        "lookdown": "lookDown",
        "lookleft": "lookLeft",
        "lookright": "lookRight",
    }
)
"""VRM 0.x preset name to VRM 1.0's."""


class Bind0(msgspec.Struct):
    """A target of every node that carries ``mesh``; weight in percent."""

    mesh: int = -1
    index: int = -1
    weight: float = 100.0


class Group0(msgspec.Struct, rename="camel"):
    """One blend shape group."""

    name: str = ""
    preset_name: str = "unknown"
    binds: list[Bind0] = []
    is_binary: bool = False


class Master0(msgspec.Struct, rename="camel"):
    """``VRM.blendShapeMaster``."""

    blend_shape_groups: list[Group0] = []


class Vrm0(msgspec.Struct, rename="camel"):
    """``VRM``, as far as expressions go."""

    blend_shape_master: Master0 = msgspec.field(default_factory=Master0)


class Bind1(msgspec.Struct):
    """A target of one node."""

    node: int = -1
    index: int = -1
    weight: float = 1.0


class Expression1(msgspec.Struct, rename="camel"):
    """One expression; texture and colour binds are not read."""

    morph_target_binds: list[Bind1] = []
    is_binary: bool = False
    override_blink: str = "none"
    override_look_at: str = "none"
    override_mouth: str = "none"


class Expressions1(msgspec.Struct):
    """``VRMC_vrm.expressions``."""

    preset: dict[str, Expression1] = {}
    custom: dict[str, Expression1] = {}


class Vrm1(msgspec.Struct):
    """``VRMC_vrm``, as far as expressions go."""

    expressions: Expressions1 = msgspec.field(default_factory=Expressions1)


def vrm_expressions(
    document: Document, nodes: Sequence[Node], meshes: Sequence[Mesh], *, log: IssueLog
) -> dict[str, Expression]:
    """The file's expressions by name, under VRM 1.0's preset names; empty when the file is no VRM."""
    binder = _Binder(nodes, meshes, log)
    new = read(document.extensions, "VRMC_vrm", Vrm1, log=log, where="")
    if new is not None:
        sources = [(True, new.expressions.preset), (False, new.expressions.custom)]
        return {name: binder.new(name, source, preset) for preset, named in sources for name, source in named.items()}
    old = read(document.extensions, "VRM", Vrm0, log=log, where="")
    found: dict[str, Expression] = {}
    for group in old.blend_shape_master.blend_shape_groups if old else ():
        expression = binder.old(group)
        if expression.name:
            found.setdefault(expression.name, expression)
    return found


class _Binder:
    def __init__(self, nodes: Sequence[Node], meshes: Sequence[Mesh], log: IssueLog) -> None:
        self._nodes = nodes
        self._meshes = meshes
        self._log = log

    def old(self, group: Group0) -> Expression:
        preset = PRESETS_0.get(group.preset_name.lower(), "")
        binds = []
        for bind in group.binds:
            holders = [i for i, node in enumerate(self._nodes) if node.mesh == bind.mesh >= 0]
            if not holders:
                self._complain(group.name)
            binds += [self._bind(i, bind.index, bind.weight / 100.0, group.name) for i in holders]
        return Expression(
            name=preset or group.name,
            binds=tuple(bind for bind in binds if bind is not None),
            preset=bool(preset),
            binary=group.is_binary,
        )

    def new(self, name: str, source: Expression1, preset: bool) -> Expression:
        binds = (self._bind(bind.node, bind.index, bind.weight, name) for bind in source.morph_target_binds)
        return Expression(
            name=name,
            binds=tuple(bind for bind in binds if bind is not None),
            preset=preset,
            binary=source.is_binary,
            override_blink=_override(source.override_blink),
            override_look_at=_override(source.override_look_at),
            override_mouth=_override(source.override_mouth),
        )

    def _bind(self, node: int, target: int, weight: float, name: str) -> MorphBind | None:
        if 0 <= node < len(self._nodes) and self._nodes[node].mesh >= 0:
            mesh = self._meshes[self._nodes[node].mesh]
            if 0 <= target < len(mesh.weights) and abs(weight) < 1e6:
                return MorphBind(node=node, target=target, weight=weight)
        self._complain(name)
        return None

    def _complain(self, name: str) -> None:
        self._log.add("vrm.bind", f"expression {name!r} drives a morph target that does not exist", where="/extensions")


def _override(value: str) -> Override:
    return "block" if value == "block" else "blend" if value == "blend" else "none"

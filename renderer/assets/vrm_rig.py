"""Springs, constraints and look-at of a VRM file, both versions in one form."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

import msgspec
from msgspec import field

from renderer.assets.document import Document
from renderer.assets.extensions import read
from renderer.assets.issues import IssueLog
from renderer.scene.node import Node
from renderer.scene.rig import Collider, Constraint, LookAt, Range, Rig, Spring, SpringJoint, Vector

_MOST_JOINTS = 10_000
"""Swinging bones of one avatar; the groups of VRM 0.x may name the same bones again and again."""


class Point(msgspec.Struct):
    """A vector as VRM 0.x writes it."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


class Sphere0(msgspec.Struct):
    """A collider of VRM 0.x."""

    offset: Point = field(default_factory=Point)
    radius: float = 0.0


class ColliderGroup0(msgspec.Struct):
    """The colliders of one node."""

    node: int = -1
    colliders: list[Sphere0] = []


class BoneGroup0(msgspec.Struct, rename="camel"):
    """Springs with the same numbers, each from a root bone on; the misspelling is the format's."""

    comment: str = ""
    stiffness: float = field(default=1.0, name="stiffiness")
    gravity_power: float = 0.0
    gravity_dir: Point = field(default_factory=lambda: Point(y=-1.0))
    drag_force: float = 0.5
    center: int = -1
    hit_radius: float = 0.0
    bones: list[int] = []
    collider_groups: list[int] = []


class Secondary0(msgspec.Struct, rename="camel"):
    """``VRM.secondaryAnimation``."""

    bone_groups: list[BoneGroup0] = []
    collider_groups: list[ColliderGroup0] = []


class Degrees0(msgspec.Struct, rename="camel"):
    """A range of VRM 0.x; input in degrees, output in degrees or 0..1."""

    x_range: float = 90.0
    y_range: float = 10.0


class FirstPerson0(msgspec.Struct, rename="camel"):
    """``VRM.firstPerson``."""

    first_person_bone_offset: Point = field(default_factory=Point)
    look_at_type_name: str = "Bone"
    look_at_horizontal_inner: Degrees0 = field(default_factory=Degrees0)
    look_at_horizontal_outer: Degrees0 = field(default_factory=Degrees0)
    look_at_vertical_down: Degrees0 = field(default_factory=Degrees0)
    look_at_vertical_up: Degrees0 = field(default_factory=Degrees0)


class Vrm0(msgspec.Struct, rename="camel"):
    """``VRM``, as far as the rig goes."""

    secondary_animation: Secondary0 = field(default_factory=Secondary0)
    first_person: FirstPerson0 | None = None


class Sphere1(msgspec.Struct):
    """A sphere, or with ``tail`` a capsule."""

    offset: Vector = (0.0, 0.0, 0.0)
    radius: float = 0.0
    tail: Vector | None = None


class Shape1(msgspec.Struct):
    """One of the two."""

    sphere: Sphere1 | None = None
    capsule: Sphere1 | None = None


class Collider1(msgspec.Struct):
    """A collider of VRM 1.0."""

    node: int = -1
    shape: Shape1 = field(default_factory=Shape1)


class ColliderGroup1(msgspec.Struct):
    """Indices of colliders."""

    colliders: list[int] = []


class Joint1(msgspec.Struct, rename="camel"):
    """A joint of VRM 1.0."""

    node: int = -1
    hit_radius: float = 0.0
    stiffness: float = 1.0
    gravity_power: float = 0.0
    gravity_dir: Vector = (0.0, -1.0, 0.0)
    drag_force: float = 0.5


class Spring1(msgspec.Struct, rename="camel"):
    """A chain; the last joint only marks the end."""

    name: str = ""
    joints: list[Joint1] = []
    collider_groups: list[int] = []
    center: int = -1


class Springs1(msgspec.Struct, rename="camel"):
    """``VRMC_springBone``."""

    colliders: list[Collider1] = []
    collider_groups: list[ColliderGroup1] = []
    springs: list[Spring1] = []


class Source1(msgspec.Struct, rename="camel"):
    """What a constraint follows."""

    source: int = -1
    roll_axis: str = ""
    aim_axis: str = ""
    weight: float = 1.0


class Kinds1(msgspec.Struct):
    """One of the three kinds of constraint."""

    roll: Source1 | None = None
    aim: Source1 | None = None
    rotation: Source1 | None = None


class Constraint1(msgspec.Struct):
    """``VRMC_node_constraint`` on a node."""

    constraint: Kinds1 = field(default_factory=Kinds1)


class Range1(msgspec.Struct, rename="camel"):
    """A range of VRM 1.0, as ``Degrees0``."""

    input_max_value: float = 90.0
    output_scale: float = 10.0


class LookAt1(msgspec.Struct, rename="camel"):
    """``VRMC_vrm.lookAt``."""

    offset_from_head_bone: Vector = (0.0, 0.06, 0.0)
    type: str = "bone"
    range_map_horizontal_inner: Range1 = field(default_factory=Range1)
    range_map_horizontal_outer: Range1 = field(default_factory=Range1)
    range_map_vertical_down: Range1 = field(default_factory=Range1)
    range_map_vertical_up: Range1 = field(default_factory=Range1)


class Vrm1(msgspec.Struct, rename="camel"):
    """``VRMC_vrm``, as far as the rig goes."""

    look_at: LookAt1 | None = None


def vrm_rig(document: Document, nodes: Sequence[Node], *, log: IssueLog) -> Rig:
    """Springs, constraints and look-at; what refers to nodes that do not exist is left out with a warning."""
    reader = _Reader(document, nodes, log)
    old = None
    if "VRMC_vrm" not in document.extensions:
        old = read(document.extensions, "VRM", Vrm0, log=log, where="")
    colliders: tuple[Collider, ...]
    if old is not None:
        colliders, springs = reader.springs_0(old.secondary_animation)
        return Rig(springs=springs, colliders=colliders, look_at=_look_at_0(old.first_person))
    colliders, springs = reader.springs_1()
    new = read(document.extensions, "VRMC_vrm", Vrm1, log=log, where="")
    return Rig(
        springs=springs,
        colliders=colliders,
        constraints=tuple(reader.constraints()),
        look_at=_look_at_1(new.look_at) if new else None,
    )


class _Reader:
    def __init__(self, document: Document, nodes: Sequence[Node], log: IssueLog) -> None:
        self._document = document
        self._nodes = nodes
        self._log = log

    def _exists(self, index: int, what: str) -> bool:
        if 0 <= index < len(self._nodes):
            return True
        self._log.add("vrm.bind", f"a {what} refers to node {index}", where="/extensions")
        return False

    def springs_0(self, source: Secondary0) -> tuple[tuple[Collider, ...], tuple[Spring, ...]]:
        colliders: list[Collider] = []
        groups: list[tuple[int, ...]] = []
        for holder in source.collider_groups:
            begin = len(colliders)
            if holder.colliders and self._exists(holder.node, "collider"):
                # VRM 0.x keeps the offsets' z in Unity's left-handed frame.
                colliders += [
                    Collider(node=holder.node, offset=(s.offset.x, s.offset.y, -s.offset.z), radius=max(s.radius, 0.0))
                    for s in holder.colliders
                ]
            groups.append(tuple(range(begin, len(colliders))))
        springs = []
        swinging = 0
        for group in source.bone_groups:
            pull, power = group.gravity_dir, group.gravity_power
            joints = tuple(
                SpringJoint(
                    node=index,
                    tail=self._nodes[index].children[0] if self._nodes[index].children else -1,
                    stiffness=group.stiffness,
                    drag=min(max(group.drag_force, 0.0), 1.0),
                    gravity=(pull.x * power, pull.y * power, pull.z * power),
                    radius=group.hit_radius,
                )
                for index in islice(self._below(group.bones), max(0, _MOST_JOINTS - swinging))
            )
            swinging += len(joints)
            hit = [i for g in group.collider_groups if 0 <= g < len(groups) for i in groups[g]]
            center = group.center if 0 <= group.center < len(self._nodes) else -1
            if joints:
                springs.append(Spring(name=group.comment, joints=joints, colliders=tuple(hit), center=center))
        return tuple(colliders), tuple(springs)

    def _below(self, roots: list[int]) -> Iterator[int]:
        """The roots that exist and all below them, each once, parents first."""
        seen: set[int] = set()
        stack = [root for root in reversed(roots) if self._exists(root, "spring")]
        while stack:
            index = stack.pop()
            if index not in seen:
                seen.add(index)
                yield index
                stack.extend(reversed(self._nodes[index].children))

    def springs_1(self) -> tuple[tuple[Collider, ...], tuple[Spring, ...]]:
        source = read(self._document.extensions, "VRMC_springBone", Springs1, log=self._log, where="")
        if source is None:
            return (), ()
        colliders: list[Collider] = []
        place: dict[int, int] = {}
        for i, found in enumerate(source.colliders):
            shape = found.shape.capsule or found.shape.sphere
            if shape is not None and self._exists(found.node, "collider"):
                place[i] = len(colliders)
                tail = shape.tail if found.shape.capsule else None
                colliders.append(
                    Collider(node=found.node, offset=shape.offset, radius=max(shape.radius, 0.0), tail=tail)
                )
        groups = [tuple(place[i] for i in group.colliders if i in place) for group in source.collider_groups]
        springs = []
        for spring in source.springs:
            chain = [joint for joint in spring.joints if self._exists(joint.node, "spring")]
            joints = tuple(
                SpringJoint(
                    node=joint.node,
                    tail=following.node,
                    stiffness=joint.stiffness,
                    drag=min(max(joint.drag_force, 0.0), 1.0),
                    gravity=_scaled(joint.gravity_dir, joint.gravity_power),
                    radius=joint.hit_radius,
                )
                for joint, following in pairwise(chain)
            )
            hit = [i for g in spring.collider_groups if 0 <= g < len(groups) for i in groups[g]]
            center = spring.center if 0 <= spring.center < len(self._nodes) else -1
            if joints:
                springs.append(Spring(name=spring.name, joints=joints, colliders=tuple(hit), center=center))
        return tuple(colliders), tuple(springs)

    def constraints(self) -> Iterator[Constraint]:
        for index, node in enumerate(self._document.nodes):
            where = f"/nodes/{index}"
            found = read(node.extensions, "VRMC_node_constraint", Constraint1, log=self._log, where=where)
            kinds = found.constraint if found else Kinds1()
            weighted = (("roll", kinds.roll), ("aim", kinds.aim), ("rotation", kinds.rotation))
            for kind, source in weighted:
                if source is None or not self._exists(source.source, "constraint"):
                    continue
                weight = min(max(source.weight, 0.0), 1.0)
                if kind == "roll":
                    yield Constraint(
                        kind="roll", node=index, source=source.source, axis=source.roll_axis or "X", weight=weight
                    )
                elif kind == "aim":
                    axis = source.aim_axis or "PositiveX"
                    yield Constraint(kind="aim", node=index, source=source.source, axis=axis, weight=weight)
                else:
                    yield Constraint(kind="rotation", node=index, source=source.source, weight=weight)


def _scaled(direction: Vector, power: float) -> Vector:
    return direction[0] * power, direction[1] * power, direction[2] * power


def _look_at_0(source: FirstPerson0 | None) -> LookAt | None:
    if source is None:
        return None
    bone = source.look_at_type_name != "BlendShape"
    offset = source.first_person_bone_offset

    def limited(degrees: Degrees0) -> Range:
        return _range(degrees.x_range, degrees.y_range, bone)

    return LookAt(
        kind="bone" if bone else "expression",
        offset=(offset.x, offset.y, -offset.z),
        inner=limited(source.look_at_horizontal_inner),
        outer=limited(source.look_at_horizontal_outer),
        down=limited(source.look_at_vertical_down),
        up=limited(source.look_at_vertical_up),
    )


def _look_at_1(source: LookAt1 | None) -> LookAt | None:
    if source is None:
        return None
    bone = source.type != "expression"

    def limited(degrees: Range1) -> Range:
        return _range(degrees.input_max_value, degrees.output_scale, bone)

    return LookAt(
        kind="bone" if bone else "expression",
        offset=source.offset_from_head_bone,
        inner=limited(source.range_map_horizontal_inner),
        outer=limited(source.range_map_horizontal_outer),
        down=limited(source.range_map_vertical_down),
        up=limited(source.range_map_vertical_up),
    )


def _range(limit: float, scale: float, bone: bool) -> Range:
    """Degrees to radians; the output of expressions is a weight and has no unit."""
    return Range(limit=math.radians(limit), scale=math.radians(scale) if bone else scale)

"""What moves a VRM avatar beyond its clips: springs, constraints and where the eyes look. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Vector = tuple[float, float, float]


@dataclass(slots=True, kw_only=True, frozen=True)
class Collider:
    """A sphere, or with ``tail`` a capsule, fixed to a node; offsets in the node's frame, metres."""

    node: int
    offset: Vector = (0.0, 0.0, 0.0)
    radius: float = 0.0
    tail: Vector | None = None


@dataclass(slots=True, kw_only=True, frozen=True)
class SpringJoint:
    """One swinging bone: it points from ``node`` to ``tail`` (-1: on along its own line, 7 cm).

    Attributes:
        stiffness: how strongly it goes back to its rest direction.
        drag: 0..1, how quickly it stops swinging.
        gravity: acceleration, world frame.
        radius: thickness for collisions, metres.
    """

    node: int
    tail: int = -1
    stiffness: float = 1.0
    drag: float = 0.5
    gravity: Vector = (0.0, 0.0, 0.0)
    radius: float = 0.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Spring:
    """A chain or tree of swinging bones; parents come before children.

    ``center`` is the node in whose frame inertia is measured, -1 for the world; ``colliders`` index ``Rig.colliders``.
    """

    name: str
    joints: tuple[SpringJoint, ...]
    colliders: tuple[int, ...] = ()
    center: int = -1


@dataclass(slots=True, kw_only=True, frozen=True)
class Constraint:
    """VRMC_node_constraint: ``node`` follows ``source`` by ``weight`` 0..1.

    ``axis`` is X, Y or Z for a roll, with a sign (``"PositiveX"``) for an aim, empty for a rotation.
    """

    kind: Literal["roll", "aim", "rotation"]
    node: int
    source: int
    axis: str = ""
    weight: float = 1.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Range:
    """Angles up to ``limit`` (radians) become outputs up to ``scale``: radians for bones, a weight for expressions."""

    limit: float
    scale: float


@dataclass(slots=True, kw_only=True, frozen=True)
class LookAt:
    """How the eyes follow a point; ``offset`` is from the head bone to between the eyes, metres."""

    kind: Literal["bone", "expression"]
    offset: Vector
    inner: Range
    outer: Range
    down: Range
    up: Range


@dataclass(slots=True, kw_only=True, frozen=True)
class Rig:
    """All of it; empty for a file that is no VRM."""

    springs: tuple[Spring, ...] = ()
    colliders: tuple[Collider, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    look_at: LookAt | None = None

"""Named faces that a file defines as sets of morph target weights (VRM)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Override = Literal["none", "block", "blend"]


@dataclass(slots=True, kw_only=True, frozen=True)
class MorphBind:
    """One morph target of the mesh at ``node``, driven with ``weight`` times the expression's own value."""

    node: int
    target: int
    weight: float = 1.0


@dataclass(slots=True, kw_only=True, frozen=True)
class Expression:
    """A named face.

    Attributes:
        name: VRM 1.0 preset name (``"happy"``, ``"aa"``, ``"blinkLeft"``) or the author's own.
        preset: whether the name is one of VRM's.
        binary: values above 0.5 count as 1, others as 0.
        override_blink, override_look_at, override_mouth: what this expression does to those while it is on.
    """

    name: str
    binds: tuple[MorphBind, ...]
    preset: bool = False
    binary: bool = False
    override_blink: Override = "none"
    override_look_at: Override = "none"
    override_mouth: Override = "none"

"""What VRM 1.0 expressions do to each other: all or nothing ones, and those that hold back blinks, gaze or mouth."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from renderer.scene.expression import Expression, Override

Floats = NDArray[np.float32]

_PARTS = ("blink", "look_at", "mouth")
_PART_OF = MappingProxyType(
    {
        **dict.fromkeys(("blink", "blinkLeft", "blinkRight"), "blink"),
        **dict.fromkeys(("lookUp", "lookDown", "lookLeft", "lookRight"), "look_at"),
        **dict.fromkeys(("aa", "ih", "ou", "ee", "oh"), "mouth"),
    }
)


class ExpressionRules:
    """The rules of a fixed list of expressions; None in it stands for a plain morph target, which has none.

    VRMC_vrm-1.0, "expressions": a binary expression is on above 0.5. One that overrides a part of the face takes it
    away, wholly as soon as it is on (``block``) or as far as it is on (``blend``); a binary expression of that part is
    then off.
    """

    def __init__(self, expressions: Sequence[Expression | None]) -> None:
        count = len(expressions)
        self._binary = np.array([e is not None and e.binary for e in expressions], bool)
        self._parts: list[tuple[Floats, Floats, NDArray[np.bool_]]] = []
        for part in _PARTS:
            members = np.array([e is not None and e.preset and _PART_OF.get(e.name) == part for e in expressions], bool)
            block, blend = np.zeros(count, np.float32), np.zeros(count, np.float32)
            for i, expression in enumerate(expressions):
                how = _override(expression, part)
                block[i], blend[i] = how == "block", how == "blend"
            if members.any() and (block.any() or blend.any()):
                self._parts.append((block, blend, members))

    def __bool__(self) -> bool:
        return bool(self._parts) or bool(self._binary.any())

    def applied(self, values: Floats) -> Floats:
        """The values 0..1 that are left of ``values`` 0..1."""
        on = np.where(self._binary, (values > 0.5).astype(np.float32), values)
        left = np.ones_like(on)
        for block, blend, members in self._parts:
            taken = np.where(block > 0.0, (on > 0.0).astype(np.float32), on * blend)
            left = np.where(members, left * np.prod(1.0 - taken), left)
        left = np.where(self._binary & (left < 1.0), np.float32(0.0), left)
        return (on * left).astype(np.float32, copy=False)


def _override(expression: Expression | None, part: str) -> Override:
    if expression is None:
        return "none"
    if part == "blink":
        return expression.override_blink
    return expression.override_look_at if part == "look_at" else expression.override_mouth

"""What is on the screen in every phase: one table, and the one function that reads it.

docs/screen.md shows the same table, made by ``python -m device_agent.display.scene``.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from device_agent.lifecycle.machine import Phase


class Scene(enum.StrEnum):
    """Everything that the screen can show: the avatar, the operator's own picture, or one of our cards."""

    AVATAR = "avatar"
    OPERATORS = "operator's picture"
    SETUP = "setup"
    DAMAGED = "setup-damaged"
    CLONE = "other-hardware"
    SEAT_FULL = "seat-full"
    LICENSE_ENDED = "licence-ended"
    LICENSE_REFUSED = "licence-refused"
    LOADING = "loading"
    UNUSABLE = "avatar-unusable"
    LOCKED = "offline"
    LEAVING = "being-removed"
    REMOVED = "removed"
    ABANDONED = "removed-by-force"
    FAULT = "fault"


CARDS = tuple(scene for scene in Scene if scene not in (Scene.AVATAR, Scene.OPERATORS))
"""What we draw ourselves."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the table looks at.

    Attributes:
        may_show: the device may show its avatar: it held its seat, and its budget is not used up.
        spent: its budget is used up.
        has_avatar: there is a package that may be shown and that nothing speaks against.
        unusable: packages are here, and none of them can be shown.
        has_picture: the operator has named a picture of their own (``fallback_picture``), and it can be read.
        blocked: why the licence is refused.
        damaged: it is blank because what was on the disk is damaged.
        by_force: it was removed by force: nobody has said that its seat is free.
    """

    phase: Phase
    may_show: bool = False
    spent: bool = False
    has_avatar: bool = False
    unusable: bool = False
    has_picture: bool = False
    blocked: str = ""
    damaged: bool = False
    by_force: bool = False


class When(enum.Enum):
    """A condition of the table, in the words that the page has for it."""

    ALWAYS = ""
    SHOWABLE = "while it may be shown and is here"
    UNUSABLE = "if none that is here can be shown"
    PICTURE = "if there is one"
    SPENT_PICTURE = "when the offline budget is used up and there is one"
    SPENT = "when the offline budget is used up"
    ENDED = "if the order has ended or is gone"
    DAMAGED = "if what was on the disk is damaged"
    BY_FORCE = "if nobody has said that its seat is free"


_HOLDS: Mapping[When, Callable[[Facts], bool]] = MappingProxyType(
    {
        When.ALWAYS: lambda facts: True,
        When.SHOWABLE: lambda facts: facts.may_show and facts.has_avatar,
        When.UNUSABLE: lambda facts: facts.may_show and facts.unusable,
        When.PICTURE: lambda facts: facts.has_picture,
        When.SPENT_PICTURE: lambda facts: facts.spent and facts.has_picture,
        When.SPENT: lambda facts: facts.spent,
        When.ENDED: lambda facts: facts.blocked in ("expired", "gone"),
        When.DAMAGED: lambda facts: facts.damaged,
        When.BY_FORCE: lambda facts: facts.by_force,
    }
)

Choices = tuple[tuple[Scene, When], ...]

_P, _S, _W = Phase, Scene, When
_CACHED: Choices = ((_S.AVATAR, _W.SHOWABLE), (_S.UNUSABLE, _W.UNUSABLE))
_SPENT: Choices = ((_S.OPERATORS, _W.SPENT_PICTURE), (_S.LOCKED, _W.SPENT))

SCREEN: Mapping[Phase, Choices] = MappingProxyType(
    {
        _P.BLANK: ((_S.DAMAGED, _W.DAMAGED), (_S.SETUP, _W.ALWAYS)),
        _P.CLONE_SUSPECT: ((_S.CLONE, _W.ALWAYS),),
        _P.IDENTIFIED: ((_S.SETUP, _W.ALWAYS),),
        _P.BINDING: (*_CACHED, *_SPENT, (_S.SETUP, _W.ALWAYS)),
        _P.SEAT_FULL: ((_S.SEAT_FULL, _W.ALWAYS),),
        _P.LICENSE_BLOCKED: (*_CACHED, (_S.LICENSE_ENDED, _W.ENDED), (_S.LICENSE_REFUSED, _W.ALWAYS)),
        _P.BOUND: (*_CACHED, *_SPENT, (_S.LOADING, _W.ALWAYS)),
        _P.READY: (*_CACHED, *_SPENT, (_S.LOADING, _W.ALWAYS)),
        _P.LOCKED: ((_S.OPERATORS, _W.PICTURE), (_S.LOCKED, _W.ALWAYS)),
        _P.UNBINDING: ((_S.LEAVING, _W.ALWAYS),),
        _P.SEALING: ((_S.LEAVING, _W.ALWAYS),),
        _P.ERASING: ((_S.LEAVING, _W.ALWAYS),),
        _P.DECOMMISSIONED: ((_S.ABANDONED, _W.BY_FORCE), (_S.REMOVED, _W.ALWAYS)),
        _P.FAULT: ((_S.AVATAR, _W.SHOWABLE), *_SPENT, (_S.FAULT, _W.ALWAYS)),
    }
)
"""Phase -> what it shows: the first whose condition holds; the last always does."""


def scene_of(facts: Facts) -> Scene:
    """What is on the screen."""
    return next(scene for scene, when in SCREEN[facts.phase] if _HOLDS[when](facts))


def table() -> str:
    """The table in Markdown, for docs/screen.md."""
    lines = ["| phase | on the screen |", "|---|---|"]
    for phase, choices in SCREEN.items():
        shown = [f"{_named(scene)} {when.value}".strip() for scene, when in choices]
        lines.append(f"| {phase} | {'; else '.join(shown)} |")
    return "\n".join(lines)


def _named(scene: Scene) -> str:
    return f"the card *{scene}*" if scene in CARDS else f"the {scene}"


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")

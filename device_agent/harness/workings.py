"""How fast the platform's slow things go, and how much of them there is: all of it can be set."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec


class Pace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long one stage lasts: so many reads, so many seconds of the stand-in's time, or no time at all (neither).

    Attributes:
        reads: the stage is seen by this many queries; the next one finds the stage after it.
    """

    reads: Annotated[int, msgspec.Meta(ge=0)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Stage(NamedTuple):
    """How long a thing has been where it is."""

    since: float
    reads: int


def next_stage(pace: Pace, stage: Stage, *, now: float) -> Stage | None:
    """The stage after this one, begun when this one ended; None while this one lasts."""
    if pace.reads is not None:
        return Stage(now, 0) if stage.reads >= pace.reads else None
    if pace.seconds is not None:
        over = stage.since + pace.seconds
        return Stage(over, 0) if now >= over else None
    return Stage(now, 0)


class Workings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes:
    video: pace of a video task's stages (waiting, running).
    avatar: pace of a 2D avatar's stages (checked, reviewed, trained).
    switch: pace of switching an instance on or off.
    speech: characters that an avatar says in a second.
    sessions: sessions that may run at once in one application.
    confirm_training: the account asked to confirm a reviewed avatar's training.
    """

    video: Pace = Pace(reads=1)
    avatar: Pace = Pace(reads=1)
    switch: Pace = Pace(reads=1)
    speech: Annotated[float, msgspec.Meta(gt=0)] = 5.0
    sessions: Annotated[int, msgspec.Meta(ge=0)] = 1000
    confirm_training: bool = False

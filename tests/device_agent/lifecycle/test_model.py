"""Every state that a device and the platform can get into together, from the program's own table.

Two seats, one of them somebody else's. From every state: the program crashes, the disk is lost, a request is lost, its
answer is lost, a request that timed out is served late, the window of signatures ends, the operator orders an unbind,
headquarters gives the seat back, a removed device is provisioned again. A design with a known fault must be caught: a
search that finds nothing must be shown able to find.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from device_agent.config import Settings
from device_agent.errors import StateError
from device_agent.lifecycle import window
from device_agent.lifecycle.machine import NEXT, Act, Event, Phase, after

DERIVED = 0
OTHERS = 1
"""Seats that somebody else holds, of two."""


@dataclass(frozen=True)
class World:
    """One state. ``request`` is what the program waits for; ``late`` are ClientAuth requests still under way."""

    phase: Phase = Phase.BLANK
    device: int | None = None
    secrets: bool = False
    unsure: bool = False
    request: str = ""
    seats: frozenset[int] = frozenset()
    late: frozenset[int] = frozenset()
    minted: int = 0
    nameless: frozenset[int] = frozenset()
    erased_first: bool = False
    losses: int = 0
    orders: int = 0
    provisions: int = 0

    def moved(self, event: Event, **changes: object) -> World:
        return replace(self, phase=after(self.phase, event), **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Design:
    """What the program does where designs differ; the defaults are the program's own functions."""

    limit: int = 4
    random_id: bool = False
    erase_first: bool = False
    unbound: Callable[[bool], Event] = field(
        default=lambda unsure: window.unbound(now=1.0, unsure_until=2.0 if unsure else 0.0)
    )
    unsure_with_intent: bool = True
    unsure_when_blank: bool = field(default_factory=lambda: blank_disk_is_unsure())


def blank_disk_is_unsure() -> bool:
    """What the program decides for a platform elsewhere and an id that comes from the board."""
    settings = Settings(endpoint="https://platform.example", state_dir=Path(), cache_dir=Path())
    return window.of_a_blank_disk(now=5.0, settings=settings, id_source="board") > 5.0


def take(world: World, device: int) -> tuple[frozenset[int], bool]:
    """The platform serves a ClientAuth: the seats afterwards, and whether it said yes."""
    if device in world.seats:
        return world.seats, True
    if len(world.seats) + OTHERS >= 2:
        return world.seats, False
    return world.seats | {device}, True


def good(world: World, design: Design) -> Iterator[World]:
    """What happens when nothing goes wrong."""
    act = NEXT[world.phase]
    device = world.device
    if act is Act.PROVISION:
        made = world.minted + 1 if design.random_id else DERIVED
        yield world.moved(
            Event.IDENTITY_MADE,
            device=made,
            minted=made,
            unsure=design.unsure_when_blank,
        )
    elif act is Act.BIND and device is not None:
        if not world.request:
            yield world.moved(Event.BIND_INTENDED, request="bind", secrets=True)
        else:
            seats, yes = take(world, device)
            event = Event.BIND_OK if yes else Event.SEATS_FULL
            yield world.moved(event, request="", seats=seats)
    elif act in (Act.FETCH, Act.SERVE) and device not in world.seats:
        yield world.moved(Event.BIND_INTENDED, request="bind")
    elif act is Act.FETCH:
        yield world.moved(Event.CONTENT_VERIFIED)
    elif act is Act.UNBIND and device is not None:
        if design.erase_first and not world.erased_first:
            yield replace(world, secrets=False, unsure=False, erased_first=True)
        elif not world.request:
            yield replace(world, request="unbind")
        else:
            yield world.moved(design.unbound(world.unsure), request="", seats=world.seats - {device})
    elif act is Act.SEAL and not world.unsure:
        yield world.moved(Event.WINDOW_OVER)
    elif act is Act.ERASE:
        yield world.moved(Event.ERASED, secrets=False, device=None, unsure=False, erased_first=False)
    # The end of the window: what is late is refused from now on, and nobody need wait any more.
    if world.late or world.unsure:
        yield replace(world, late=frozenset(), unsure=world.request == "bind")


def bad(world: World, design: Design) -> Iterator[World]:
    """Everything else."""
    device = world.device
    late = world.late | {device} if world.request == "bind" and device is not None else world.late
    # A crash forgets what is in memory; what was written with the intent stays: the request may be under way.
    if world.request:
        unsure = world.unsure or (world.request == "bind" and design.unsure_with_intent)
        yield replace(world, request="", unsure=unsure)
        yield replace(world, request="", unsure=unsure, late=late)
        seats = take(world, device)[0] if world.request == "bind" and device is not None else world.seats
        if world.request == "unbind" and device is not None:
            seats = world.seats - {device}
        yield replace(world, request="", unsure=unsure, seats=seats)
    for asked in world.late:
        yield replace(world, seats=take(world, asked)[0], late=world.late - {asked})
    if world.losses < design.limit:
        gone = world.nameless | {device} if design.random_id and device is not None else world.nameless
        lost = replace(
            world,
            phase=Phase.BLANK, device=None, secrets=False, unsure=False, request="", nameless=gone, erased_first=False,
            losses=world.losses + 1,
        )  # fmt: skip
        yield lost
        yield replace(lost, late=late)
    if world.phase is Phase.DECOMMISSIONED and world.provisions < design.limit:
        yield world.moved(Event.REPROVISIONED, provisions=world.provisions + 1)
    if world.orders < design.limit and not world.request and device in world.seats:
        yield replace(world, seats=world.seats - {device}, orders=world.orders + 1)  # headquarters gave it back
    if world.orders < design.limit and not world.request:
        try:
            yield world.moved(Event.UNBIND_ORDERED, orders=world.orders + 1)
        except StateError:
            return  # the table says when an order can be given


def broken(world: World) -> set[str]:
    """The rules that this state breaks."""
    found = set()
    if len(world.seats) > 1:
        found.add("V1")
    if world.seats & world.nameless:
        found.add("V2")
    if world.phase is Phase.DECOMMISSIONED and world.seats:
        found.add("V4")
    if world.phase is Phase.DECOMMISSIONED and world.secrets:
        found.add("V5")
    return found


def search(design: Design) -> tuple[int, set[str], set[World]]:
    """Number of states, the rules broken in any of them, and the states from which nothing good follows."""
    start = World()
    onward: dict[World, list[World]] = {}
    rules: set[str] = set()
    todo = deque([start])
    while todo:
        world = todo.popleft()
        if world in onward:
            continue
        rules |= broken(world)
        helped = [after_it for after_it in good(world, design) if after_it != world]
        onward[world] = helped
        todo.extend(helped)
        todo.extend(bad(world, design))
    backward: dict[World, list[World]] = {}
    for world, nexts in onward.items():
        for after_it in nexts:
            backward.setdefault(after_it, []).append(world)
    ends = [
        world
        for world in onward
        if world.phase is Phase.DECOMMISSIONED or (world.phase is Phase.READY and world.device in world.seats)
    ]
    fine, back = set(ends), deque(ends)
    while back:
        for before in backward.get(back.popleft(), ()):
            if before not in fine:
                fine.add(before)
                back.append(before)
    return len(onward), rules, set(onward) - fine


def test_the_program_s_table_breaks_no_rule_and_is_never_stuck() -> None:
    states, rules, stuck = search(Design())
    assert (rules, stuck) == (set(), set())
    assert 1000 < states < 20_000, "large enough to mean something, small enough to run with every change"


@pytest.mark.parametrize(
    ("design", "rules"),
    [
        (Design(limit=2, random_id=True), {"V2"}),
        (Design(limit=2, erase_first=True), {"V4"}),
        (Design(limit=2, unbound=lambda _unsure: Event.UNBIND_OK), {"V4"}),
        (Design(limit=2, unsure_when_blank=False), {"V4"}),
        (Design(limit=2, unsure_with_intent=False), {"V4"}),
    ],
    ids=["random id", "erase first", "no second unbind", "blank disk assumed clean", "crash forgets the request"],
)
def test_known_faults_are_found(design: Design, rules: set[str]) -> None:
    _, found, _ = search(design)
    assert rules <= found

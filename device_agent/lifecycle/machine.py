"""The phases of a device's life, the one table of how they follow each other, and what to do next in each.

Only an order or an answer to our own call moves a device; an error code that nobody knows moves nothing. The table is
checked as a whole by an exhaustive search (tests/device_agent/lifecycle/test_model.py), and docs/lifecycle.md is
drawn from it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

from device_agent.errors import StateError


class Phase(enum.StrEnum):
    """Where a device is in its life; durable, except FAULT."""

    BLANK = "blank"  # nothing is known, nothing was sent
    CLONE_SUSPECT = "clone-suspect"  # the disk came from other hardware
    IDENTIFIED = "identified"  # the id is durable, nothing was sent
    BINDING = "binding"  # ClientAuth may have been sent
    SEAT_FULL = "seat-full"
    LICENSE_BLOCKED = "license-blocked"
    BOUND = "bound"  # ClientAuth succeeded and is recorded
    READY = "ready"  # and a verified avatar is there
    LOCKED = "locked"  # the offline budget is used up
    UNBINDING = "unbinding"  # the order is durable, the seat may still be held
    SEALING = "sealing"  # a late ClientAuth may still arrive: unbind once more after its window
    ERASING = "erasing"  # the seat is given back, secrets are going
    DECOMMISSIONED = "decommissioned"  # only a tombstone is left
    FAULT = "fault"  # storage cannot be used; never on disk


class Event(enum.StrEnum):
    """What moves a device from phase to phase."""

    IDENTITY_MADE = "identity-made"
    HARDWARE_CHANGED = "hardware-changed"
    HARDWARE_ACCEPTED = "hardware-accepted"
    BIND_INTENDED = "bind-intended"
    BIND_OK = "bind-ok"
    SEATS_FULL = "seats-full"
    LICENSE_REFUSED = "license-refused"
    CONTENT_VERIFIED = "content-verified"
    BUDGET_SPENT = "budget-spent"
    LICENSED_CALL_OK = "licensed-call-ok"
    UNBIND_ORDERED = "unbind-ordered"
    UNBIND_OK = "unbind-ok"
    SEAT_ABANDONED = "seat-abandoned"
    UNBIND_OK_BUT_UNSURE = "unbind-ok-but-unsure"
    WINDOW_OVER = "window-over"
    ERASED = "erased"
    REPROVISIONED = "reprovisioned"
    STORAGE_LOST = "storage-lost"
    STORAGE_HEALED = "storage-healed"


class Act(enum.StrEnum):
    """What a device does next, left to itself."""

    PROVISION = "provision"  # make an identity, when there are settings to make it from
    BIND = "bind"
    FETCH = "fetch"
    SERVE = "serve"  # show the avatar, and ask the platform now and then
    UNBIND = "unbind"
    SEAL = "seal"  # wait for the end of the window, then unbind once more
    ERASE = "erase"
    ASK_OPERATOR = "ask-operator"
    REST = "rest"
    AWAIT_STORAGE = "await-storage"


_P, _E = Phase, Event

_HAS_IDENTITY = tuple(
    phase for phase in Phase if phase not in (_P.BLANK, _P.CLONE_SUSPECT, _P.ERASING, _P.DECOMMISSIONED, _P.FAULT)
)

TRANSITIONS: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (_P.BLANK, _E.IDENTITY_MADE): _P.IDENTIFIED,
        (_P.IDENTIFIED, _E.IDENTITY_MADE): _P.IDENTIFIED,  # corrected settings, before anything was sent
        (_P.IDENTIFIED, _E.BIND_INTENDED): _P.BINDING,
        (_P.BINDING, _E.BIND_INTENDED): _P.BINDING,
        (_P.SEAT_FULL, _E.BIND_INTENDED): _P.BINDING,
        (_P.LICENSE_BLOCKED, _E.BIND_INTENDED): _P.BINDING,
        # Told that the seat is gone: headquarters gave it back and did not take this device out.
        (_P.BOUND, _E.BIND_INTENDED): _P.BINDING,
        (_P.READY, _E.BIND_INTENDED): _P.BINDING,
        (_P.LOCKED, _E.BIND_INTENDED): _P.BINDING,
        (_P.BINDING, _E.BIND_OK): _P.BOUND,
        (_P.BINDING, _E.SEATS_FULL): _P.SEAT_FULL,
        (_P.BINDING, _E.LICENSE_REFUSED): _P.LICENSE_BLOCKED,
        (_P.BOUND, _E.CONTENT_VERIFIED): _P.READY,
        (_P.READY, _E.CONTENT_VERIFIED): _P.READY,
        (_P.BOUND, _E.LICENSE_REFUSED): _P.LICENSE_BLOCKED,
        (_P.READY, _E.LICENSE_REFUSED): _P.LICENSE_BLOCKED,
        (_P.READY, _E.BUDGET_SPENT): _P.LOCKED,
        (_P.LOCKED, _E.CONTENT_VERIFIED): _P.LOCKED,  # a new avatar is no licensed call
        (_P.LOCKED, _E.LICENSED_CALL_OK): _P.READY,
        (_P.LOCKED, _E.LICENSE_REFUSED): _P.LICENSE_BLOCKED,
        # The order to unbind is taken from wherever a seat may be held for the id of this device.
        (_P.IDENTIFIED, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.BINDING, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.SEAT_FULL, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.LICENSE_BLOCKED, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.BOUND, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.READY, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.LOCKED, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.UNBINDING, _E.UNBIND_ORDERED): _P.UNBINDING,
        (_P.UNBINDING, _E.UNBIND_OK): _P.ERASING,
        (_P.UNBINDING, _E.UNBIND_OK_BUT_UNSURE): _P.SEALING,
        (_P.SEALING, _E.WINDOW_OVER): _P.UNBINDING,
        (_P.ERASING, _E.ERASED): _P.DECOMMISSIONED,
        (_P.DECOMMISSIONED, _E.REPROVISIONED): _P.BLANK,
        # By force: erased though the seat may still be held; a ticket names it to whoever runs the fleet.
        (_P.UNBINDING, _E.SEAT_ABANDONED): _P.ERASING,
        (_P.SEALING, _E.SEAT_ABANDONED): _P.ERASING,
        # The disk turned up in another machine. The old id is not unbound: its owner may be alive. A device that only
        # has to erase what it holds does so wherever it is.
        **{(phase, _E.HARDWARE_CHANGED): _P.CLONE_SUSPECT for phase in _HAS_IDENTITY},
        (_P.CLONE_SUSPECT, _E.HARDWARE_ACCEPTED): _P.BLANK,
        # A fault lives in memory only; when storage heals the disk is read again from the start.
        **{(phase, _E.STORAGE_LOST): _P.FAULT for phase in Phase if phase is not _P.FAULT},
        (_P.FAULT, _E.STORAGE_HEALED): _P.BLANK,
    }
)
"""(phase, event) -> next phase; a pair that is not here cannot happen."""

NEXT: Mapping[Phase, Act] = MappingProxyType(
    {
        _P.BLANK: Act.PROVISION,
        _P.CLONE_SUSPECT: Act.ASK_OPERATOR,
        _P.IDENTIFIED: Act.BIND,
        _P.BINDING: Act.BIND,
        _P.SEAT_FULL: Act.BIND,
        _P.LICENSE_BLOCKED: Act.BIND,
        _P.BOUND: Act.FETCH,
        _P.READY: Act.SERVE,
        _P.LOCKED: Act.SERVE,
        _P.UNBINDING: Act.UNBIND,
        _P.SEALING: Act.SEAL,
        _P.ERASING: Act.ERASE,
        _P.DECOMMISSIONED: Act.REST,
        _P.FAULT: Act.AWAIT_STORAGE,
    }
)
"""What a start in each phase goes on with."""

HOLDS_SEAT = frozenset({Phase.BOUND, Phase.READY, Phase.LOCKED})
"""Phases in which the platform has told us that the seat is ours."""

LEAVING = frozenset({Phase.UNBINDING, Phase.SEALING, Phase.ERASING})
"""Phases of a device on its way out; nothing but going on is allowed."""


def after(phase: Phase, event: Event) -> Phase:
    """The phase that follows.

    Raises:
        StateError: the event cannot happen in this phase.
    """
    try:
        return TRANSITIONS[phase, event]
    except KeyError:
        raise StateError(
            f"{event} cannot happen to a device that is {phase}",
            code="state.transition",
            hint="see the state with `avatar-agent status`",
        ) from None

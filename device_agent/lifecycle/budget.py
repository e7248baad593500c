"""How long a device may show its avatar without having heard from the platform: seconds added up, never wall time.

Turning the clock back buys nothing. Only a licensed call that succeeded fills the budget up again.
"""

from __future__ import annotations

from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Contact, Record

ALERTS = (0.5, 0.8, 0.95)
"""Parts of the budget at which the operator is told."""


def is_spent(offline_s: float, *, budget_s: float, online: bool = False) -> bool:
    """Whether nothing may be shown any more; a budget of 0 allows nothing that is not online."""
    return not online and offline_s >= budget_s


def uncounted(contact: Contact, *, boot: str, now: float, stretch_s: float) -> float:
    """Seconds since they were last counted that a process which starts now has to add.

    If the machine has not restarted since, that is known exactly. If power failed in between, nobody knows when: the
    whole stretch between two writes counts, or cutting power every few minutes would show the picture for ever.

    Args:
        now: seconds of the clock that starts with the machine.
        stretch_s: longest time between two writes.
    """
    if not contact.counting_boot:
        return 0.0
    if contact.counting_boot == boot and now >= contact.counted_at:
        return now - contact.counted_at
    return stretch_s


def alerts(before_s: float, after_s: float, *, budget_s: float) -> tuple[float, ...]:
    """The parts of the budget that were passed between two sums of offline seconds."""
    if budget_s <= 0:
        return ()
    return tuple(part for part in ALERTS if before_s < part * budget_s <= after_s)


def may_show(record: Record, *, budget_s: float, online: bool = False) -> bool:
    """Whether the avatar on this device may be on the screen.

    A device that held its seat goes on inside its budget: while it asks for the seat again, while its order has ended,
    and after it has the seat again but could not look for a newer avatar yet. An error code must not turn a screen
    black. LOCKED, and
    every phase on the way out, shows nothing.
    """
    if not record.content.active:
        return False
    if record.phase not in (Phase.BOUND, Phase.READY, Phase.BINDING, Phase.SEAT_FULL, Phase.LICENSE_BLOCKED):
        return False
    if record.bound is None:
        return False
    return not is_spent(record.contact.offline_s, budget_s=budget_s, online=online)

"""How much of the offline budget is used, seen from beside the agent: also when the agent has died."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from device_agent.lifecycle.budget import is_spent, may_show, uncounted
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Contact, Record
from device_agent.service.pace import CHECK_S, KEEP_S, MOST_SLOWER

LONGEST_SILENCE_S = CHECK_S * 1.1 * MOST_SLOWER
"""Seconds that an agent may take from one licensed call to the next while all is well. One that is silent for longer
has died, and what it does not count is counted here.
"""


@dataclass
class Silence:
    """Since when the record says what it says.

    Args:
        boot: tells this start of the machine from others, as the agent is told.
        steady: seconds of the clock that starts with the machine.
    """

    boot: str
    steady: Callable[[], float]
    _contact: Contact | None = None
    _since: float = 0.0
    _heard: bool = False

    def offline_s(self, record: Record) -> float:
        """Seconds of the budget that are used by now."""
        contact, now = record.contact, self.steady()
        if contact != self._contact:
            self._heard = self._contact is not None and contact.last_ok > self._contact.last_ok
            self._contact, self._since = contact, now
        silent_s = now - self._since
        if contact.counting_boot == self.boot and now >= contact.counted_at:
            return contact.offline_s + now - contact.counted_at
        if contact.counting_boot:
            return contact.offline_s + uncounted(contact, boot=self.boot, now=now, stretch_s=KEEP_S) + silent_s
        return contact.offline_s + (silent_s if silent_s > LONGEST_SILENCE_S else 0.0)

    def is_online(self, record: Record) -> bool:
        """Whether the last licensed call succeeded, in this start of the display, and not too long ago: what a device
        without any budget needs.
        """
        return self._heard and not record.contact.counting_boot and self.offline_s(record) == 0.0

    def spent(self, record: Record, *, budget_s: float) -> bool:
        """Whether the budget of a device that held its seat is used up."""
        if record.phase is Phase.LOCKED:
            return True
        used, online = self.offline_s(record), self.is_online(record)
        return record.bound is not None and is_spent(used, budget_s=budget_s, online=online)

    def may_show(self, record: Record, *, budget_s: float) -> bool:
        """Whether the avatar may be on the screen by now."""
        contact = msgspec.structs.replace(record.contact, offline_s=self.offline_s(record))
        return may_show(record.changed(contact=contact), budget_s=budget_s, online=self.is_online(record))

"""The seconds of the offline budget, counted while the service runs: in memory first, on the disk now and then."""

from __future__ import annotations

from device_agent.lifecycle.budget import alerts, is_spent, uncounted
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.machine import Phase
from device_agent.service.lines import Lines
from device_agent.service.pace import KEEP_S

_COUNTS = frozenset({Phase.READY, Phase.BINDING, Phase.SEAT_FULL, Phase.LICENSE_BLOCKED, Phase.BOUND})
"""Phases whose offline time is written down."""


class OfflineCount:
    """One device's offline seconds; times (``now``) are seconds of the clock that only goes forward.

    Attributes:
        uncounted_s: offline seconds that are not on the disk yet.
    """

    def __init__(self, *, boot: str, log: Lines) -> None:
        """``boot`` tells this start of the machine from others."""
        self.uncounted_s = 0.0
        self._boot = boot
        self._log = log
        self._counted_at: float | None = None
        self._running = False  # the disk knows that offline time is running

    def heard(self, now: float) -> None:
        """A licensed call has succeeded, and the record says so: there is nothing to be counted before now."""
        self.uncounted_s, self._running, self._counted_at = 0.0, False, now

    def let_pass(self, now: float) -> None:
        """Count what has passed, on a disk that cannot be written or read."""
        if self._counted_at is not None:
            self.uncounted_s += max(0.0, now - self._counted_at)
        self._counted_at = now

    def count(self, engine: Engine, *, now: float, link: str, budget_s: float) -> bool:
        """Add the time since the last count; whether it was written down, as it is when it begins, every ten minutes,
        and when it uses up the budget.

        Args:
            link: as in ``Snapshot.link``; ``unknown`` before the first call, whose outcome decides.

        Raises:
            PrivateFileError: the disk refuses; nothing that was counted is lost.
        """
        record = engine.record
        if self._counted_at is None:
            self.uncounted_s += uncounted(record.contact, boot=self._boot, now=now, stretch_s=KEEP_S)
        elif link != "online":
            self.uncounted_s += max(0.0, now - self._counted_at)
        self._counted_at = now
        if record.phase not in _COUNTS or link == "unknown":
            return False
        before = record.contact.offline_s
        after = before + self.uncounted_s
        ends = record.phase is Phase.READY and is_spent(after, budget_s=budget_s, online=link == "online")
        begins = link != "online" and not self._running
        if not (ends or begins or self.uncounted_s >= KEEP_S):
            return False
        engine.offline(self.uncounted_s, boot=self._boot)
        self.uncounted_s, self._running = 0.0, True
        for part in alerts(before, after, budget_s=budget_s):
            self._log.warning("offline budget", used_percent=round(part * 100))
        return True

"""Instances that are switched on and off."""

from __future__ import annotations

from device_agent.harness.refusal import GatewayRefusal
from device_agent.harness.state.store import Store
from device_agent.harness.workings import Pace, Stage, next_stage

ON, GOING_ON, OFF, GOING_OFF = 10, 11, 20, 21

NAMES = {ON: "on", GOING_ON: "starting", OFF: "off", GOING_OFF: "stopping"}

POLL_S = 1.0
"""Asking more often than once a second is throttled (documented)."""


class Switches:
    """Power of instances; one that nobody spoke of before is off."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def turn(self, instance_id: str, *, tenant_id: int, on: bool, pace: Pace, now: float) -> None:
        """Set an instance going; one that is there already, or on its way, stays."""
        status = self._advance(instance_id, tenant_id=tenant_id, pace=pace, now=now, read=False)
        wanted = (ON, GOING_ON) if on else (OFF, GOING_OFF)
        if status not in wanted:
            self._keep(instance_id, tenant_id=tenant_id, status=wanted[1], stage=Stage(now, 0))

    def look(self, instance_id: str, *, tenant_id: int, pace: Pace, now: float) -> int:
        """Where an instance is.

        Raises:
            GatewayRefusal: asked less than a second after the last time.
        """
        where = (tenant_id, instance_id)
        asked = self._store.value("SELECT asked_at FROM switches WHERE tenant_id = ? AND instance_id = ?", where)
        if asked is not None and 0 <= now - asked < POLL_S:
            raise GatewayRefusal(400, "Throttling.User", "Request was denied due to user flow control.")
        status = self._advance(instance_id, tenant_id=tenant_id, pace=pace, now=now, read=True)
        self._store.run("UPDATE switches SET asked_at = ? WHERE tenant_id = ? AND instance_id = ?", (now, *where))
        return status

    def _advance(self, instance_id: str, *, tenant_id: int, pace: Pace, now: float, read: bool) -> int:
        row = self._store.one(
            "SELECT * FROM switches WHERE tenant_id = ? AND instance_id = ?", (tenant_id, instance_id)
        )
        status, stage = (OFF, Stage(now, 0)) if row is None else (row["status"], Stage(row["since"], row["reads"]))
        if status in (GOING_ON, GOING_OFF) and (following := next_stage(pace, stage, now=now)) is not None:
            status, stage = status - 1, following
        self._keep(instance_id, tenant_id=tenant_id, status=status, stage=Stage(stage.since, stage.reads + int(read)))
        return int(status)

    def _keep(self, instance_id: str, *, tenant_id: int, status: int, stage: Stage) -> None:
        self._store.run(
            "INSERT INTO switches (tenant_id, instance_id, status, since, reads) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET status = excluded.status, since = excluded.since, reads = excluded.reads",
            (tenant_id, instance_id, status, *stage),
        )

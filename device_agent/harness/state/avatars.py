"""2D avatars that are being made, or were: checked, reviewed, trained, made."""

from __future__ import annotations

from typing import Any

from device_agent.harness.state.store import Row, Store
from device_agent.harness.workings import Stage, Workings, next_stage

MAKING, FAILED, MADE = 1, 2, 3
CHECKED, REVIEWED, TRAINED, READY = 1, 2, 3, 4


class Avatars:
    """2D avatars by code."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def add(self, facts: dict[str, Any]) -> None:
        """A new avatar whose making begins; ``facts`` are the columns."""
        self._store.run(
            "INSERT INTO avatars (code, tenant_id, name, description, image, portrait, video, transparent, orientation,"
            " callback, make_status, make_stage, since) VALUES (:code, :tenant_id, :name, :description, :image,"
            " :portrait, :video, :transparent, :orientation, :callback, 1, 1, :since)",
            facts,
        )

    def find(self, code: str, *, tenant_id: int) -> Row | None:
        """An avatar of this tenant."""
        return self._store.one("SELECT * FROM avatars WHERE code = ? AND tenant_id = ?", (code, tenant_id))

    def owned(self, *, tenant_id: int) -> list[Row]:
        """All of a tenant, newest first."""
        return self._store.all("SELECT * FROM avatars WHERE tenant_id = ? ORDER BY sequence DESC", (tenant_id,))

    def change(self, code: str, facts: dict[str, Any]) -> None:
        """Set columns; the names are this room's own, never a caller's."""
        if facts:
            columns = ", ".join(f"{name} = :{name}" for name in facts)
            self._store.run(f"UPDATE avatars SET {columns} WHERE code = :code", facts | {"code": code})  # noqa: S608

    def delete(self, code: str, *, tenant_id: int) -> bool:
        """Whether there was such an avatar."""
        return self._store.run("DELETE FROM avatars WHERE code = ? AND tenant_id = ?", (code, tenant_id)) == 1

    def advance(self, *, tenant_id: int, workings: Workings, now: float) -> list[Row]:
        """Let every making go on; those that are made since just now."""
        made = []
        for row in self._store.all("SELECT * FROM avatars WHERE tenant_id = ? AND make_status = 1", (tenant_id,)):
            place, stage = row["make_stage"], Stage(row["since"], row["reads"])
            while place < READY and (following := next_stage(workings.avatar, stage, now=now)) is not None:
                if place == REVIEWED and workings.confirm_training and not row["confirmed"]:
                    break
                place, stage = place + 1, following
            if place == READY:
                made.append(row)
            self.change(
                row["code"],
                {
                    "make_stage": place,
                    "make_status": MADE if place == READY else MAKING,
                    "since": stage.since,
                    "reads": stage.reads,
                },
            )
        return made

    def seen(self, *codes: str) -> None:
        """Somebody looked at these avatars."""
        for code in codes:
            self._store.run("UPDATE avatars SET reads = reads + 1 WHERE code = ?", (code,))

"""Orders for videos: waiting, running, ended."""

from __future__ import annotations

from typing import Any

from device_agent.harness.state.store import Row, Store
from device_agent.harness.workings import Pace, Stage, next_stage

WAITING, RUNNING, SUCCEEDED, FAILED, CANCELLED, EXPIRED = 1, 2, 3, 4, 5, 6

KEPT_S = 7 * 86_400.0
"""A result's addresses are good for seven days (documented); after that the task reads as expired (a guess)."""

NOT_MADE = "the harness makes no videos yet"


class Tasks:
    """Video tasks by id."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def add(self, facts: dict[str, Any]) -> None:
        """A new task that waits; ``facts`` are the columns."""
        self._store.run(
            "INSERT INTO tasks (task_uuid, tenant_id, app_id, title, type, operation, order_json, callback,"
            " callback_params, status, since) VALUES (:task_uuid, :tenant_id, :app_id, :title, :type, :operation,"
            " :order_json, :callback, :callback_params, 1, :since)",
            facts,
        )

    def find(self, task_uuid: str, *, tenant_id: int, app_id: str) -> Row | None:
        """A task of this application."""
        return self._store.one(
            "SELECT * FROM tasks WHERE task_uuid = ? AND tenant_id = ? AND app_id = ?", (task_uuid, tenant_id, app_id)
        )

    def advance(self, *, tenant_id: int, pace: Pace, now: float) -> list[Row]:
        """Let every task of a tenant go on; those that ended just now."""
        ended = []
        for row in self._store.all("SELECT * FROM tasks WHERE tenant_id = ? AND status <= 4", (tenant_id,)):
            status, stage = row["status"], Stage(row["since"], row["reads"])
            while status in (WAITING, RUNNING) and (following := next_stage(pace, stage, now=now)) is not None:
                status, stage = (RUNNING, following) if status == WAITING else (FAILED, following)
            if status == FAILED and row["status"] != FAILED:
                ended.append(row)
            elif status in (SUCCEEDED, FAILED) and now >= stage.since + KEPT_S:
                status = EXPIRED
            self._store.run(
                "UPDATE tasks SET status = ?, since = ?, reads = ? WHERE sequence = ?",
                (status, stage.since, stage.reads, row["sequence"]),
            )
        return ended

    def seen(self, *task_uuids: str) -> None:
        """Somebody looked at these tasks."""
        for task_uuid in task_uuids:
            self._store.run("UPDATE tasks SET reads = reads + 1 WHERE task_uuid = ?", (task_uuid,))

    def cancel(self, task_uuid: str) -> bool:
        """Whether the task was still waiting."""
        waiting = "UPDATE tasks SET status = ? WHERE task_uuid = ? AND status = 1"
        return self._store.run(waiting, (CANCELLED, task_uuid)) == 1

    def page(
        self, filters: dict[str, Any], *, newest_first: bool, page_no: int, page_size: int
    ) -> tuple[int, list[Row]]:
        """Tasks that fit, and how many there are; ``filters`` with None do not filter; cancelled and expired never."""
        condition = (
            "tenant_id = :tenant_id AND app_id = :app_id AND status <= 4"
            " AND (:task_uuid IS NULL OR task_uuid = :task_uuid) AND (:type IS NULL OR type = :type)"
            " AND (:status IS NULL OR status = :status) AND (:title IS NULL OR instr(title, :title))"
        )
        order = "DESC" if newest_first else "ASC"
        total = self._store.value(f"SELECT count(*) FROM tasks WHERE {condition}", filters)  # noqa: S608
        rows = self._store.all(
            f"SELECT * FROM tasks WHERE {condition} ORDER BY sequence {order} LIMIT :limit OFFSET :offset",  # noqa: S608
            filters | {"limit": page_size, "offset": (page_no - 1) * page_size},
        )
        return int(total), rows

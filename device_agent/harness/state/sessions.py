"""Sessions of streamed avatars: started, running, stopped."""

from __future__ import annotations

from typing import Any

from device_agent.harness.refusal import BusinessRefusal
from device_agent.harness.state.store import Row, Store

LISTED = 100
"""Sessions in one list (documented)."""

LIFETIME_S = 86_400.0
"""How long a session's channel lasts: a guess."""


class Sessions:
    """Sessions by id."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def add(self, facts: dict[str, Any]) -> None:
        """A new session; ``facts`` are the columns."""
        self._store.run(
            "INSERT INTO sessions (session_id, tenant_id, app_id, biz_id, token, user_json, channel_json, expires_at)"
            " VALUES (:session_id, :tenant_id, :app_id, :biz_id, :token, :user_json, :channel_json, :expires_at)",
            facts,
        )

    def of_biz_id(self, biz_id: str, *, tenant_id: int, app_id: str) -> Row | None:
        """The running session that was started with this BizId."""
        return self._store.one(
            "SELECT * FROM sessions WHERE tenant_id = ? AND app_id = ? AND biz_id = ? AND NOT stopped",
            (tenant_id, app_id, biz_id),
        )

    def running(self, session_id: str | None, *, tenant_id: int) -> Row:
        """A session that runs.

        Raises:
            BusinessRefusal: 10010014, it does not exist or was stopped.
        """
        row = self._store.one(
            "SELECT * FROM sessions WHERE session_id = ? AND tenant_id = ? AND NOT stopped", (session_id, tenant_id)
        )
        if row is None:
            raise BusinessRefusal("10010014", "SessionId is wrong, or its session was closed")
        return row

    def count(self, *, app_id: str) -> int:
        """How many run in an application."""
        return int(self._store.value("SELECT count(*) FROM sessions WHERE app_id = ? AND NOT stopped", (app_id,)))

    def listed(self, *, tenant_id: int, app_id: str, session_id: str | None) -> list[Row]:
        """Those that run, newest first."""
        return self._store.all(
            "SELECT * FROM sessions WHERE tenant_id = ? AND app_id = ? AND NOT stopped"
            " AND (? IS NULL OR session_id = ?) ORDER BY sequence DESC LIMIT ?",
            (tenant_id, app_id, session_id, session_id, LISTED),
        )

    def stop(self, session_id: str) -> None:
        """End a session."""
        self._store.run("UPDATE sessions SET stopped = 1 WHERE session_id = ?", (session_id,))

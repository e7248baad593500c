"""Who may call: access keys, temporary keys, bearer tokens, and the applications of a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from device_agent.harness.refusal import NO_ACCESS, BusinessRefusal
from device_agent.harness.state.store import Store

SWEEP_S = 60.0
"""Nonces that have expired are thrown out this often."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whoever signed the request.

    Attributes:
        name: access key id, or ``bearer``.
        denied: operations that this caller may not call.
    """

    name: str
    tenant_id: int
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A key as the platform keeps it."""

    access_key_id: str
    tenant_id: int
    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    active: bool = True
    denied: frozenset[str] = frozenset()

    def caller(self) -> Caller:
        """Whoever signs with this key."""
        return Caller(name=self.access_key_id, tenant_id=self.tenant_id, denied=self.denied)


class Accounts:
    """Keys and applications."""

    def __init__(self, *, store: Store) -> None:
        self._store = store
        self._swept_at = 0.0

    def add_key(self, key: AccessKey) -> None:
        """Admit a key; one of the same id is replaced."""
        self._store.run(
            "INSERT OR REPLACE INTO access_keys"
            " (access_key_id, secret, tenant_id, security_token, expires_at, active, denied_json)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key.access_key_id,
                key.secret,
                key.tenant_id,
                key.security_token,
                key.expires_at,
                int(key.active),
                msgspec.json.encode(sorted(key.denied)).decode(),
            ),
        )

    def key(self, access_key_id: str) -> AccessKey | None:
        """A key by its id."""
        row = self._store.one("SELECT * FROM access_keys WHERE access_key_id = ?", (access_key_id,))
        if row is None:
            return None
        return AccessKey(
            access_key_id=row["access_key_id"],
            secret=row["secret"],
            tenant_id=row["tenant_id"],
            security_token=row["security_token"],
            expires_at=row["expires_at"],
            active=bool(row["active"]),
            denied=frozenset(msgspec.json.decode(row["denied_json"], type=list[str])),
        )

    def add_bearer(self, token: str, *, tenant_id: int, expires_at: float | None) -> None:
        """Admit a bearer token."""
        self._store.run("INSERT OR REPLACE INTO bearer_tokens VALUES (?, ?, ?)", (token, tenant_id, expires_at))

    def bearer(self, token: str, *, now: float) -> Caller | None:
        """The caller behind a bearer token that is known and not expired."""
        row = self._store.one("SELECT tenant_id, expires_at FROM bearer_tokens WHERE token = ?", (token,))
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= now):
            return None
        return Caller(name="bearer", tenant_id=row["tenant_id"])

    def spend_nonce(self, scope: str, nonce: str, *, now: float, keep_s: float) -> bool:
        """Note a nonce; False when it was seen inside the last ``keep_s`` seconds."""
        fresh = self._store.run(
            "INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at"
            " WHERE expires_at <= ?",
            (scope, nonce, now + keep_s, now),
        )
        if abs(now - self._swept_at) > SWEEP_S:
            self._swept_at = now
            self._store.run("DELETE FROM nonces WHERE expires_at <= ?", (now,))
        return fresh == 1

    def add_app(self, app_id: str, *, tenant_id: int) -> None:
        """Admit an application."""
        self._store.run("INSERT OR REPLACE INTO apps VALUES (?, ?)", (app_id, tenant_id))

    def admit(self, caller: Caller, *, tenant_id: int | None, app_id: str | None = None) -> None:
        """The caller must belong to the tenant, and the application too.

        Raises:
            BusinessRefusal: 10010003.
        """
        if tenant_id != caller.tenant_id:
            raise BusinessRefusal(NO_ACCESS, "no access: TenantId is not a tenant of this access key")
        if app_id is not None:
            owner = self._store.value("SELECT tenant_id FROM apps WHERE app_id = ?", (app_id,))
            if owner != tenant_id:
                raise BusinessRefusal(NO_ACCESS, "no access: AppId is not an application of this tenant")

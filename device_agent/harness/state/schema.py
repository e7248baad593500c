"""The tables. Times are seconds since 1970 by the stand-in's clock; ``*_json`` columns hold JSON texts."""

from __future__ import annotations

SCHEMA_VERSION = 2

TABLES: tuple[str, ...] = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # Who may call. A security token makes it a temporary key; denied_json lists operations that answer Forbidden.RAM.
    """CREATE TABLE access_keys (
        access_key_id TEXT PRIMARY KEY,
        secret TEXT NOT NULL,
        tenant_id INTEGER NOT NULL,
        security_token TEXT,
        expires_at REAL,
        active INTEGER NOT NULL DEFAULT 1,
        denied_json TEXT NOT NULL DEFAULT '[]',
        license_id INTEGER
    )""",
    "CREATE TABLE bearer_tokens (token TEXT PRIMARY KEY, tenant_id INTEGER NOT NULL, expires_at REAL)",
    """CREATE TABLE nonces (
        scope TEXT NOT NULL, nonce TEXT NOT NULL, expires_at REAL NOT NULL, PRIMARY KEY (scope, nonce)
    )""",
    "CREATE INDEX nonces_by_end ON nonces (expires_at)",
    "CREATE TABLE apps (app_id TEXT PRIMARY KEY, tenant_id INTEGER NOT NULL)",
    # The licence's text is never stored: its hash finds it again, its public key wraps content keys for it.
    """CREATE TABLE licenses (
        license_id INTEGER PRIMARY KEY,
        app_id TEXT NOT NULL,
        tenant_id INTEGER NOT NULL,
        digest TEXT NOT NULL UNIQUE,
        public_key TEXT NOT NULL,
        seats INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'active',
        file TEXT NOT NULL
    )""",
    """CREATE TABLE seats (
        seat_id INTEGER PRIMARY KEY,
        license_id INTEGER NOT NULL,
        tenant_id INTEGER NOT NULL,
        device_id TEXT NOT NULL,
        device_type TEXT NOT NULL,
        device_info TEXT,
        bound_at REAL NOT NULL
    )""",
    "CREATE INDEX seats_by_device ON seats (tenant_id, device_id)",
    "CREATE INDEX seats_by_license ON seats (license_id, device_id)",
    """CREATE TABLE packages (
        code TEXT PRIMARY KEY,
        tenant_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        sha256 TEXT,
        size INTEGER,
        content_key BLOB,
        version INTEGER NOT NULL DEFAULT 0
    )""",
    # Wrapping is random by nature; kept, so that the same question gets the same answer.
    """CREATE TABLE wrapped_keys (
        license_id INTEGER NOT NULL, sha256 TEXT NOT NULL, secret TEXT NOT NULL, PRIMARY KEY (license_id, sha256)
    )""",
    # Codes that callers promise never to use twice: UniqueCode, BizRequestId.
    "CREATE TABLE spent_codes (scope TEXT NOT NULL, code TEXT NOT NULL, PRIMARY KEY (scope, code))",
    """CREATE TABLE sessions (
        sequence INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL UNIQUE,
        tenant_id INTEGER NOT NULL,
        app_id TEXT NOT NULL,
        biz_id TEXT,
        token TEXT NOT NULL,
        user_json TEXT,
        channel_json TEXT,
        expires_at REAL NOT NULL,
        stopped INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX sessions_running ON sessions (tenant_id, app_id, stopped)",
    # A message is said from starts_at to ends_at; both are known when it comes, and an interruption moves ends_at.
    """CREATE TABLE messages (
        message_id INTEGER PRIMARY KEY,
        session_id TEXT NOT NULL,
        unique_code TEXT NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        starts_at REAL NOT NULL,
        ends_at REAL NOT NULL,
        interrupted INTEGER NOT NULL DEFAULT 0,
        feedback INTEGER NOT NULL,
        told INTEGER NOT NULL DEFAULT 0,
        piece INTEGER
    )""",
    "CREATE INDEX messages_by_session ON messages (session_id, ends_at)",
    """CREATE TABLE tasks (
        sequence INTEGER PRIMARY KEY,
        task_uuid TEXT NOT NULL UNIQUE,
        tenant_id INTEGER NOT NULL,
        app_id TEXT NOT NULL,
        title TEXT NOT NULL,
        type INTEGER NOT NULL,
        operation TEXT NOT NULL,
        order_json TEXT NOT NULL,
        callback INTEGER NOT NULL,
        callback_params TEXT,
        status INTEGER NOT NULL,
        since REAL NOT NULL,
        reads INTEGER NOT NULL DEFAULT 0
    )""",
    """CREATE TABLE avatars (
        sequence INTEGER PRIMARY KEY,
        code TEXT NOT NULL UNIQUE,
        tenant_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        description TEXT,
        image TEXT,
        portrait TEXT NOT NULL,
        video TEXT NOT NULL,
        transparent INTEGER NOT NULL,
        orientation INTEGER NOT NULL,
        callback INTEGER NOT NULL,
        make_status INTEGER NOT NULL,
        make_stage INTEGER NOT NULL,
        confirmed INTEGER NOT NULL DEFAULT 0,
        fail_reason TEXT,
        since REAL NOT NULL,
        reads INTEGER NOT NULL DEFAULT 0
    )""",
    """CREATE TABLE switches (
        tenant_id INTEGER NOT NULL,
        instance_id TEXT NOT NULL,
        status INTEGER NOT NULL,
        since REAL NOT NULL,
        reads INTEGER NOT NULL DEFAULT 0,
        asked_at REAL,
        PRIMARY KEY (tenant_id, instance_id)
    )""",
    "CREATE TABLE callback_addresses (tenant_id INTEGER PRIMARY KEY, url TEXT NOT NULL, auth_key TEXT NOT NULL)",
)

FLEETING: tuple[str, ...] = (
    "nonces",
    "seats",
    "wrapped_keys",
    "spent_codes",
    "sessions",
    "messages",
    "tasks",
    "avatars",
    "switches",
    "callback_addresses",
)
"""Tables that a reset empties; the rest is what the stand-in was set up with."""

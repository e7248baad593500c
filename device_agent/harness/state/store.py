"""One SQLite connection, used from one thread at a time."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from device_agent.errors import ConfigurationError
from device_agent.harness.state.schema import FLEETING, SCHEMA_VERSION, TABLES

Row = sqlite3.Row
Values = Sequence[Any] | Mapping[str, Any]


class Store:
    """The platform's memory, one process's alone. Statements outside ``transaction`` commit by themselves."""

    def __init__(self, *, file: Path | None) -> None:
        """Open or create.

        Raises:
            ConfigurationError: the file cannot be opened or written, another harness has it, or another version
                wrote it.
        """
        with ExitStack() as held:
            try:
                if file is not None:
                    # Made here first: SQLite would create it with the umask's mode, and it holds access key secrets.
                    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                    held.callback(os.close, _locked(file.with_name("lock")))
                self._db = sqlite3.connect(
                    str(file) if file else ":memory:", isolation_level=None, check_same_thread=False, timeout=5.0
                )
                held.callback(self._db.close)
                self._db.row_factory = sqlite3.Row
                if file is not None:
                    self._db.execute("PRAGMA journal_mode=WAL")
                    self._db.execute("PRAGMA synchronous=NORMAL")
                self._prepare(file)
            except (OSError, sqlite3.Error) as error:
                raise ConfigurationError(
                    f"the harness cannot use its state file: {error}",
                    code="harness.state",
                    where=str(file),
                    hint="give --data a folder that this user may write, or leave it out to keep the state in memory",
                ) from error
            self._held = held.pop_all()

    def _prepare(self, file: Path | None) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        if version != 0:
            raise ConfigurationError(
                f"the harness's state file has version {version}, this program writes {SCHEMA_VERSION}",
                code="harness.state.version",
                where=str(file),
                hint="delete the folder, or give --data another one",
            )
        with self.transaction():
            for statement in TABLES:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: an exception inside rolls back."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def run(self, sql: str, parameters: Values = ()) -> int:
        """Execute one statement; the number of rows it changed."""
        return self._db.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Values = ()) -> int:
        """Execute one INSERT; the row's id."""
        return self._db.execute(sql, parameters).lastrowid or 0

    def one(self, sql: str, parameters: Values = ()) -> Row | None:
        """First row, or None."""
        row: Row | None = self._db.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Values = ()) -> list[Row]:
        """All rows."""
        return self._db.execute(sql, parameters).fetchall()

    def value(self, sql: str, parameters: Values = ()) -> Any:
        """First column of the first row, or None."""
        row = self.one(sql, parameters)
        return None if row is None else row[0]

    def reset(self) -> None:
        """Forget everything that happened; keep what the stand-in was set up with."""
        with self.transaction():
            for table in FLEETING:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 -- names from our own table
            self._db.execute("UPDATE access_keys SET license_id = NULL")

    def snapshot(self) -> bytes:
        """Everything, as the bytes of a database."""
        return self._db.serialize()

    def restore(self, snapshot: bytes) -> None:
        """Everything as it was, but for the packages: their files stayed, and so does the note of them."""
        packages = [tuple(row) for row in self.all("SELECT * FROM packages")]
        source = sqlite3.connect(":memory:")
        try:
            source.deserialize(snapshot)
            source.backup(self._db)
        finally:
            source.close()
        with self.transaction():
            self._db.execute("DELETE FROM packages")
            self._db.executemany("INSERT INTO packages VALUES (?, ?, ?, ?, ?, ?, ?)", packages)

    def close(self) -> None:
        """Close the file, and let another harness have it."""
        self._held.close()


def _locked(file: Path) -> int:
    """A descriptor that keeps other harnesses out as long as it is open, however its process ends: two would give the
    same ids and count the same seats. The file stays: whoever removed it would let a third one in.

    Raises:
        OSError: the file cannot be made.
        ConfigurationError: another harness has it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigurationError(
            "another harness keeps its state in this folder",
            code="harness.state.in_use",
            where=str(file.parent),
            hint="stop it, or give --data another folder",
        ) from error
    return descriptor

"""Files that headquarters writes: whole, durable, and never over one that is there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from certs.files import sync_directory
from device_agent.errors import ConfigurationError
from device_agent.plain_file import read_plain, write_new


def new_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """A durable file that was not there before; its folder is made if need be, for this user alone if ``private``.

    Raises:
        ConfigurationError: it is there, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
        write_new(path, data, mode=0o600 if private else 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"the file cannot be written: {(error.strerror or 'unknown').lower()}",
            code="fleet.file",
            where=str(path),
            hint="name a file that is not there yet, in a folder that can be written",
        ) from error


def absent(files: Iterable[Path]) -> None:
    """See that none of these files is there, before the first of them is written.

    Raises:
        ConfigurationError: one is.
    """
    there = [file for file in files if os.path.lexists(file)]
    if there:
        raise ConfigurationError(
            "the file is there already" if len(there) == 1 else f"{len(there)} of the files are there already",
            code="fleet.file",
            where=str(there[0]),
            hint="name another place with --out; nothing was written",
        )


def replaced(path: Path, data: bytes) -> None:
    """A file with other content, by one rename.

    Raises:
        ConfigurationError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        new_file(beside, data)
        beside.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise ConfigurationError(
            f"the file cannot be written: {(error.strerror or 'unknown').lower()}", code="fleet.file", where=str(path),
            hint="choose another with --out",
        ) from error  # fmt: skip


def read_file(path: Path, *, limit: int) -> bytes:
    """What is in a plain file.

    Raises:
        ConfigurationError: it cannot be read, or is longer than ``limit`` bytes.
    """
    try:
        data, _mode = read_plain(path, limit=limit)
    except OSError as error:
        raise ConfigurationError(
            f"the file cannot be read: {(error.strerror or type(error).__name__).lower()}",
            code="fleet.file",
            where=str(path),
            hint="name a plain file that this user can read",
        ) from error
    return data

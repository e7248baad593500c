"""Which avatars are on this device, and where each one lies; loads no cryptography, so that ``status`` can ask."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from device_agent.avatars.partial import storage
from device_agent.avatars.record import Record, read_record
from device_agent.errors import UsageError

CODE_LENGTH = 256


def folder_of(root: Path, code: str) -> Path:
    """The folder of one avatar; a code never becomes a path.

    Raises:
        UsageError: the code is no avatar code.
    """
    if not code or len(code) > CODE_LENGTH or not code.isprintable():
        raise UsageError(
            "this is no avatar code",
            code="usage.avatar_code",
            hint=f"give the platform's code of 1 to {CODE_LENGTH} printable characters, for example CH_3d_abc",
        )
    return root / hashlib.sha256(code.encode()).hexdigest()[:32]


def sealed_in(folder: Path, sha256: str) -> Path:
    """The package of that hash."""
    return folder / f"{sha256}.sealed"


def size_of(path: Path) -> int | None:
    """Length of a plain file; None if there is none, or something else stands there.

    Raises:
        ConfigurationError: the disk does not say.
    """
    with storage(path):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def kept(root: Path, code: str) -> Record | None:
    """The record of an avatar whose package is here and as long as it was; its bytes are not looked at.

    Raises:
        ConfigurationError: the cache is not private, or cannot be read.
        UsageError: the code is no avatar code.
    """
    folder = folder_of(root, code)
    record = read_record(folder)
    if record is None or record.code != code or size_of(sealed_in(folder, record.sha256)) != record.size:
        return None
    return record

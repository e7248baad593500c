"""One private folder, in memory where there is some, for readers that will have a file."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    beside = _MEMORY if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK) else None
    return tempfile.TemporaryDirectory(prefix="fuzz-", dir=beside)  # private, and gone with this process


def kept(name: str, data: bytes) -> Path:
    """The folder, after the file was written into it; each case writes over the one before."""
    folder = Path(_folder().name)
    path = folder / name
    if not path.exists():
        path.touch(mode=0o600)
    path.write_bytes(data)
    return folder

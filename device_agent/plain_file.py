"""Files that somebody names: reading one ends and takes no more memory than it may, whatever stands there; writing one
takes the place of nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from certs.files import sync_directory

_KINDS: Mapping[int, str] = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def read_plain(path: Path, *, limit: int) -> tuple[bytes, int]:
    """Content and mode bits of a plain file.

    Raises:
        OSError: it cannot be read, is no plain file (a pipe would block, a device may never end), or has more than
            ``limit`` bytes; ``strerror`` says which.
    """
    # O_NONBLOCK: opening a pipe that nobody writes to would wait; on plain files it changes nothing.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
            raise OSError(errno.EINVAL, f"it is {kind}, and no plain file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"it is longer than {limit // 1024**2} MiB", str(path))
    return content, stat.S_IMODE(status.st_mode)


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """A durable file that was not there before, from its first moment with no more rights than ``mode``.

    Raises:
        OSError: it is there (links count), or cannot be written; then half a file stands in nobody's way.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)

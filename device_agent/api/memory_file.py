"""A file for libraries that want one, in memory only: OpenSSL takes a private key from a path, and no key of this
device may touch a disk bare.

An anonymous file (memfd) has no name that another user could open, is gone with its last descriptor whatever becomes of
the process, and needs nothing that the service's unit forbids. Its pages are as safe as the process's own memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_memory(data: bytes) -> Iterator[str]:
    """A path in /proc that leads to these bytes, for this process, until the context ends.

    Raises:
        OSError: there is no such file to be had.
    """
    with os.fdopen(os.memfd_create("avatar-agent", os.MFD_CLOEXEC), "wb") as file:
        file.write(data)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"

"""One service for one device: two would each keep to its pace, and ask the platform twice as often together."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from certs.errors import PrivateFileError
from certs.files import private_directory
from device_agent.errors import StateError


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Keep a second service of this device out. Commands hold another lock, for as long as they work.

    The folder itself is locked: nothing is written, so that a disk that can only be read is no hindrance. Where there
    is no folder and none can be made, the service is a fault by itself, and two of them do nothing.

    Raises:
        StateError: there is one already.
    """
    descriptor = None
    with suppress(PrivateFileError, OSError):
        private_directory(state_dir)
        descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if descriptor is not None:
            _lock(descriptor, state_dir)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(descriptor: int, state_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateError(
            "a service keeps this device already",
            code="service.running",
            where=str(state_dir),
            hint="stop it first (systemctl stop avatar-agent), or name another --state-dir",
        ) from None
    except OSError:
        return  # a file system without locks: as before there were any

"""One service for a device at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certs.errors import PrivateFileError
from certs.files import open_private, private_directory
from device_agent.errors import StateError

LOCK = "service.lock"
"""Held for as long as the service runs; the lock of the state is held for a step, so that commands work beside it."""


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Keep others out while this service runs: two would take each other's drive channel and health socket.

    A folder that cannot be used is no matter here: the service's steps tell it.

    Raises:
        StateError: ``service.running``.
    """
    descriptor = _locked(state_dir)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(state_dir: Path) -> int | None:
    try:
        private_directory(state_dir)
        descriptor = open_private(state_dir / LOCK, os.O_RDWR | os.O_CREAT)
    except PrivateFileError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(descriptor)
        raise StateError(
            "the service of this device runs already",
            code="service.running",
            where=str(state_dir),
            hint="look at it with avatar-agent status, or end it first: systemctl stop avatar-agent",
        ) from exc
    return descriptor

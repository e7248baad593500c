"""A download that is not complete yet: the ``.part`` file, and beside it what is needed to go on with it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from certs.errors import PrivateFileError
from certs.files import erase, open_private, read_private, write_private
from device_agent.errors import ConfigurationError

_BLOCK = 1024 * 1024


class Promise(msgspec.Struct, kw_only=True, frozen=True):
    """What the server said about the whole file when the download began.

    Attributes:
        address: the file's address without its query.
        etag: strong entity tag, or empty.
        size: length of the whole file in bytes, or None if the server did not say.
    """

    address: str
    etag: str = ""
    size: int | None = None


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Translate what the disk and the private files refuse into the agent's own error."""
    try:
        yield
    except PrivateFileError as error:
        raise ConfigurationError(
            f"the avatar cache cannot be used: {error.message}",
            code=error.code.replace("file.", "cache.", 1),
            where=error.where,
            hint=error.hint,
        ) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise ConfigurationError(
            "the disk is full" if full else f"the avatar cache cannot be used: {os.strerror(error.errno or 0).lower()}",
            code="cache.full" if full else "cache.failed",
            where=str(path),
            hint="free some space and fetch again" if full else "check the disk, or choose another cache_dir",
        ) from error


class Partial:
    """An open ``.part`` file with the running hash of what it holds; one process at a time.

    Attributes:
        path: the ``.part`` file.
        size: bytes on disk.
        promise: what the server promised for the whole, or None for a fresh file.
    """

    def __init__(self, *, path: Path, descriptor: int, promise: Promise | None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self.size = 0
        self.promise: Promise | None = None
        if promise is None:
            self.restart()
        else:
            self.promise = promise
            self._hash_what_is_there()

    @property
    def sha256(self) -> str:
        """Hash of the bytes so far, lower-case hexadecimal."""
        return self._hash.hexdigest()

    def begin(self, promise: Promise) -> None:
        """Keep what the server promises, before its first byte is."""
        write_private(_sidecar(self.path), msgspec.json.encode(promise))
        self.promise = promise

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._hash.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Throw away what there is, and go on with an empty file."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        erase(_sidecar(self.path))
        self._hash = hashlib.sha256()
        self.size, self.promise = 0, None

    def discard(self) -> None:
        """Remove the file and what was kept about it."""
        self.restart()
        erase(self.path)

    def free_space(self) -> int:
        """Bytes that this user can still write on the file's disk."""
        status = os.fstatvfs(self._descriptor)
        return status.f_bavail * status.f_frsize

    def finish(self, target: Path) -> None:
        """Make the complete file durable under its final name, in one step."""
        os.fsync(self._descriptor)
        os.rename(self.path, target)
        erase(_sidecar(self.path))  # its directory sync covers the rename too

    def _hash_what_is_there(self) -> None:
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        while block := os.read(self._descriptor, _BLOCK):
            self._hash.update(block)
            self.size += len(block)


@contextmanager
def open_partial(path: Path, *, address: str) -> Iterator[Partial]:
    """Open or make the ``.part`` file; what belongs to another address, or has no record, starts empty.

    Raises:
        ConfigurationError: the disk refuses, something was planted there, or another process is downloading it.
    """
    with storage(path):
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            partial = Partial(path=path, descriptor=descriptor, promise=_recorded(path, address))
        except BlockingIOError as error:
            os.close(descriptor)
            raise ConfigurationError(
                "another process is fetching this avatar",
                code="cache.busy",
                where=str(path),
                hint="wait until it is done",
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
    try:
        yield partial
    finally:
        os.close(descriptor)


def _recorded(path: Path, address: str) -> Promise | None:
    try:
        promise = msgspec.json.decode(read_private(_sidecar(path)), type=Promise)
    except (PrivateFileError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # without a trustworthy record the bytes are worth nothing
    return promise if promise.address == address else None


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")

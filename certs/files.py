"""Files that hold secrets: mode 0600 in directories of mode 0700, written so that a crash leaves the old or the new.

A write goes to a temporary file in the same directory, which is synced, renamed over the target and made durable by
syncing the directory. A read refuses what another user could have planted or read: a link, a pipe, a foreign owner,
a loose mode. POSIX only.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from certs.errors import PrivateFileError

DEFAULT_LIMIT = 16 * 1024 * 1024
"""Bytes that ``read_private`` reads at most unless told otherwise; secrets and records are far smaller."""

_TEMPORARY = ".new"
_FOREIGN_BITS = 0o077
_PROBLEMS = {
    errno.ENOENT: ("missing", "there is no such file or directory", "check the path"),
    errno.ENOSPC: ("full", "the disk is full", "free some space and try again"),
    errno.EDQUOT: ("full", "the disk quota is used up", "free some space and try again"),
    errno.EROFS: ("read_only", "the file system is read-only", "choose a directory that can be written"),
    errno.EACCES: ("denied", "permission denied", "run as the user who owns it, or choose another directory"),
    errno.EPERM: ("denied", "permission denied", "run as the user who owns it, or choose another directory"),
    errno.ELOOP: ("link", "a symbolic link stands where a plain file belongs", "remove the link"),
    errno.ENOTDIR: ("not_directory", "a file stands where a directory belongs", "choose another directory"),
    errno.EISDIR: ("not_file", "a directory stands where a file belongs", "remove the directory"),
    errno.ENAMETOOLONG: ("name", "the path is too long", "choose a shorter directory"),
}


def private_directory(path: Path) -> Path:
    """Make the directory (and its missing parents) with mode 0700, or check the one that is there; returns ``path``.

    A directory that is there already is never changed: the path may be a wrong setting, and tightening ``/tmp`` would
    break the machine. A link at ``path``, or on the way to it, is followed if root or this user made it: systemd's
    ``StateDirectory=`` of a dynamic user is one.

    Raises:
        PrivateFileError: it cannot be made, or another user owns it or can enter it.
    """
    path = Path(path)
    with told(path):
        for above in path.absolute().parents:
            with suppress(FileNotFoundError):
                _check_link(above, os.lstat(above))
        missing = [path]
        while not os.path.lexists(missing[-1].parent):
            missing.append(missing[-1].parent)
        for directory in reversed(missing):
            if os.path.lexists(directory):
                continue
            with suppress(FileExistsError):  # another process was as fast; it is checked below like any other
                directory.mkdir(mode=0o700)
                sync_directory(directory.parent)
        os.close(_open_directory(path))
    return path


def write_private(path: Path, data: bytes | bytearray | memoryview) -> None:
    """Replace the file's content in one step; after a crash the old content or the new one is there, never a mix.

    Two writers at once are safe: one of them wins. What a crash left behind of an earlier write is removed.

    Raises:
        PrivateFileError: the directory is not private (see ``private_directory``), or the write failed; the old
            content is still there.
    """
    path = Path(path)
    with told(path):
        directory = _open_directory(path.parent)
        try:
            _sweep(directory, path.name)
            name, descriptor = _create_temporary(directory, path.name)
            try:
                rest = memoryview(data).cast("B")
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
                os.rename(name, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=directory)
                raise
            finally:
                os.close(descriptor)
            os.fsync(directory)
        finally:
            os.close(directory)


def read_private(path: Path, *, limit: int = DEFAULT_LIMIT) -> bytes:
    """The file's content.

    Raises:
        PrivateFileError: the file is missing (code ``file.missing``), is no plain file, belongs to another user, is
            open to others, or holds more than ``limit`` bytes.
    """
    path = Path(path)
    with told(path), os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise PrivateFileError(
            f"the file is longer than {limit} bytes",
            code="file.long",
            where=str(path),
            hint="it is not ours; remove it",
        )
    return data


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a plain file of mode 0600 that is ours; ``flags`` as for ``os.open`` (``O_CREAT`` makes it 0600).

    Raises:
        PrivateFileError: as ``read_private``.
    """
    path = Path(path)
    with told(path):
        # O_NONBLOCK: a planted pipe must not stop us; on plain files it changes nothing.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PrivateFileError(
                "this is no plain file", code="file.not_file", where=str(path), hint="put a plain file in its place"
            )
        _check_owner_and_mode(path, status, wanted="600")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def erase(path: Path) -> None:
    """Remove a file, or a directory with all it holds, and what crashed writes left of it; fine if there is nothing.

    Links are removed, not followed. The bytes are not overwritten: on flash storage that does not reach them.

    Raises:
        PrivateFileError: something could not be removed.
    """
    path = Path(path)
    with told(path):
        try:
            directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            _sweep(directory, path.name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(path.name, dir_fd=directory)
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Translate the system's errors into PrivateFileError; ``path`` is what the reader knows, not a temporary name."""
    try:
        yield
    except OSError as error:
        code, what, hint = _PROBLEMS.get(error.errno or 0, ("failed", os.strerror(error.errno or 0), ""))
        raise PrivateFileError(what, code=f"file.{code}", where=str(path), hint=hint) from error


def _open_directory(path: Path) -> int:
    """A descriptor of a directory that only this user can enter."""
    _check_link(path, os.lstat(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check_owner_and_mode(path, os.fstat(descriptor), wanted="700")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_link(path: Path, status: os.stat_result) -> None:
    """Links that root or this user made lead where the operator wants; anybody else's lead where somebody else does."""
    if stat.S_ISLNK(status.st_mode) and status.st_uid not in (0, os.geteuid()):
        raise PrivateFileError(
            "another user's symbolic link stands where our directory belongs",
            code="file.link",
            where=str(path),
            hint="remove the link",
        )


def _check_owner_and_mode(path: Path, status: os.stat_result, *, wanted: str) -> None:
    if status.st_uid != os.geteuid():
        raise PrivateFileError(
            f"it belongs to user {status.st_uid}, and this process runs as user {os.geteuid()}",
            code="file.owner",
            where=str(path),
            hint="run as the user who owns it, or choose another directory",
        )
    if status.st_mode & _FOREIGN_BITS:
        raise PrivateFileError(
            f"other users can reach it (mode {stat.S_IMODE(status.st_mode):o})",
            code="file.mode",
            where=str(path),
            hint=f"if it is ours: chmod {wanted} {path}",
        )


def _create_temporary(directory: int, name: str) -> tuple[str, int]:
    """A fresh, locked file beside the target; the lock tells ``_sweep`` that a living writer owns it."""
    while True:
        temporary = f".{name}.{secrets.token_hex(8)}{_TEMPORARY}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:  # not swept between its creation and the lock
                return temporary, descriptor
        except BlockingIOError:
            pass  # a sweeper has it: it will be gone in a moment
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _sweep(directory: int, name: str) -> None:
    """Remove temporary files of ``name`` that no living writer holds: they may carry a secret."""
    for entry in os.listdir(directory):
        if not (entry.startswith(f".{name}.") and entry.endswith(_TEMPORARY)):
            continue
        with suppress(FileNotFoundError, BlockingIOError):
            descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(entry, dir_fd=directory)
            finally:
                os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make what was created, renamed or removed in the directory durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Taking parts of the file system out of this process's reach, for good: Linux' Landlock, by its system calls.

A confined process can be taken over by the file that it decodes, and still cannot open what is hidden, look into or
stop a process outside, or undo it; neither can its children. Landlock lists what is allowed and knows no exceptions, so
that hiding a folder means to allow everything that stands beside it and beside the folders above it. What comes to be
there later, say a device that is plugged in, is out of reach as well.

Source: Documentation/userspace-api/landlock.rst of the Linux kernel, include/uapi/linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on every architecture that Python 3.11 runs on with Landlock."""

_VERSION = 1
_PATH_BENEATH = 1
_DUMPABLE, _NO_NEW_PRIVILEGES = 4, 38

_EXECUTE, _WRITE, _READ, _READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_FIRST = (1 << 13) - 1
"""Rights that the first version knows; the second adds moving between folders, the third truncating."""

_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE
_TCP = 0b11
"""Binding and connecting, since the fourth version."""

_SIGNALS = 0b10
"""To processes outside, since the sixth version."""


class _Kernel:
    """The system calls."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.syscall.restype = ctypes.c_long

    def call(self, number: int, *arguments: int | bytes | None) -> int:
        """Raises OSError."""
        given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
        result = int(self._libc.syscall(ctypes.c_long(number), *given))
        if result < 0:
            number_ = ctypes.get_errno()
            raise OSError(number_, os.strerror(number_))
        return result

    def set(self, option: int, value: int) -> None:
        """prctl(2); raises OSError."""
        zero = ctypes.c_ulong(0)
        if self._libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def not_to_be_looked_into() -> None:
    """Nobody but root reads this process's memory from now on, its own user's other processes neither."""
    with suppress(OSError):
        _Kernel().set(_DUMPABLE, 0)


def version() -> int:
    """The version of Landlock's interface that this kernel has; 0 for none, or where it is not allowed."""
    if sys.platform != "linux":
        return 0
    with suppress(OSError):
        return _Kernel().call(_CREATE_RULESET, None, 0, _VERSION)
    return 0


def hide(places: Collection[Path], *, kept: Collection[Path] = ()) -> bool:
    """Put files and folders out of reach of this process and its children, together with what is to be there.

    Args:
        places: absolute and free of links; need not be there.
        kept: folders that stay in reach, though they lie inside one of ``places``.

    Returns:
        False where the kernel has no Landlock, and nothing has changed; or where something stays in reach all the same.

    Raises:
        RuntimeError: there is a second thread already, which would stay as free as before.
    """
    found = version()
    if found == 0:
        return False
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("only a process with one thread can be confined as a whole")
    rights = _FIRST | (_REFER if found >= 2 else 0) | (_TRUNCATE if found >= 3 else 0)
    allowed = [*beside(frozenset(places)), *kept]
    _restrict(found, rights, network=True, allowed=((path, rights) for path in allowed))
    return not any(map(is_reached, places))


def read_only(*, writable: Collection[Path]) -> bool:
    """Put every file out of this process's reach as far as writing goes, but those below ``writable``; and TCP, too.

    Returns:
        False where the kernel has no Landlock.
    """
    found = version()
    if found == 0:
        return False
    rights = _FIRST & ~(_EXECUTE | _READ | _READ_FOLDER) | (_TRUNCATE if found >= 3 else 0)
    _restrict(found, rights, network=False, allowed=((path, rights) for path in writable))
    return True


def beside(hidden: Collection[Path], *, within: Path = Path("/")) -> Iterator[Path]:
    """Everything within a folder but what is hidden, as few paths as say so; links are left out, for what they name is
    there itself, and so are other names of a folder above what is hidden: mounts may give it some.
    """
    above = {parent for path in hidden for parent in path.parents}
    if within not in above:
        yield within
        return
    ids = {found for path in (*above, *hidden) if (found := _id(path)) is not None}
    folders = [within]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if path in hidden or entry.is_symlink():
                    continue
                if path in above:
                    folders.append(path)
                elif _id(path) not in ids:
                    yield path


def _id(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = os.lstat(path)
        return found.st_dev, found.st_ino
    return None


def is_reached(path: Path) -> bool:
    """Whether this process can open a file or a folder."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _restrict(version: int, rights: int, *, network: bool, allowed: Iterable[tuple[Path, int]]) -> None:
    kernel = _Kernel()
    attributes = struct.pack("=Q", rights)
    if version >= 4:
        attributes += struct.pack("=Q", 0 if network else _TCP)
    if version >= 6:
        attributes += struct.pack("=Q", _SIGNALS)
    rules = kernel.call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path, granted in allowed:
            with suppress(OSError):  # gone since it was listed, or not this user's to reach anyway
                _allow(kernel, rules, path, granted)
        kernel.set(_NO_NEW_PRIVILEGES, 1)  # what Landlock asks for: no program started here gets more rights
        kernel.call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow(kernel: _Kernel, rules: int, path: Path, granted: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = struct.pack("=Qi", granted if is_folder else granted & _OF_FILES, descriptor)
        kernel.call(_ADD_RULE, rules, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)

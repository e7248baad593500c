"""Counts what is written below a folder, as a disk would have to take it: in whole blocks."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = 4096
"""Bytes; the least that a file system writes of a file, or of a folder whose names have changed."""


@dataclass
class Writes:
    """Blocks by file, and by folder that was synced; a temporary file counts as the file that it becomes.

    That no way to the disk was missed is held against the disk itself: see ``check``.
    """

    root: Path
    files: Counter[str] = field(default_factory=Counter)
    folders: Counter[str] = field(default_factory=Counter)
    _written: dict[int, int] = field(default_factory=dict)
    _before: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    _unseen: set[str] = field(default_factory=set)

    @property
    def kib(self) -> float:
        """What files took."""
        return self.files.total() * BLOCK / 1024

    @property
    def kib_with_folders(self) -> float:
        """The same with a block for each time that a folder was synced; what a journal adds is the file system's."""
        return self.kib + self.folders.total() * BLOCK / 1024

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Stand in every write, sync and rename of this process while this is open."""
        real = {name: getattr(os, name) for name in ("write", "fsync", "close", "rename")}

        def write(descriptor: int, data: bytes) -> int:
            done: int = real["write"](descriptor, data)
            if self._path(descriptor) is not None:
                self._written[descriptor] = self._written.get(descriptor, 0) + done
            return done

        def fsync(descriptor: int) -> None:
            real["fsync"](descriptor)
            self._take(descriptor)
            path = self._path(descriptor)
            if path is not None and stat.S_ISDIR(os.fstat(descriptor).st_mode):
                self.folders[self._name(path)] += 1

        def close(descriptor: int) -> None:
            self._take(descriptor)
            real["close"](descriptor)

        def rename(source: str, target: str, **more: int) -> None:
            real["rename"](source, target, **more)
            above = self._path(more["src_dir_fd"]) if "src_dir_fd" in more else Path()
            temporary = self._name(above / source) if above is not None else ""
            if temporary in self.files:
                self.files[self._name(Path(temporary).with_name(Path(target).name))] += self.files.pop(temporary)

        self._before = self._found()
        for name, counting in {"write": write, "fsync": fsync, "close": close, "rename": rename}.items():
            setattr(os, name, counting)
        try:
            yield
        finally:
            for name, function in real.items():
                setattr(os, name, function)

    def check(self) -> None:
        """To be called often: every file that is another one now was counted.

        Raises:
            RuntimeError: one was written in a way that nobody counts.
        """
        found = self._found()
        changed = {name for name, facts in found.items() if self._before.get(name) != facts}
        if missed := changed - set(self.files):
            raise RuntimeError(f"written and not counted: {sorted(missed)}")
        self._before = found

    def _take(self, descriptor: int) -> None:
        """What was written into a file since the last time, in blocks."""
        written, path = self._written.pop(descriptor, 0), self._path(descriptor)
        if written and path is not None:
            self.files[self._name(path)] += -(-written // BLOCK)

    def _path(self, descriptor: int) -> Path | None:
        """What is open, if it lies below the root."""
        try:
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            return None
        return path if path.is_relative_to(self.root) else None

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.root)) if path.is_absolute() else str(path)

    def _found(self) -> dict[str, tuple[int, int, int]]:
        """Of each file that is not empty: its inode, its size, and when it was last written, in nanoseconds."""
        found = {}
        for path in self.root.rglob("*"):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_size:
                found[str(path.relative_to(self.root))] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found

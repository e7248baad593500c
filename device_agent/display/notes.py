"""What the display remembers over its own restarts: which packages were tried, which failed, which it may have died of.

A small file in its run folder: gone with the next start of the machine, and nothing that matters is lost with it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from certs.errors import PrivateFileError
from certs.files import read_private, write_private

NAME = "notes.json"
LIMIT = 64 * 1024
MOST = 16
"""Packages that are remembered; a device has two or three."""

TOO_OFTEN = 3
"""Starts with the same package, none of which lived for ``STEADY_S``, after which it is not shown again."""

STEADY_S = 60.0
"""Seconds of drawing after which a package is not what the display dies of."""

DAY_S = 86400.0
"""Seconds after which what speaks against a package is forgotten: the driver, or the disk, may be another by then."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Starts with one package that did not live: how many, and when the last of them began."""

    count: int
    at: float


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a package is not shown, and until when."""

    code: str
    until: float


class Kept(msgspec.Struct, kw_only=True):
    """The file; packages by their sha256, times by the clock that starts with the machine."""

    proved: list[str] = []
    refused: dict[str, Refusal] = {}
    starts: dict[str, Start] = {}


class Notes:
    """The notes of one display. A folder that cannot be written costs memory of restarts, and no picture."""

    def __init__(self, folder: Path | None, *, steady: Callable[[], float]) -> None:
        """``folder``: the run folder, private; ``None`` keeps notes in memory. ``steady``: seconds since the start."""
        self._path = None if folder is None else folder / NAME
        self._steady = steady
        self._kept = read(folder)
        self._died_of = {
            sha256: start.at + DAY_S
            for sha256, start in self._kept.starts.items()
            if start.count >= TOO_OFTEN and steady() < start.at + DAY_S
        }
        self._begun: set[str] = set()

    def is_proved(self, sha256: str) -> bool:
        """Whether a child has opened and drawn the package."""
        return sha256 in self._kept.proved

    def prove(self, sha256: str) -> None:
        """It has."""
        self._kept.proved = [*(other for other in self._kept.proved if other != sha256), sha256][-MOST:]
        self._write()

    def refuse(self, sha256: str, *, code: str, seconds: float = DAY_S) -> None:
        """Do not show the package for a while."""
        self._kept.refused[sha256] = Refusal(code=code, until=self._steady() + seconds)
        self._write()

    def against(self, sha256: str) -> str:
        """Why the package is not to be shown now; empty when nothing speaks against it."""
        refused = self._kept.refused.get(sha256)
        if refused is not None and self._steady() < refused.until:
            return refused.code
        return CRASH_LOOP if self._steady() < self._died_of.get(sha256, 0.0) else ""

    def begin(self, sha256: str) -> None:
        """This process is about to draw the package; once in a process, however often it comes and goes."""
        if sha256 in self._begun:
            return
        self._begun.add(sha256)
        before = self._kept.starts.get(sha256, Start(count=0, at=0.0))
        self._kept.starts[sha256] = Start(count=min(before.count, TOO_OFTEN - 1) + 1, at=self._steady())
        self._write()

    def forgive(self) -> None:
        """This process ends because it was told to: what it drew did not make it crash."""
        for sha256 in self._begun & self._kept.starts.keys():
            start = self._kept.starts.pop(sha256)
            if start.count > 1:
                self._kept.starts[sha256] = Start(count=start.count - 1, at=start.at)
        self._begun.clear()
        self._write()

    def settle(self, sha256: str) -> None:
        """The package has been drawn for ``STEADY_S``."""
        if self._kept.starts.pop(sha256, None) is not None:
            self._write()

    def _write(self) -> None:
        for table in (self._kept.refused, self._kept.starts):
            while len(table) > MOST:
                table.pop(next(iter(table)))
        if self._path is not None:
            with suppress(PrivateFileError):
                write_private(self._path, msgspec.json.encode(self._kept))


CRASH_LOOP = "display.crash_loop"


def read(folder: Path | None) -> Kept:
    """The notes in a run folder; none where there is no folder, or nothing that can be read."""
    if folder is None:
        return Kept()
    try:
        return msgspec.json.decode(read_private(folder / NAME, limit=LIMIT), type=Kept)
    except (PrivateFileError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Kept()

"""Notices when a file has been written anew."""

from __future__ import annotations

from pathlib import Path

PERIOD = 0.5
"""Seconds between two looks."""


class Watch:
    """Looks at a file now and then; a change counts once the file has stayed the same from one look to the next."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._known = self._seen = self._stamp()
        self._looked = 0.0

    def changed(self, now: float) -> bool:
        """Whether the file is another than before, and its writer has finished. ``now``: seconds that pass."""
        if self.path is None or now - self._looked < PERIOD:
            return False
        self._looked = now
        before, self._seen = self._seen, self._stamp()
        if self._seen is None or self._seen != before or self._seen == self._known:
            return False
        self._known = self._seen
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = None if self.path is None else self.path.stat()
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)

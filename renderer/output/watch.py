"""Notices when a file, or what belongs to it, has been written anew."""

from __future__ import annotations

import json
import os
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

PERIOD = 0.5
"""Seconds between two looks."""

_MOST_PARTS = 1000

Stamp = tuple[tuple[int, int, int] | None, ...]


class Watch:
    """Looks at a file now and then; a change counts once everything has stayed the same from one look to the next.

    A folder is watched with the files in it, a ``.gltf`` with the files that it names.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._parts = _parts(path)
        self._known = self._seen = self._stamp()
        self._looked = 0.0

    def changed(self, now: float) -> bool:
        """Whether something is another than before, and its writer has finished. ``now``: seconds that pass."""
        if self.path is None or now - self._looked < PERIOD:
            return False
        self._looked = now
        before, self._seen = self._seen, self._stamp()
        if self._seen[0] is None or self._seen != before or self._seen == self._known:
            return False
        self._known = self._seen
        return True

    def _stamp(self) -> Stamp:
        return tuple(_stamp(part) for part in self._parts)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _parts(path: Path | None) -> tuple[Path, ...]:
    """The file or folder itself, then what belongs to it."""
    if path is None:
        return ()
    if path.is_dir():
        inside = (Path(folder) / name for folder, _, names in os.walk(path) for name in sorted(names))
        return (path, *islice(inside, _MOST_PARTS))
    return (path, *(_named(path) if path.suffix.lower() == ".gltf" else ()))


def _named(path: Path) -> list[Path]:
    """The files of buffers and pictures beside it that are there now. Whether the document is right others say."""
    try:
        document = json.loads(path.read_bytes())
        entries = [entry for kind in ("buffers", "images") for entry in document.get(kind, ())][:_MOST_PARTS]
        uris = [entry.get("uri") for entry in entries]
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return []
    names = [unquote(uri) for uri in uris if isinstance(uri, str) and ":" not in uri]
    folder = path.parent.resolve()
    parts = [path.parent / name for name in names if "\0" not in name]
    return [part for part in parts if part.resolve().is_relative_to(folder) and part.is_file()]

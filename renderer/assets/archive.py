"""An open zip archive or folder as files in memory, within limits, names checked."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from renderer.assets.issues import refusal
from renderer.assets.limits import Limits
from renderer.assets.resolver import read_bounded, short

MAGIC = b"PK\x03\x04"
MARKERS = ("metaInfo.json", "character.config.json")
"""Files by which a package's root folder is known."""


def read_archive(data: bytes, *, limits: Limits, where: str) -> dict[str, bytes]:
    """The files of an avatar package's zip, by name below its root folder.

    Raises AssetError ``archive.*``, ``package.ambiguous``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _files(archive, limits, where)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise refusal("archive.malformed", f"the zip archive cannot be read: {error}", where=where) from error
    except zlib.error as error:
        raise refusal("archive.malformed", "an entry's compressed data is damaged", where=where) from error


def _files(archive: zipfile.ZipFile, limits: Limits, where: str) -> dict[str, bytes]:
    # Not is_dir(): in Python 3.11 it fails where an entry has no name at all.
    entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if len(entries) > limits.archive_entries:
        raise refusal("archive.too-large", f"more than {limits.archive_entries} entries", where=where)
    if sum(entry.file_size for entry in entries) > limits.archive_bytes:
        raise refusal("archive.too-large", f"more than {limits.archive_bytes} bytes unpacked", where=where)
    for entry in entries:
        parts = entry.filename.split("/")
        if ".." in parts or "" in parts or "\\" in entry.filename or ":" in parts[0]:
            raise refusal("archive.name", f"the entry {short(entry.filename)} leaves the archive", where=where)
        if entry.flag_bits & 1:
            raise refusal("archive.encrypted", f"{short(entry.filename)} is password protected", where=where)
    root = _root((entry.filename for entry in entries), where)
    found: dict[str, bytes] = {}
    left = limits.archive_bytes
    for entry in entries:
        if not entry.filename.startswith(root) or entry.filename.startswith("__MACOSX/"):
            continue
        with archive.open(entry) as file:
            # The directory's sizes are claims; what is really unpacked counts.
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise refusal("archive.too-large", f"more than {limits.archive_bytes} bytes unpacked", where=where)
        found[entry.filename.removeprefix(root)] = content
    return found


def read_folder(root: Path, *, limits: Limits, where: str) -> dict[str, bytes]:
    """The files of a package that lies open in a folder, without its subfolders.

    Raises AssetError ``source.unreadable``, ``source.too-large``, ``archive.too-large``.
    """
    found: dict[str, bytes] = {}
    left = limits.archive_bytes
    try:
        for path in sorted(root.iterdir()):
            if path.is_file() and len(found) < limits.archive_entries:
                found[path.name] = read_bounded(path, limit=min(limits.source_bytes, left), where=where)
                left -= len(found[path.name])
    except OSError as error:
        raise refusal("source.unreadable", f"cannot read the folder: {error.strerror}", where=where) from error
    return found


def _root(names: Iterable[str], where: str) -> str:
    """The folder, with its slash, that holds the package: "" or the only one at the top that looks like it."""
    roots = set()
    for name in names:
        folder, _, file = name.rpartition("/")
        if file.removesuffix(".lm") in MARKERS and "/" not in folder and not name.startswith("__MACOSX/"):
            roots.add(folder + "/" if folder else "")
    if len(roots) > 1:
        raise refusal("package.ambiguous", f"several folders look like the package: {sorted(roots)}", where=where)
    return roots.pop() if roots else ""

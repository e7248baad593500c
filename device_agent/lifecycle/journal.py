"""The durable record: two slots, each with a checksum; a write goes to the older one, so the newer is never touched.

SD cards fill files with zeros when power fails, so a slot is believed only whole: its SHA-256 covers every byte. The
newest valid slot counts. Files that are not valid are kept aside as ``.bad`` before their slot is written again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from certs.errors import PrivateFileError
from certs.files import erase, open_private, private_directory, read_private, write_private
from device_agent.errors import StateError
from device_agent.lifecycle.points import Point, Reach, unwatched
from device_agent.lifecycle.record import SCHEMA, Record

SLOTS = ("state.0", "state.1")
LOCK = "lock"
LIMIT = 256 * 1024
"""Bytes; a record has about one thousand."""

BlankReason = Literal["", "absent", "corrupt"]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What the disk holds.

    Attributes:
        record: the newest valid generation; a blank record when there is none.
        blank_reason: why it is blank, else empty.
        slot: index of the slot it came from; 1 when there is none, so that writing starts with slot 0.
        damaged: names of slots that hold something invalid.
    """

    record: Record
    blank_reason: BlankReason
    slot: int
    damaged: tuple[str, ...]


def encode(record: Record) -> bytes:
    """Checksum line, then canonical JSON."""
    body = msgspec.json.encode(record, order="sorted")
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def decode(data: bytes) -> Record | None:
    """The record in a slot's bytes; ``None`` for anything but exactly what ``encode`` writes.

    Raises:
        StateError: it is valid but was written by a newer version of this program.
    """
    head, separator, rest = data.partition(b"\n")
    if not separator or not rest.endswith(b"\n"):
        return None
    body = rest[:-1]
    if head != hashlib.sha256(body).hexdigest().encode():
        return None
    try:
        version = msgspec.json.decode(body, type=_Versioned).v
        if version > SCHEMA:
            raise StateError(
                f"the device's record was written by a newer version (schema {version})",
                code="state.newer",
                hint="install that version again; nothing was changed",
            )
        return msgspec.json.decode(body, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Versioned(msgspec.Struct):
    v: int = SCHEMA


def load(folder: Path) -> Loaded:
    """Read the record; needs no lock, because slots are replaced whole.

    Raises:
        StateError: written by a newer version.
        PrivateFileError: the folder or a slot cannot be read at all, or others could have written it.
    """
    found: list[tuple[Record, int]] = []
    damaged: list[str] = []
    for index, name in enumerate(SLOTS):
        try:
            data = read_private(folder / name, limit=LIMIT)
        except PrivateFileError as error:
            if error.code == "file.missing":
                continue
            if error.code in ("file.long", "file.not_file", "file.link", "file.not_directory"):
                damaged.append(name)
                continue
            raise
        record = decode(data)
        if record is None:
            damaged.append(name)
        else:
            found.append((record, index))
    if not found:
        reason: BlankReason = "corrupt" if damaged else "absent"
        return Loaded(record=Record(), blank_reason=reason, slot=1, damaged=tuple(damaged))
    record, slot = max(found, key=lambda pair: pair[0].gen)
    return Loaded(record=record, blank_reason="", slot=slot, damaged=tuple(damaged))


class Journal:
    """The one writer of a device's record; made by ``opened``."""

    def __init__(self, *, folder: Path, loaded: Loaded, reach: Reach = unwatched) -> None:
        self._folder = folder
        self._reach = reach
        self._record = loaded.record
        self._slot = loaded.slot
        self._damaged = set(loaded.damaged)
        self.blank_reason = loaded.blank_reason

    @property
    def record(self) -> Record:
        """The newest record, as it is on disk."""
        return self._record

    def write(self, record: Record) -> Record:
        """Make a record durable; memory changes only after the disk has. Gives it with its new generation.

        Raises:
            PrivateFileError: it could not be written; the old record is still there.
        """
        fresh = record.changed(gen=self._record.gen + 1)
        slot = 1 - self._slot
        path = self._folder / SLOTS[slot]
        if SLOTS[slot] in self._damaged:
            with suppress(OSError):  # evidence is nice to have; the record matters more
                path.rename(path.with_name(path.name + ".bad"))
            self._damaged.discard(SLOTS[slot])
        self._reach(Point.RECORD_WRITE)
        write_private(path, encode(fresh))
        self._reach(Point.RECORD_WRITTEN)
        self._record, self._slot, self.blank_reason = fresh, slot, ""
        return fresh

    def forget_damaged(self) -> None:
        """Remove what was kept aside and what is damaged: it may name the device. May be repeated.

        Raises:
            PrivateFileError: one could not be removed.
        """
        for name in SLOTS:
            erase(self._folder / f"{name}.bad")
        for name in sorted(self._damaged):
            erase(self._folder / name)
        self._damaged.clear()


@contextmanager
def opened(folder: Path, *, reach: Reach = unwatched) -> Iterator[Journal]:
    """The journal of a state folder, made when missing, held by this process alone.

    Raises:
        StateError: another process holds it, or a newer version wrote it.
        PrivateFileError: the folder cannot be made or is not private.
    """
    private_directory(folder)
    descriptor = open_private(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise StateError(
                "another avatar-agent is working on this device's state",
                code="state.locked",
                where=str(folder),
                hint="wait until it is done, or name another --state-dir",
            ) from exc
        yield Journal(folder=folder, loaded=load(folder), reach=reach)
    finally:
        os.close(descriptor)

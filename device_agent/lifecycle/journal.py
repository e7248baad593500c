"""The durable record: two slots, each with a checksum; a write goes to the older one, so the newer is never touched.

SD cards fill files with zeros when power fails, so a slot is believed only whole: its SHA-256 covers every byte. The
newest valid slot counts. Files that are not valid are kept aside as ``.bad`` before their slot is written again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from certs.errors import PrivateFileError
from certs.files import erase, open_private, private_directory, read_private, write_private
from device_agent.errors import StateError
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point, Reach, unwatched
from device_agent.lifecycle.record import SCHEMA, Record
from device_agent.lifecycle.slot import KEYED, LIMIT, SLOTS, Slot, encode, parse

if TYPE_CHECKING:
    from device_agent.lifecycle.keyring import Keyring

LOCK = "lock"

BlankReason = Literal["", "absent", "corrupt"]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What the disk holds.

    Attributes:
        record: the newest valid generation; a blank record when there is none.
        blank_reason: why it is blank, else empty.
        slot: index of the slot it came from; 1 when there is none, so that writing starts with slot 0.
        damaged: names of slots that hold something invalid, or what nobody with the key has written.
        keyed: whether the record carries an HMAC of the storage key.
    """

    record: Record
    blank_reason: BlankReason
    slot: int
    damaged: tuple[str, ...]
    keyed: bool = False


def load(folder: Path, *, keyring: Keyring | None = None) -> Loaded:
    """Read the record; needs no lock, because slots are replaced whole.

    Args:
        keyring: decides whom to believe; without one every whole record counts, which is good enough to be shown.

    Raises:
        StateError: written by a newer version.
        PrivateFileError: the folder or a slot cannot be read at all, or others could have written it.
        ConfigurationError: the TPM that the record is vouched for with cannot be asked now.
    """
    found: list[tuple[Slot, int]] = []
    void: list[tuple[Slot, int]] = []
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
        slot = parse(data)
        if slot is not None and (keyring is None or keyring.is_lost or keyring.believes(slot)):
            found.append((slot, index))
            continue
        damaged.append(name)
        if slot is not None and keyring is not None and keyring.names(slot):
            void.append((slot, index))
    if not found:
        reason: BlankReason = "corrupt" if damaged else "absent"
        if void:
            slot, index = max(void, key=_generation)
            return Loaded(
                record=_named(slot.record), blank_reason=reason, slot=index, damaged=tuple(damaged)
            )  # fmt: skip
        return Loaded(record=Record(), blank_reason=reason, slot=1, damaged=tuple(damaged))
    slot, index = max(found, key=_generation)
    if keyring is not None and slot.mac is not None:
        keyring.trusts_bare = False
    return Loaded(record=slot.record, blank_reason="", slot=index, damaged=tuple(damaged), keyed=slot.mac is not None)


class Journal:
    """The one writer of a device's record; made by ``opened``."""

    def __init__(self, *, folder: Path, loaded: Loaded, keyring: Keyring, reach: Reach = unwatched) -> None:
        self._folder = folder
        self._keyring = keyring
        self._reach = reach
        self._record = loaded.record
        self._slot = loaded.slot
        self._damaged = set(loaded.damaged)
        self.is_keyed = loaded.keyed

    @property
    def record(self) -> Record:
        """The newest record, as it is on disk."""
        return self._record

    def write(self, record: Record) -> Record:
        """Make a record durable; memory changes only after the disk has. Gives it with its new generation.

        That a disk belongs to other hardware stays in memory where its key cannot be opened, or would be this TPM's: it
        is found out again at every start there, and is over when the disk is back. A tombstone needs nobody to
        vouch for it.

        Raises:
            PrivateFileError: it could not be written; the old record is still there.
            ConfigurationError: the TPM that is to vouch for it cannot be asked now.
        """
        fresh = record.changed(gen=self._record.gen + 1)
        if fresh.phase is Phase.CLONE_SUSPECT and self._keyring.lacks_key:
            self._record = fresh
            return fresh
        data = encode(fresh, mac=self._keyring.mac) if fresh.tombstone is None else encode(fresh)
        keyed = fresh.tombstone is None and self._keyring.seals
        fresh = fresh.changed(v=KEYED if keyed else SCHEMA)
        slot = 1 - self._slot
        path = self._folder / SLOTS[slot]
        if SLOTS[slot] in self._damaged:
            with suppress(OSError):  # evidence is nice to have; the record matters more
                path.rename(path.with_name(path.name + ".bad"))
            self._damaged.discard(SLOTS[slot])
        self._reach(Point.RECORD_WRITE)
        write_private(path, data)
        self._reach(Point.RECORD_WRITTEN)
        self._record, self._slot = fresh, slot
        if keyed:
            self.is_keyed, self._keyring.trusts_bare = True, False
        return fresh

    def disown(self) -> None:
        """Disregard what the disk says, because nobody can vouch for it any more; it is kept aside as damaged.

        One thing still counts: the device's id. Its seat is held under that id, which may be random, or the board's
        where the TPM would give another one today. Not if another TPM sealed it: then it may be another machine's.
        """
        self._damaged.update(name for name in SLOTS if (self._folder / name).exists())
        void = self._record
        fresh = Record(gen=void.gen) if self._keyring.is_elsewhere else _named(void)
        self._record, self.is_keyed = fresh, False
        self._keyring.disowned = True

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


def _generation(found: tuple[Slot, int]) -> int:
    return found[0].record.gen


def _named(void: Record) -> Record:
    """A blank record that keeps of a void one who the device is, and what may be under way in its name."""
    return Record(
        gen=void.gen, device_id=void.device_id, id_source=void.id_source, hw_print=void.hw_print,
        tenant_id=void.tenant_id, app_id=void.app_id, bind=void.bind, orders=void.orders,
    )  # fmt: skip


@contextmanager
def opened(
    folder: Path, *, reach: Reach = unwatched, keyring: Keyring | None = None, accepting: bool = False
) -> Iterator[Journal]:
    """The journal of a state folder, made when missing, held by this process alone.

    Args:
        keyring: vouches for records; may make the key from now on.
        accepting: see ``Keyring.look``.

    Raises:
        StateError: another process holds it, or a newer version wrote it.
        ConfigurationError: the TPM cannot be asked now, or is not named any more.
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
        if keyring is None:
            from device_agent.lifecycle.keyring import Keyring  # late: who only reads needs none

            keyring = Keyring(folder, sealer=None, reach=reach)
        keyring.look(accepting=accepting)
        keyring.mend()
        yield Journal(folder=folder, loaded=load(folder, keyring=keyring), keyring=keyring, reach=reach)
    finally:
        os.close(descriptor)

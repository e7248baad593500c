"""The storage key as it lies in the state folder: sealed to the TPM, in two copies that never change.

Whoever loses it loses every secret, and an SD card fills files with zeros when power fails: a copy is believed only
whole (SHA-256 over every byte), and one that is damaged or missing is written again from the other.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from certs.errors import PrivateFileError
from certs.files import erase, read_private, write_private
from device_agent.lifecycle.points import Point, Reach
from device_agent.tpm.sealing import SealedObject

COPIES = ("storage-key.0", "storage-key.1")
LIMIT = 16 * 1024
"""Bytes; a copy has about six hundred."""


def encode(sealed: SealedObject) -> bytes:
    """Checksum line, then JSON."""
    body = msgspec.json.encode(sealed)
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def decode(data: bytes) -> SealedObject | None:
    """The object in a copy's bytes; ``None`` for anything but exactly what ``encode`` writes."""
    body = data[65:-1]
    try:
        sealed = msgspec.json.decode(body, type=SealedObject)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return sealed if encode(sealed) == data else None


def read(folder: Path) -> list[SealedObject | None]:
    """What each copy holds; ``None`` for one that is damaged, nothing at all where there is neither.

    Raises:
        PrivateFileError: one cannot be read at all, or others could have written it.
    """
    found: list[SealedObject | None] = []
    missing = 0
    for name in COPIES:
        try:
            found.append(decode(read_private(folder / name, limit=LIMIT)))
        except PrivateFileError as error:
            if error.code == "file.missing":
                missing += 1
            elif error.code not in ("file.long", "file.not_file", "file.link"):
                raise
            found.append(None)
    return [] if missing == len(COPIES) else found


def is_there(folder: Path) -> bool:
    """Whether there is a sealed key, whoever's and in whatever state."""
    return any((folder / name).exists() for name in COPIES)


def write(folder: Path, sealed: SealedObject, *, reach: Reach) -> None:
    """Make both copies durable, one after the other, over whatever is there.

    Raises:
        PrivateFileError: one could not be written.
    """
    for name in COPIES:
        reach(Point.KEY_WRITE)
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            erase(folder / name)  # no file can take a folder's place
        write_private(folder / name, encode(sealed))
        reach(Point.KEY_WRITTEN)


def remove(folder: Path) -> None:
    """Forget the key for ever, and with it all that lies under it; may be repeated.

    Raises:
        PrivateFileError: a copy could not be removed.
    """
    for name in COPIES:
        erase(folder / name)

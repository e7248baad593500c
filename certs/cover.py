"""What lies on the disk in a secret's place: the secret itself, or the secret under a key that is not on that disk.

A covered file is a mark of five bytes, a nonce (12 bytes), the ciphertext (as long as the secret), a tag (16 bytes):
AES-256-GCM, with the file's name as additional data, so that one secret's file cannot stand in for another's. The
AES key is HKDF-SHA256 of the storage key, without a salt, for one purpose.

Cryptography is loaded where a key is at hand: most who look at a device's files have none, and it is slow to load.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from certs.errors import PrivateFileError, SealError
from certs.files import erase, read_private, write_private
from certs.secret import SecretBytes

KEY_LENGTH = 32
MARK = b"\0avs\1"
"""Begins a covered file: no text, no JSON and no PEM begins with a zero."""

_NONCE, _TAG = 12, 16
_PURPOSE, _NAMED = b"avatar-agent secrets v1", b"avatar-agent secret v1\0"


class Cover(Protocol):
    """Between a secret and its file; ``name`` is the file's, relative to the folder of all secrets."""

    def close(self, name: str, plain: bytes) -> bytes:
        """What is to be written in the secret's place."""

    def open(self, name: str, kept: bytes) -> SecretBytes:
        """The secret in what was written.

        Raises:
            SealError: it cannot be opened, now or ever.
        """


class Bare:
    """No cover: files hold the secrets themselves."""

    def close(self, name: str, plain: bytes) -> bytes:
        """The secret as it is."""
        del name
        return plain

    def open(self, name: str, kept: bytes) -> SecretBytes:
        """The secret as it is.

        Raises:
            SealError: it is covered, and the key is not here.
        """
        if is_covered(kept):
            raise _lost(name, "its key is gone")
        return SecretBytes(kept)


BARE = Bare()


class KeyedCover:
    """Covers with a storage key of 32 bytes."""

    def __init__(self, key: bytes, *, random_bytes: Callable[[int], bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(derived(key, purpose=_PURPOSE))
        self._random_bytes = random_bytes

    def close(self, name: str, plain: bytes) -> bytes:
        """Mark, nonce, ciphertext, tag."""
        nonce = self._random_bytes(_NONCE)
        return MARK + nonce + self._cipher.encrypt(nonce, bytes(plain), _NAMED + name.encode())

    def open(self, name: str, kept: bytes) -> SecretBytes:
        """The secret, all of it or nothing.

        Raises:
            SealError: it is not covered, was covered by another key or for another file, or any byte was changed.
        """
        from cryptography.exceptions import InvalidTag

        if not is_covered(kept):
            raise _lost(name, "it is not sealed, and should be")
        nonce, sealed = kept[len(MARK) : len(MARK) + _NONCE], kept[len(MARK) + _NONCE :]
        if len(sealed) < _TAG:
            raise _lost(name, "it is cut short")
        try:
            return SecretBytes(self._cipher.decrypt(nonce, sealed, _NAMED + name.encode()))
        except InvalidTag as error:
            raise _lost(name, "it was changed, or sealed with a key that is gone") from error


def derived(key: bytes, *, purpose: bytes) -> bytes:
    """32 bytes for one purpose from a storage key (HKDF-SHA256, no salt)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=purpose).derive(key)


def is_covered(kept: bytes) -> bool:
    """Whether a file's bytes are under a cover, whoever's."""
    return kept.startswith(MARK)


def put_under(cover: Cover, path: Path, *, name: str) -> bool:
    """Cover a secret that lies bare in its file; whether it did. What crashed writes left beside it goes.

    Raises:
        PrivateFileError: it cannot be read or written; the old file is still there.
    """
    try:
        kept = read_private(path)
    except PrivateFileError as error:
        if error.code != "file.missing":
            raise
        erase(path)  # nothing but what a crash left of an earlier write
        return False
    if is_covered(kept):
        return False
    write_private(path, cover.close(name, kept))
    return True


def _lost(name: str, why: str) -> SealError:
    return SealError(f"a secret cannot be opened: {why}", code="seal.lost", where=name)

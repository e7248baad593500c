"""Ed25519 keys of the operator that the stand-in plays: made once, kept in its folder."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from certs.files import read_private, write_private


def kept_key(path: Path) -> Ed25519PrivateKey:
    """The key in this file; a new one where there is none.

    Raises:
        PrivateFileError: it cannot be read or written.
    """
    if path.exists():
        key = load_pem_private_key(read_private(path), None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    key = Ed25519PrivateKey.generate()
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Its public half, as devices are given it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

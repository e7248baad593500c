"""The operator's Ed25519 key at headquarters: a PEM file under a pass phrase, and its public half for the devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from certs.files import read_private
from certs.secret import SecretBytes
from certs.signed import key_id
from device_agent.errors import ConfigurationError
from device_agent.fleet.files import absent, new_file

PRIVATE, PUBLIC = "operator.pem", "operator.pub"
LIMIT = 64 * 1024


def make(folder: Path, *, password: SecretBytes) -> str:
    """A new key in ``folder`` (made if it is not there): the private half encrypted and 0600; the key's id.

    Raises:
        ConfigurationError: a file is there already, or cannot be written.
    """
    absent((folder / PRIVATE, folder / PUBLIC))
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    new_file(folder / PRIVATE, private, private=True)
    new_file(folder / PUBLIC, public)
    return key_id(key.public_key())


def read(file: Path, *, password: Callable[[], SecretBytes]) -> Ed25519PrivateKey:
    """The key in a PEM file that only this user can read.

    Args:
        password: asked for the pass phrase, if the key is under one.

    Raises:
        ConfigurationError: it is no Ed25519 key, or the pass phrase does not fit.
        PrivateFileError: others can read the file, or it is not there.
    """
    data = read_private(file, limit=LIMIT)
    try:
        try:
            key = load_pem_private_key(data, None)
        except TypeError:  # it is under a pass phrase
            key = load_pem_private_key(data, password())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            "the operator's key does not open: another pass phrase, or no key at all",
            code="fleet.key",
            where=str(file),
            hint="try the pass phrase again; avatar-agent fleet keygen makes a new key",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(
            "the operator's key is of another kind",
            code="fleet.key",
            where=str(file),
            hint="orders and manifests need Ed25519: avatar-agent fleet keygen makes one",
        )
    return key

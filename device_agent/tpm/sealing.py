"""A few bytes that only this TPM gives back: a data object under the owner hierarchy's storage key.

The parent is the storage root key of the TCG's provisioning guidance, made from its template each time, so nothing has
to be kept in the TPM and nothing of the operator's in it is touched. The object has no password and no policy: who can
ask this TPM can have the bytes; who has the disk alone cannot. It is exempt from the lockout against guessing
(noDA), as its parent is.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from certs.secret import SecretBytes
from device_agent.tpm import wire
from device_agent.tpm.endorsement import endorsement_public
from device_agent.tpm.primary import Primary, primary

LONGEST = 128
"""Bytes that any TPM seals (MAX_SYM_DATA)."""

_CREATE, _LOAD, _UNSEAL = 0x153, 0x157, 0x15E  # TPM_CC
_CHIP = b"avatar-agent-chip-v1"
_KEYED_HASH = 0x0008  # TPM_ALG
_PARENT = (
    wire.FIXED_TPM
    | wire.FIXED_PARENT
    | wire.SENSITIVE_DATA_ORIGIN
    | wire.USER_WITH_AUTH
    | wire.NO_DA
    | wire.RESTRICTED
    | wire.DECRYPT
)
_OBJECT = wire.FIXED_TPM | wire.FIXED_PARENT | wire.USER_WITH_AUTH | wire.NO_DA
_TEMPLATE = struct.pack(">HHIHHH", _KEYED_HASH, wire.SHA256, _OBJECT, 0, wire.NULL, 0)
"""Type, name algorithm, attributes, no policy, no scheme, and no data: the public half says nothing else."""


class AnotherTpm(Exception):
    """These bytes were sealed by another TPM, or by this one before it was cleared: nobody can open them here.

    Attributes:
        cleared: it is this one, as far as its endorsement key tells, which no clearing changes.
    """

    cleared = False


@dataclass(frozen=True, kw_only=True)
class SealedObject:
    """What is kept of sealed bytes; no secret, and of no use elsewhere.

    Attributes:
        parent: Name of the storage root key (32 bytes): another one means another TPM, or a cleared one.
        public, private: the object's two halves (TPM2B_PUBLIC, TPM2B_PRIVATE) without their lengths.
        chip: tells this TPM from others after it was cleared: a hash of the endorsement key's Name, salted with the
            parent's, because the Name itself is nobody's business.
    """

    parent: bytes
    public: bytes
    private: bytes
    chip: bytes = b""


def seal(exchange: wire.Exchange, data: bytes) -> SealedObject:
    """Seal up to 128 bytes.

    Raises:
        OSError: the TPM refuses, or what it says is no such object.
    """
    with primary(exchange, wire.OWNER, attributes=_PARENT) as parent:
        parameters = wire.sized(wire.sized(b"") + wire.sized(data))  # inSensitive: no password, our bytes
        parameters += wire.sized(_TEMPLATE) + wire.sized(b"") + struct.pack(">I", 0)  # outsideInfo, creationPCR
        answer = wire.ask(exchange, _CREATE, parent.handle, parameters)
        private, public = answer.sized(), answer.sized()
        if not public.startswith(_TEMPLATE[:-2]) or not private:
            raise OSError("it answers with another object than it was asked for")
        sealed = SealedObject(parent=parent.name, public=public, private=private)
        try:
            back = _opened(exchange, parent, sealed)  # before anybody relies on it
        except AnotherTpm:
            back = b""
        if back != data:
            raise OSError("it does not give back what it sealed")
        return sealed


def unseal(exchange: wire.Exchange, sealed: SealedObject) -> bytes:
    """The bytes that were sealed.

    Raises:
        AnotherTpm: this TPM did not seal them, or was cleared since.
        OSError: the TPM cannot be asked now, or what it says is no response.
    """
    with primary(exchange, wire.OWNER, attributes=_PARENT) as parent:
        if parent.name != sealed.parent:
            raise AnotherTpm
        return _opened(exchange, parent, sealed)


def _opened(exchange: wire.Exchange, parent: Primary, sealed: SealedObject) -> bytes:
    try:
        halves = wire.sized(sealed.private) + wire.sized(sealed.public)
        handle, _name = wire.make(exchange, _LOAD, parent.handle, halves)
    except wire.Refused as refused:
        if refused.is_about_a_parameter:
            raise AnotherTpm from refused
        raise
    try:
        answer = wire.ask(exchange, _UNSEAL, handle)
        data = answer.sized()
        answer.end()
        return data
    finally:
        wire.flush(exchange, handle)


def _chip(exchange: wire.Exchange, sealed: SealedObject) -> bytes:
    return hashlib.sha256(_CHIP + sealed.parent + hashlib.sha256(endorsement_public(exchange)).digest()).digest()


class Sealer:
    """Seals and unseals with the TPM behind a device file (``/dev/tpmrm0``), or a Unix socket that speaks for one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[SealedObject, SecretBytes] = {}

    def seal(self, data: bytes) -> SealedObject:
        """Seal up to 128 bytes.

        Raises:
            ConfigurationError: the TPM cannot be asked now (``identity.tpm``).
        """
        with self._line() as exchange:
            sealed = seal(exchange, data)
            sealed = replace(sealed, chip=_chip(exchange, sealed))
        self._kept = {sealed: SecretBytes(data)}
        return sealed

    def unseal(self, sealed: SealedObject) -> bytes:
        """The bytes that were sealed; the TPM is asked once for each object.

        Raises:
            AnotherTpm: this TPM did not seal them, or was cleared since.
            ConfigurationError: the TPM cannot be asked now (``identity.tpm``).
        """
        if sealed not in self._kept:
            with self._line() as exchange:
                try:
                    self._kept = {sealed: SecretBytes(unseal(exchange, sealed))}
                except AnotherTpm as another:
                    another.cleared = sealed.chip == _chip(exchange, sealed)
                    raise
        return self._kept[sealed]

    @contextmanager
    def _line(self) -> Iterator[wire.Exchange]:
        missing = "turn the TPM on in the firmware: the secrets of this device are sealed to it"
        with wire.told(self.path, without=missing), wire.opened(self.path) as exchange:
            yield exchange

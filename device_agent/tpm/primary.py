"""Primary keys: the TPM derives each from a seed of its own and a template, so the same template gives the same key."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from device_agent.tpm.wire import AES, CFB, NULL, SHA256, Exchange, Reader, Refused, flush, make, sized

_CREATE_PRIMARY = 0x131  # TPM_CC
_ECC, _RSA, _P256 = 0x0023, 0x0001, 0x0003
_NOT_THIS_KIND = frozenset({0x2C1, 0x2C4, 0x2CA, 0x2E6})
"""TPM_RC_ASYMMETRIC, _VALUE, _TYPE and _CURVE for parameter 2: this TPM does not do that kind of key."""

_COORDINATE, _MODULUS = 32, 256


@dataclass(frozen=True, kw_only=True)
class Primary:
    """A primary key that is in the TPM now: its handle, and its public area (TPMT_PUBLIC)."""

    handle: int
    public: bytes

    @property
    def name(self) -> bytes:
        """Its Name (part 1, 16) without the algorithm: SHA-256 over the public area, 32 bytes."""
        return hashlib.sha256(self.public).digest()


@contextmanager
def primary(exchange: Exchange, hierarchy: int, *, attributes: int, policy: bytes = b"") -> Iterator[Primary]:
    """The storage key (AES-128-CFB inside) of a hierarchy: P-256, or RSA 2048 where there is no such curve.

    Raises:
        OSError: the TPM refuses, or what it says is no such key.
    """
    try:
        found = _created(exchange, hierarchy, *_ecc_template(attributes, policy))
    except Refused as refused:
        if refused.code not in _NOT_THIS_KIND:
            raise
        found = _created(exchange, hierarchy, *_rsa_template(attributes, policy))
    try:
        _check(found.public, _ecc_template(attributes, policy)[0], _rsa_template(attributes, policy)[0])
        yield found
    finally:
        flush(exchange, found.handle)


def _created(exchange: Exchange, hierarchy: int, fixed: bytes, unique: bytes) -> Primary:
    parameters = sized(sized(b"") + sized(b""))  # inSensitive: no password and no data of ours
    parameters += sized(fixed + unique) + sized(b"") + struct.pack(">I", 0)  # inPublic, outsideInfo, creationPCR
    handle, answer = make(exchange, _CREATE_PRIMARY, hierarchy, parameters)
    try:
        return Primary(handle=handle, public=answer.sized())
    except OSError:
        flush(exchange, handle)
        raise


def _check(public: bytes, elliptic: bytes, rsa: bytes) -> None:
    """All but the key itself must be what was asked for, or the Name would be of something else.

    A coordinate may be shorter than the curve's: some TPMs leave leading zeros out, and their Name is of what they say.
    """
    kind = elliptic if public.startswith(elliptic) else rsa
    if not public.startswith(kind):
        raise OSError("it answers with another key than it was asked for")
    key = Reader(public[len(kind) :])
    lengths = [len(key.sized()), len(key.sized())] if kind == elliptic else [len(key.sized())]
    key.end()
    right = all(0 < length <= _COORDINATE for length in lengths) if kind == elliptic else lengths == [_MODULUS]
    if not right:
        raise OSError("it answers with a key of another length than it was asked for")


_STORAGE = struct.pack(">HHH", AES, 128, CFB)


def _ecc_template(attributes: int, policy: bytes) -> tuple[bytes, bytes]:
    """What is fixed, and room for the key."""
    parameters = _STORAGE + struct.pack(">HHH", NULL, _P256, NULL)  # no scheme, the curve, no KDF
    return _head(_ECC, attributes, policy) + parameters, sized(bytes(_COORDINATE)) + sized(bytes(_COORDINATE))


def _rsa_template(attributes: int, policy: bytes) -> tuple[bytes, bytes]:
    parameters = _STORAGE + struct.pack(">HHI", NULL, 2048, 0)  # no scheme, bits, the default exponent
    return _head(_RSA, attributes, policy) + parameters, sized(bytes(_MODULUS))


def _head(kind: int, attributes: int, policy: bytes) -> bytes:
    """Type, name algorithm, attributes, policy."""
    return struct.pack(">HHI", kind, SHA256, attributes) + sized(policy)

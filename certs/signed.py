"""Documents that an operator signs: one form for all of them, each kind under a name of its own.

    {"payload": "<base64>", "signatures": [{"key": "<id>", "signature": "<base64>"}]}

Each signature is Ed25519 (RFC 8032) over the kind's domain and the payload's bytes, so that what was signed as one kind
is worth nothing as another. Nothing of a payload is read before enough different keys have signed it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MOST_SIGNATURES = 16
_END = "-----END PUBLIC KEY-----"


class NotSigned(Exception):
    """These bytes are no signed document, or too long for one."""


class TooFew(Exception):
    """Fewer of the operator's keys than needed have signed.

    Attributes:
        found: how many of them did.
    """

    def __init__(self, found: int) -> None:
        super().__init__(str(found))
        self.found = found


@dataclass(frozen=True, kw_only=True)
class Signers:
    """Who has to sign: different ones of ``keys``, ``threshold`` of them at least."""

    keys: tuple[Ed25519PublicKey, ...]
    threshold: int = 1

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the keys, each once, sorted."""
        return tuple(sorted({key_id(key) for key in self.keys}))

    def stand_by(self, ids: Collection[str], *, threshold: int) -> bool:
        """Whether what counted by keys of these ids still does: none of them was taken out, nor are more needed now."""
        return set(ids) <= set(self.ids) and self.threshold <= threshold


class _Signature(msgspec.Struct, frozen=True):
    key: str
    signature: str


class _Signed(msgspec.Struct, frozen=True):
    payload: str
    signatures: Annotated[list[_Signature], msgspec.Meta(max_length=MOST_SIGNATURES)]


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the key's DER form (SubjectPublicKeyInfo)."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:16]


def read_keys(pem: bytes) -> tuple[Ed25519PublicKey, ...]:
    """Public keys, one or more in one PEM text; none when there is none, or one is of another kind."""
    try:
        parts = [part for part in pem.decode("ascii").split(_END) if part.strip()]
        keys = [load_pem_public_key(f"{part.strip()}\n{_END}\n".encode()) for part in parts]
    except (ValueError, UnsupportedAlgorithm):
        return ()
    found = tuple(key for key in keys if isinstance(key, Ed25519PublicKey))
    return found if len(found) == len(keys) else ()


def sign(payload: bytes, *, domain: bytes, key: Ed25519PrivateKey) -> bytes:
    """A signed document, as it is served."""
    return _written(payload, [_signature(payload, domain=domain, key=key)])


def sign_too(document: bytes, *, domain: bytes, key: Ed25519PrivateKey, longest: int) -> bytes:
    """The same document with one more signature; what this key signed before is replaced.

    Raises:
        NotSigned: it is no signed document, or has no room for one more signature.
    """
    payload, signatures = _parts(document, longest)
    mine = _signature(payload, domain=domain, key=key)
    others = [one for one in signatures if one.key != mine.key]
    if len(others) >= MOST_SIGNATURES:
        raise NotSigned
    return _written(payload, [*others, mine])


def opened(document: bytes, *, domain: bytes, keys: Sequence[Ed25519PublicKey], threshold: int, longest: int) -> bytes:
    """The payload, if at least ``threshold`` different ones of the keys have signed it.

    Args:
        longest: bytes of a document that is looked at.

    Raises:
        NotSigned: it is no signed document.
        TooFew: too few of the keys have signed it.
    """
    signers = signed_by(document, domain=domain, keys=keys, longest=longest)
    if len(signers) < max(1, threshold):
        raise TooFew(len(signers))
    return _parts(document, longest)[0]


def signed_by(document: bytes, *, domain: bytes, keys: Sequence[Ed25519PublicKey], longest: int) -> frozenset[str]:
    """Ids of those of the keys that have signed it; a key that is there twice, or signed twice, is one.

    Raises:
        NotSigned: it is no signed document.
    """
    payload, signatures = _parts(document, longest)
    known = {key_id(key): key for key in keys}
    return frozenset(one.key for one in signatures if one.key in known and _fits(one, known[one.key], domain + payload))


def unverified(document: bytes, *, longest: int) -> tuple[bytes, tuple[str, ...]]:
    """Payload and ids of the keys that claim to have signed it: for whoever is about to sign it too, and nobody else.

    Raises:
        NotSigned: it is no signed document.
    """
    payload, signatures = _parts(document, longest)
    return payload, tuple(one.key for one in signatures)


def _fits(one: _Signature, key: Ed25519PublicKey, signed: bytes) -> bool:
    try:
        key.verify(base64.b64decode(one.signature, validate=True), signed)
    except InvalidSignature:
        return False
    return True


def _parts(document: bytes, longest: int) -> tuple[bytes, list[_Signature]]:
    try:
        if len(document) > longest:
            raise NotSigned
        signed = msgspec.json.decode(document, type=_Signed)
        for one in signed.signatures:
            base64.b64decode(one.signature, validate=True)
        return base64.b64decode(signed.payload, validate=True), signed.signatures
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise NotSigned from None


def _signature(payload: bytes, *, domain: bytes, key: Ed25519PrivateKey) -> _Signature:
    return _Signature(key_id(key.public_key()), base64.b64encode(key.sign(domain + payload)).decode())


def _written(payload: bytes, signatures: list[_Signature]) -> bytes:
    return msgspec.json.encode(_Signed(base64.b64encode(payload).decode(), signatures))

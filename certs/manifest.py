"""Signed manifests: which avatar packages an operator lets devices show, under which version, and until when.

    {"payload": "<base64>", "signatures": [{"key": "<id>", "signature": "<base64>"}]}

The payload is JSON: ``{"type": "avatar-content", "version": 7, "expires": "2027-01-31T00:00:00Z", "tenant_id": 1,
"app_id": "...", "avatars": {"CODE": {"sha256": "...", "size": 123}}}``. Each signature is Ed25519 (RFC 8032) over
``DOMAIN`` and the payload's bytes. The ideas are The Update Framework's: a version, an end, and what belongs together
is signed together. docs/formats/content-manifest.md shows how to sign one with openssl.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from certs.errors import ManifestError

DOMAIN = b"avatar-content-manifest-v1\n"
"""Before what is signed: the key's signatures are of no use for anything else."""

LONGEST = 1024 * 1024
"""Bytes of a manifest that is read."""

KIND = "avatar-content"
_END = "-----END PUBLIC KEY-----"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed package: SHA-256, lower-case hexadecimal, and length in bytes."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(gt=0)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "type"}):
    """What was signed.

    Attributes:
        version: counts up; a device never goes back.
        expires: with its zone; afterwards the list may be one that somebody held back.
        avatars: code -> package.
    """

    version: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    expires: Annotated[datetime, msgspec.Meta(tz=True)]
    tenant_id: int
    app_id: str
    avatars: dict[str, Listed]
    kind: str = KIND

    @property
    def digest(self) -> str:
        """SHA-256 of what is listed for whom: the same when it was only signed again with a later end."""
        listed = {code: [entry.sha256, entry.size] for code, entry in self.avatars.items()}
        facts = msgspec.json.encode([self.tenant_id, self.app_id, listed], order="sorted")
        return hashlib.sha256(facts).hexdigest()


class _Signature(msgspec.Struct, frozen=True):
    key: str
    signature: str


class _Signed(msgspec.Struct, frozen=True):
    payload: str
    signatures: Annotated[list[_Signature], msgspec.Meta(max_length=16)]


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the key's DER form (SubjectPublicKeyInfo)."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:16]


def sign(manifest: Manifest, *, key: Ed25519PrivateKey) -> bytes:
    """A signed manifest, as it is served."""
    payload = msgspec.json.encode(manifest)
    signature = _Signature(key_id(key.public_key()), base64.b64encode(key.sign(DOMAIN + payload)).decode())
    return msgspec.json.encode(_Signed(base64.b64encode(payload).decode(), [signature]))


def read_keys(pem: bytes, *, where: str = "") -> tuple[Ed25519PublicKey, ...]:
    """The operator's public keys, one or more in one PEM text.

    Raises:
        ManifestError: there is none, or one is of another kind.
    """
    try:
        parts = [part for part in pem.decode("ascii").split(_END) if part.strip()]
        keys = tuple(load_pem_public_key(f"{part.strip()}\n{_END}\n".encode()) for part in parts)
    except (ValueError, UnsupportedAlgorithm):
        keys = ()
    found = tuple(key for key in keys if isinstance(key, Ed25519PublicKey))
    if not found or len(found) != len(keys):
        raise ManifestError(
            "these are no readable Ed25519 public keys",
            code="manifest.keys",
            where=where,
            hint="openssl pkey -in key.pem -pubout writes one",
        )
    return found


def verify(data: bytes, *, keys: Sequence[Ed25519PublicKey], now: datetime, where: str = "") -> Manifest:
    """The manifest, if one of the keys signed it and its time is not over. Nothing of it is read before.

    Raises:
        ManifestError: ``manifest.form``, ``manifest.signature``, or ``manifest.expired``.
    """
    payload = _signed_payload(data, {key_id(key): key for key in keys}, where)
    try:
        manifest = msgspec.json.decode(payload, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _bad_form(where) from None
    if manifest.kind != KIND:
        raise _bad_form(where)
    if now >= manifest.expires:
        raise ManifestError(
            f"the manifest ended on {manifest.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            code="manifest.expired",
            where=where,
            hint="check this device's clock; if it is right, sign a new one, or find out who holds it back",
        )
    return manifest


def _signed_payload(data: bytes, keys: Mapping[str, Ed25519PublicKey], where: str) -> bytes:
    try:
        if len(data) > LONGEST:
            raise ValueError("too long")
        signed = msgspec.json.decode(data, type=_Signed)
        payload = base64.b64decode(signed.payload, validate=True)
        signatures = [(one.key, base64.b64decode(one.signature, validate=True)) for one in signed.signatures]
    except (msgspec.MsgspecError, ValueError, binascii.Error, RecursionError):
        raise _bad_form(where) from None
    for name, signature in signatures:
        key = keys.get(name)
        if key is None:
            continue
        try:
            key.verify(signature, DOMAIN + payload)
        except InvalidSignature:
            continue
        return payload
    raise ManifestError(
        "none of the operator's keys has signed the manifest",
        code="manifest.signature",
        where=where,
        hint="do not go on; check content_keys, and who can write to that host",
    )


def _bad_form(where: str) -> ManifestError:
    return ManifestError("this is no signed manifest", code="manifest.form", where=where, hint="check content_manifest")

"""Signed manifests: which avatar packages an operator lets devices show, under which version, and until when.

The payload is JSON: ``{"type": "avatar-content", "version": 7, "expires": "2027-01-31T00:00:00Z", "tenant_id": 1,
"app_id": "...", "avatars": {"CODE": {"sha256": "...", "size": 123}}}``, in the form of ``certs.signed``. The ideas are
The Update Framework's: a version, an end, and what belongs together is signed together.
docs/formats/content-manifest.md shows how to sign one with openssl.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from certs import signed
from certs.errors import ManifestError

DOMAIN = b"avatar-content-manifest-v1\n"
"""Before what is signed: the key's signatures are of no use for anything else."""

LONGEST = 1024 * 1024
"""Bytes of a manifest that is read."""

KIND = "avatar-content"


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed package: SHA-256, lower-case hexadecimal, and length in bytes."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(gt=0)]


class Listed(Package, frozen=True, kw_only=True, omit_defaults=True):
    """The package of an avatar, for the whole fleet or first for a part of it.

    Attributes:
        rollout: the part, 0 to 1, whose turn it is; the rest stays with ``before``.
        before: the package that was shown until now; there must be one where ``rollout`` is less than 1.
    """

    rollout: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 1.0
    before: Package | None = None

    def is_turn_of(self, device_id: str) -> bool:
        """Whether this device takes the package now.

        A device's place hangs on its id and the package, not on the list's version: when a later list raises
        ``rollout``, those whose turn it was stay in, and another package begins with other devices.
        """
        place = hashlib.sha256(f"avatar-rollout-v1\0{self.sha256}\0{device_id}".encode()).digest()
        return int.from_bytes(place[:8]) < self.rollout * 2**64


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
        listed: dict[str, list[object]] = {code: [one.sha256, one.size] for code, one in self.avatars.items()}
        for code, one in self.avatars.items():
            if one.before is not None:
                listed[code] += [one.rollout, one.before.sha256, one.before.size]
        facts = msgspec.json.encode([self.tenant_id, self.app_id, listed], order="sorted")
        return hashlib.sha256(facts).hexdigest()


def sign(manifest: Manifest, *, key: Ed25519PrivateKey) -> bytes:
    """A signed manifest, as it is served."""
    return signed.sign(msgspec.json.encode(manifest), domain=DOMAIN, key=key)


def read_keys(pem: bytes, *, where: str = "") -> tuple[Ed25519PublicKey, ...]:
    """The operator's public keys, one or more in one PEM text.

    Raises:
        ManifestError: there is none, or one is of another kind.
    """
    keys = signed.read_keys(pem)
    if not keys:
        raise ManifestError(
            "these are no readable Ed25519 public keys",
            code="manifest.keys",
            where=where,
            hint="openssl pkey -in key.pem -pubout writes one",
        )
    return keys


def verify(
    data: bytes, *, keys: Sequence[Ed25519PublicKey], now: datetime, threshold: int = 1, where: str = ""
) -> Manifest:
    """The manifest, if enough of the keys signed it and its time is not over. Nothing of it is read before.

    Raises:
        ManifestError: ``manifest.form``, ``manifest.signature``, or ``manifest.expired``.
    """
    try:
        payload = signed.opened(data, domain=DOMAIN, keys=keys, threshold=threshold, longest=LONGEST)
    except signed.NotSigned:
        raise _bad_form(where) from None
    except signed.TooFew as few:
        raise ManifestError(
            "none of the operator's keys has signed the manifest as it is"
            if not few.found
            else f"{few.found} of the operator's keys signed the manifest, and {threshold} have to",
            code="manifest.signature",
            where=where,
            hint="do not go on; check content_keys and content_threshold, and who can write to that host",
        ) from None
    try:
        manifest = msgspec.json.decode(payload, type=Manifest)
        manifest.expires.astimezone(UTC)  # there are some that UTC has no date for
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        raise _bad_form(where) from None
    if manifest.kind != KIND or any(one.rollout < 1.0 and one.before is None for one in manifest.avatars.values()):
        raise _bad_form(where)
    if now >= manifest.expires:
        raise ManifestError(
            f"the manifest ended on {manifest.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            code="manifest.expired",
            where=where,
            hint="check this device's clock; if it is right, sign a new one, or find out who holds it back",
        )
    return manifest


def _bad_form(where: str) -> ManifestError:
    return ManifestError("this is no signed manifest", code="manifest.form", where=where, hint="check content_manifest")

"""The root of an operator's keys: a signed document that says whose signatures count, and how the next one follows it.

The payload is JSON: ``{"type": "avatar-root", "version": 1, "expires": "2028-01-31T00:00:00Z", "tenant_id": 1,
"app_id": "...", "roles": {"root": {"keys": ["<base64>"], "threshold": 1}, "content": {...}, "order": {...}}}``, in the
form of ``certs.signed``; a key is the base64 of its DER form. The rules are those of The Update Framework's root role
(5.3 of its specification): version N + 1 counts when enough of N's root keys and enough of its own have signed it, no
version is left out, and an end is looked at in the last one only. docs/formats/root.md describes the whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from certs import signed
from certs.errors import RootError
from certs.signed import Signers

DOMAIN = b"avatar-root-v1\n"
"""Before what is signed: a root's signature is of no use for anything else, nor another's for a root."""

LONGEST = 16 * 1024
"""Bytes of a root that is read."""

MOST_KEYS = 16
MOST_NEEDED = 8
"""Highest threshold: the old keys and the new ones have to find room among a document's signatures."""

KIND = "avatar-root"


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Keys (base64 of SubjectPublicKeyInfo in DER), and how many different ones of them have to sign."""

    keys: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{59}=\Z")], ...],
        msgspec.Meta(min_length=1, max_length=MOST_KEYS),
    ]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=MOST_NEEDED)]

    @property
    def signers(self) -> Signers:
        """Raises ValueError when one is no Ed25519 key."""
        return Signers(keys=tuple(_key(text) for text in self.keys), threshold=self.threshold)


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs the next root, lists of packages, and orders: all three are named, so that none is left open."""

    root: Role
    content: Role
    order: Role


class Claims(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "type"}):
    """What was signed.

    Attributes:
        version: counts up by one; a device goes from each to the next.
        expires: with its zone; afterwards nothing new is accepted by it, but for the next root.
    """

    version: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    expires: Annotated[datetime, msgspec.Meta(tz=True)]
    tenant_id: int
    app_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    roles: Roles
    kind: str = KIND


@dataclass(frozen=True, kw_only=True)
class Root:
    """A root that counts.

    Attributes:
        claims: what it says.
        root, content, order: who signs the next root, lists of packages, and orders.
        digest: SHA-256 of what was signed, hexadecimal: the same however often it is signed.
        document: as it came.
    """

    claims: Claims
    root: Signers
    content: Signers
    order: Signers
    digest: str
    document: bytes

    @property
    def version(self) -> int:
        """Counts up by one."""
        return self.claims.version


def role(keys: Sequence[Ed25519PublicKey], *, threshold: int) -> Role:
    """These keys as a root has them."""
    forms = (key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    return Role(keys=tuple(dict.fromkeys(base64.b64encode(form).decode() for form in forms)), threshold=threshold)


def sign(claims: Claims, *, key: Ed25519PrivateKey) -> bytes:
    """A signed root with its first signature; ``signed.sign_too`` adds those of the other holders."""
    return signed.sign(msgspec.json.encode(claims), domain=DOMAIN, key=key)


def first(data: bytes, *, where: str = "") -> Root:
    """The root that somebody was given and believes: enough of its own root keys have signed it. Its end is not
    looked at, because others may follow.

    Raises:
        RootError: ``root.form`` or ``root.signature``.
    """
    return _held_to_itself(unverified(data, where=where), where)


def unverified(data: bytes, *, where: str = "") -> Root:
    """What a root says, whoever signed it: for whoever is about to sign it, or only wants its version.

    Raises:
        RootError: ``root.form``.
    """
    try:
        payload, _signers = signed.unverified(data, longest=LONGEST)
    except signed.NotSigned:
        raise _bad_form(where) from None
    return _read(payload, data, where)


def signed_by(data: bytes, signers: Signers) -> frozenset[str]:
    """Ids of those of the signers whose signatures on a root are good; none on what is no signed document."""
    try:
        return signed.signed_by(data, domain=DOMAIN, keys=signers.keys, longest=LONGEST)
    except signed.NotSigned:
        return frozenset()


def follow(before: Root, data: bytes, *, where: str = "") -> Root:
    """The root after ``before``. Nothing of it is read before enough of the old keys have signed it.

    Raises:
        RootError: ``root.signature`` (by the old keys, or its own), ``root.form``, ``root.version`` (it is not the
            next one), or ``root.account``.
    """
    old = f"the root keys of version {before.version}"
    found = _read(_opened(data, before.root, whose=old, where=where), data, where)
    if found.version != before.version + 1:
        raise RootError(
            f"the root's version is {found.version}, and the next one is {before.version + 1}", code="root.version",
            where=where, hint="each version is served at an address of its own, and none may be left out",
        )  # fmt: skip
    if (found.claims.tenant_id, found.claims.app_id) != (before.claims.tenant_id, before.claims.app_id):
        raise RootError(
            "the root is another application's", code="root.account", where=where,
            hint="a root stays with its tenant and application; check root_url",
        )  # fmt: skip
    return _held_to_itself(found, where)


def check_time(root: Root, *, now: datetime, where: str = "") -> None:
    """Refuse the last root there is when its time is over: a newer one may be held back.

    Raises:
        RootError: ``root.expired``.
    """
    if now >= root.claims.expires:
        raise RootError(
            f"the root of keys, version {root.version}, ended on {root.claims.expires.astimezone(UTC):%Y-%m-%d %H:%M}"
            " UTC: nothing new is accepted by it",
            code="root.expired",
            where=where,
            hint="check this device's clock; if it is right, sign the next root, or find out who holds it back",
        )


def _held_to_itself(root: Root, where: str) -> Root:
    _opened(root.document, root.root, whose="its own root keys", where=where)
    return root


def _opened(data: bytes, signers: Signers, *, whose: str, where: str) -> bytes:
    try:
        return signed.opened(
            data, domain=DOMAIN, keys=signers.keys, threshold=signers.threshold, longest=LONGEST
        )  # fmt: skip
    except signed.NotSigned:
        raise _bad_form(where) from None
    except signed.TooFew as few:
        raise RootError(
            f"{few.found or 'none'} of {whose} signed the root as it is, and {signers.threshold} must",
            code="root.signature", where=where,
            hint="have the missing holders sign (avatar-agent fleet root show), or find out who changed it",
        ) from None  # fmt: skip


def _read(payload: bytes, data: bytes, where: str) -> Root:
    try:
        claims = msgspec.json.decode(payload, type=Claims)
        claims.expires.astimezone(UTC)  # there are some that UTC has no date for
        roles = claims.roles
        root, content, order = roles.root.signers, roles.content.signers, roles.order.signers
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        raise _bad_form(where) from None
    if claims.kind != KIND or any(len(one.ids) < one.threshold for one in (root, content, order)):
        raise _bad_form(where)
    if {*root.ids} & {*content.ids, *order.ids}:
        raise RootError(
            "a root key signs something else as well, and so cannot be kept away from daily use", code="root.form",
            where=where, hint="keep the root keys for roots: avatar-agent fleet keygen makes others",
        )  # fmt: skip
    digest = hashlib.sha256(payload).hexdigest()
    return Root(claims=claims, root=root, content=content, order=order, digest=digest, document=data)


def _key(text: str) -> Ed25519PublicKey:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, UnsupportedAlgorithm) as error:
        raise ValueError("no key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("a key of another kind")
    return key


def _bad_form(where: str) -> RootError:
    return RootError(
        "this is no signed root of keys", code="root.form", where=where, hint="avatar-agent fleet root new writes one"
    )

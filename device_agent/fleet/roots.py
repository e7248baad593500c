"""Roots of keys at headquarters: the first, the next one, and who still has to sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from certs import root as form
from certs.errors import RootError
from certs.root import LONGEST, Claims, Role, Roles, Root
from certs.signed import Signers, read_keys
from device_agent.errors import ConfigurationError, UsageError
from device_agent.fleet.files import read_file

RoleName = Literal["root", "content", "order"]
NAMES: tuple[RoleName, ...] = ("root", "content", "order")


@dataclass(frozen=True, kw_only=True)
class Holders:
    """Keys of one role, and which of them have signed a document."""

    signers: Signers
    signed: frozenset[str]

    @property
    def missing(self) -> int:
        """How many more have to sign."""
        return max(0, self.signers.threshold - len(self.signed))


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a root is on its way to the devices.

    Attributes:
        own: its own root keys.
        before: the root keys of the version before; ``None`` where that was not given.
        problem: why it does not follow that version, but for signatures that are missing; empty if it does.
    """

    root: Root
    own: Holders
    before: Holders | None
    problem: str

    @property
    def is_complete(self) -> bool:
        """Whether devices take it."""
        followed = self.root.version == 1 or self.before is not None
        return followed and not self.problem and all(not one.missing for one in (self.own, self.before) if one)


def role_of(files: Sequence[Path], *, threshold: int) -> Role:
    """The public keys in these files, as a root has them.

    Raises:
        ConfigurationError: a file cannot be read, or holds something else.
    """
    keys: list[Ed25519PublicKey] = []
    for file in files:
        found = read_keys(read_file(file, limit=64 * 1024))
        if not found:
            raise ConfigurationError(
                "these are no readable Ed25519 public keys", code="fleet.key", where=str(file),
                hint="avatar-agent fleet keygen writes a pair; give its .pub here",
            )  # fmt: skip
        keys += found
    return form.role(keys, threshold=threshold)


def new(roles: Roles, *, tenant_id: int, app_id: str, expires: datetime, key: Ed25519PrivateKey) -> bytes:
    """Version 1, with the first of its signatures.

    Raises:
        UsageError: devices would refuse it whoever signed.
    """
    return _signed(Claims(version=1, expires=expires, tenant_id=tenant_id, app_id=app_id, roles=roles), key)


def following(before: bytes, changes: Mapping[str, Role], *, expires: datetime, key: Ed25519PrivateKey) -> bytes:
    """The version after ``before``, with the first of its signatures; roles that are not changed stay.

    Raises:
        RootError: too few have signed ``before``: nothing could follow it.
        UsageError: devices would refuse the new one whoever signed.
    """
    last = form.first(before).claims
    roles = msgspec.structs.replace(last.roles, **changes)
    return _signed(msgspec.structs.replace(last, version=last.version + 1, expires=expires, roles=roles), key)


def standing(document: bytes, *, before: bytes | None, where: str, before_where: str = "") -> Standing:
    """Who has signed a root, and who has to.

    Raises:
        RootError: it, or what is given as the version before, is no root of keys.
    """
    root = form.unverified(document, where=where)
    own = Holders(signers=root.root, signed=form.signed_by(document, root.root))
    if before is None:
        return Standing(root=root, own=own, before=None, problem="")
    old = form.first(before, where=before_where)
    problem = ""
    try:
        form.follow(old, document, where=where)
    except RootError as error:
        if error.code != "root.signature":
            problem = error.message
    holders = Holders(signers=old.root, signed=form.signed_by(document, old.root))
    if not problem and root.version != old.version + 1:  # nobody of the old ones has signed, so that it was not read
        problem = f"it is version {root.version}, and after version {old.version} comes {old.version + 1}"
    return Standing(root=root, own=own, before=holders, problem=problem)


def read(file: Path) -> bytes:
    """A document as it is in a file, at most one byte longer than a root may be. Raises ConfigurationError."""
    return read_file(file, limit=LONGEST + 1)


def _signed(claims: Claims, key: Ed25519PrivateKey) -> bytes:
    data = form.sign(claims, key=key)
    try:
        form.unverified(data)
    except RootError as error:
        raise UsageError(
            f"devices would refuse it: {_why(claims) or error.message}", code="usage.root",
            hint="each threshold (8 at most) needs as many different keys (16 at most); a root key signs nothing else",
        ) from error  # fmt: skip
    return data


def _why(claims: Claims) -> str:
    for name in NAMES:
        role: Role = getattr(claims.roles, name)
        if role.threshold > len(role.keys):
            return f"{role.threshold} {name} keys have to sign, and there are {len(role.keys)}"
    return ""

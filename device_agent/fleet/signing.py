"""What headquarters signs: orders to devices, lists of packages, and once more what another of its keys has signed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import manifest, order, root, signed
from certs.manifest import Listed, Manifest, Package
from certs.order import REMOVE, Order
from certs.root import Claims
from device_agent.errors import ConfigurationError, UsageError
from device_agent.fleet.targets import checked_id

_SPAN = re.compile(r"([0-9]{1,4})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
CHUNK = 1024 * 1024


def end(text: str, *, now: datetime) -> datetime:
    """When something ends: a span from now (``12h``, ``7d``, ``4w``), or a moment with its zone (ISO 8601).

    Raises:
        UsageError: neither, or not in the future.
    """
    found = _SPAN.fullmatch(text)
    try:
        moment = now + int(found[1]) * _UNITS[found[2]] if found else datetime.fromisoformat(text)
        if moment.tzinfo is None or moment <= now:
            raise ValueError("no zone, or over")
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise UsageError(
            "the end is no time to come",
            code="usage.expires",
            where="--expires",
            hint="give a span as in 12h, 7d or 4w, or a moment with its zone as in 2027-01-31T00:00:00Z",
        ) from None


def removals(
    device_ids: Sequence[str],
    *,
    tenant_id: int,
    app_id: str,
    now: datetime,
    expires: datetime,
    key: Ed25519PrivateKey,
    new_id: Callable[[], str],
) -> dict[str, bytes]:
    """For each device the signed order to leave.

    Raises:
        UsageError: an id can be no device's.
    """
    return {
        checked_id(device_id): order.sign(
            Order(
                verb=REMOVE, id=new_id(), device_id=device_id, tenant_id=tenant_id, app_id=app_id,
                issued=now.replace(microsecond=0), expires=expires,
            ),
            key=key,
        )
        for device_id in device_ids
    }  # fmt: skip


def content(
    packages: Mapping[str, Path],
    *,
    rollouts: Mapping[str, tuple[float, Path]] | None = None,
    version: int,
    tenant_id: int,
    app_id: str,
    expires: datetime,
    key: Ed25519PrivateKey,
) -> tuple[Manifest, bytes]:
    """A list of sealed packages as they are in these files, and its signed form.

    Args:
        rollouts: code -> the part of the fleet whose turn it is, and the package that the rest stays with.

    Raises:
        ConfigurationError: a file cannot be read, or is empty.
    """
    listed = Manifest(
        version=version,
        expires=expires,
        tenant_id=tenant_id,
        app_id=app_id,
        avatars={code: _listed(file, (rollouts or {}).get(code)) for code, file in packages.items()},
    )
    return listed, manifest.sign(listed, key=key)


def _listed(file: Path, rollout: tuple[float, Path] | None) -> Listed:
    new = _package(file)
    if rollout is None:
        return Listed(sha256=new.sha256, size=new.size)
    part, before = rollout
    return Listed(sha256=new.sha256, size=new.size, rollout=part, before=_package(before))


def _package(file: Path) -> Package:
    digest, size = hashlib.sha256(), 0
    try:
        with file.open("rb") as stream:
            while piece := stream.read(CHUNK):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise ConfigurationError(
            f"the package cannot be read: {(error.strerror or type(error).__name__).lower()}",
            code="fleet.file",
            where=str(file),
            hint="name the sealed package as the platform serves it",
        ) from error
    if not size:
        raise ConfigurationError("the package is empty", code="fleet.file", where=str(file), hint="download it again")
    return Package(sha256=digest.hexdigest(), size=size)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A document that somebody signed: what it says (not verified), and by which keys it says so.

    Attributes:
        holders: of a root, ids of its own root keys: another key counts only if it is one of the version before.
    """

    kind: str
    domain: bytes
    longest: int
    says: dict[str, object]
    signers: tuple[str, ...]
    holders: tuple[str, ...] = ()


def look(document: bytes, *, where: str) -> Found:
    """What a document says that is to be signed once more, to be shown to the person who signs it.

    Raises:
        ConfigurationError: it is no order, no list of packages and no root of keys.
        RootError: it is a root of keys that no device would take.
    """
    for kind, domain, longest, form, name in (
        ("order", order.DOMAIN, order.LONGEST, Order, order.KIND),
        ("manifest", manifest.DOMAIN, manifest.LONGEST, Manifest, manifest.KIND),
        ("root", root.DOMAIN, root.LONGEST, Claims, root.KIND),
    ):
        try:
            payload, signers = signed.unverified(document, longest=longest)
            says = msgspec.to_builtins(msgspec.json.decode(payload, type=form))
        except (signed.NotSigned, msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if says["type"] == name == root.KIND:
            found = root.unverified(document, where=where)
            roles = {"root": found.root, "content": found.content, "order": found.order}
            says["roles"] = {
                role: {"needs": f"{one.threshold} of {len(one.ids)}", "keys": " ".join(one.ids)}
                for role, one in roles.items()
            }
            return Found(kind=kind, domain=domain, longest=longest, says=says, signers=signers, holders=found.root.ids)
        if says["type"] == name:
            return Found(kind=kind, domain=domain, longest=longest, says=says, signers=signers)
    raise ConfigurationError(
        "this is no signed order, list of packages, or root of keys",
        code="fleet.document",
        where=where,
        hint="avatar-agent fleet order, fleet manifest and fleet root write them",
    )


def sign_too(document: bytes, found: Found, *, key: Ed25519PrivateKey, where: str) -> bytes:
    """The document with this key's signature as well.

    Raises:
        ConfigurationError: it has as many as there may be.
    """
    try:
        return signed.sign_too(document, domain=found.domain, key=key, longest=found.longest)
    except signed.NotSigned:
        raise ConfigurationError(
            f"the document has {signed.MOST_SIGNATURES} signatures, and no room for more",
            code="fleet.document",
            where=where,
            hint="sign a new one",
        ) from None

"""What somebody signed: orders, lists of packages and roots of keys, as they come and below a right signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import manifest, order, root, signed
from certs.manifest import Listed, Manifest
from certs.order import Order
from tests.fuzz.target import Target, of_json

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = (SIGNER.public_key(),)
ORDER = Order(verb="remove", id="order-0001", device_id="KIOSK1", tenant_id=1, app_id="a", issued=NOW,
              expires=NOW + timedelta(days=3))  # fmt: skip
MANIFEST = Manifest(
    version=3, expires=NOW + timedelta(days=3), tenant_id=1, app_id="a",
    avatars={"CH": Listed(sha256="ab" * 32, size=9),
             "D": Listed(sha256="cd" * 32, size=1, rollout=0.5, before=manifest.Package(sha256="ef" * 32, size=2))},
)  # fmt: skip
HOLDER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
DAILY = root.role(KEYS, threshold=1)
ROOT = root.Claims(
    version=2, expires=NOW + timedelta(days=3), tenant_id=1, app_id="a",
    roles=root.Roles(root=root.role([HOLDER.public_key()], threshold=1), content=DAILY, order=DAILY),
)  # fmt: skip


def read_order(data: bytes) -> None:
    found = order.verify(data, keys=KEYS, now=NOW)
    order.meant_for(found, device_id="KIOSK1", tenant_id=1, app_id="a")


def read_manifest(data: bytes) -> None:
    found = manifest.verify(data, keys=KEYS, now=NOW)
    assert found.digest
    assert all(one.is_turn_of("KIOSK1") in (True, False) for one in found.avatars.values())


def read_keys(data: bytes) -> None:
    order.read_keys(data)


def read_root(data: bytes) -> None:
    before = root.first(root.sign(msgspec.structs.replace(ROOT, version=1), key=HOLDER))
    assert root.follow(before, data).version == 2


def below(read: Callable[[bytes], None], domain: bytes, key: Ed25519PrivateKey = SIGNER) -> Callable[[bytes], None]:
    """The case is what was signed: whoever signs may have a program with a defect."""
    return lambda data: read(signed.sign(data, domain=domain, key=key))


def pem() -> Sequence[bytes]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    one = SIGNER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return [one, one + one]


TARGETS = {
    "order": Target(run=read_order, seeds=lambda: [order.sign(ORDER, key=SIGNER)], mutate=of_json),
    "order-payload": Target(
        run=below(read_order, order.DOMAIN), seeds=lambda: [msgspec.json.encode(ORDER)], mutate=of_json
    ),
    "manifest": Target(run=read_manifest, seeds=lambda: [manifest.sign(MANIFEST, key=SIGNER)], mutate=of_json),
    "manifest-payload": Target(
        run=below(read_manifest, manifest.DOMAIN), seeds=lambda: [msgspec.json.encode(MANIFEST)], mutate=of_json
    ),
    "root": Target(run=read_root, seeds=lambda: [root.sign(ROOT, key=HOLDER)], mutate=of_json),
    "root-payload": Target(
        run=below(read_root, root.DOMAIN, HOLDER), seeds=lambda: [msgspec.json.encode(ROOT)], mutate=of_json
    ),
    "order-keys": Target(run=read_keys, seeds=pem),
}

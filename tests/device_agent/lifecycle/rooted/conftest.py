"""A headquarters that signs roots, lists and orders, and a device that follows its root of keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import root as roots
from certs import signed
from certs.errors import ManifestError, RootError
from certs.manifest import Listed, Manifest, sign
from certs.order import Order
from certs.order import sign as sign_order
from certs.root import Claims, Roles, role
from certs.signed import key_id
from device_agent.lifecycle import root_chain
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.machine import Phase
from device_agent.service.checkup import checkup
from device_agent.service.finding import Finding
from tests.device_agent.lifecycle.conftest import CODE, FILES, Kiosk

R1, R2, C1, C2, O1, O2, THIEF = (Ed25519PrivateKey.generate() for _ in range(7))
YEAR = timedelta(days=365)


class Headquarters:
    """Signs roots, lists and orders; the stand-in serves them."""

    def __init__(self, kiosk: Kiosk) -> None:
        kiosk.harness.sign_content()
        kiosk.harness.root_keys()
        self.kiosk, self.world = kiosk, kiosk.harness._world
        self.folder = kiosk.harness.folder / "roots"
        ready = kiosk.harness.ready
        self.account = {"tenant_id": ready.tenant_id, "app_id": ready.app_id}
        self.first = kiosk.folder.parent / "root.json"
        self.first.write_bytes(self.root(1))
        kiosk.overrides |= {
            "content_manifest": ready.content_manifest, "root": str(self.first), "root_url": ready.root_url,
        }  # fmt: skip

    def root(self, version: int, *, by: tuple[Ed25519PrivateKey, ...] = (R1, R2), **changes: Any) -> bytes:
        keys = {"root": (R1, R2), "content": (C1,), "order": (O1,)}
        keys |= {name: changes.pop(name) for name in tuple(keys) if name in changes}
        roles = {
            name: role([key.public_key() for key in found], threshold=changes.pop(f"{name}_threshold", 1))
            for name, found in keys.items()
        }
        facts = {"version": version, "expires": datetime.now(UTC) + YEAR, **self.account, **changes}
        data = roots.sign(Claims(roles=Roles(**roles), **facts), key=by[0])
        for key in by[1:]:
            data = signed.sign_too(data, domain=roots.DOMAIN, key=key, longest=roots.LONGEST)
        return data

    def serves_root(self, version: int, **changes: Any) -> None:
        self.puts(version, self.root(version, **changes))

    def puts(self, version: int, data: bytes) -> None:
        file = self.folder / f"{version}.json"
        file.touch(mode=0o600)
        file.write_bytes(data)

    def lists(self, version: int, *, by: Ed25519PrivateKey = C1, also: Ed25519PrivateKey | None = None) -> None:
        self.kiosk.harness.warm()
        packages = self.kiosk.harness.with_world(
            lambda world: world.shelf.listed(tenant_id=self.account["tenant_id"])  # type: ignore[arg-type]
        )
        said = Manifest(
            version=version, expires=datetime.now(UTC) + timedelta(days=1), **self.account,  # type: ignore[arg-type]
            avatars={p.code: Listed(sha256=p.sha256, size=p.size) for p in packages},
        )  # fmt: skip
        data = sign(said, key=by)
        if also is not None:
            data = signed.sign_too(data, domain=b"avatar-content-manifest-v1\n", key=also, longest=2**20)

        async def served() -> bytes:
            return data

        self.world.listing.signed = served  # type: ignore[union-attr, method-assign]

    def order(self, record: Any, *, by: Ed25519PrivateKey) -> bytes:
        now = datetime.now(UTC)
        said = Order(
            verb="remove", id=f"order-{key_id(by.public_key())}", device_id=record.device_id, issued=now,
            expires=now + timedelta(days=1), **self.account,  # type: ignore[arg-type]
        )  # fmt: skip
        return sign_order(said, key=by)

    def asked(self) -> list[str]:
        calls = self.kiosk.harness.calls(operation="assets")
        return [call.path.rpartition("/")[2] for call in calls if "/roots/" in call.path]


@pytest.fixture
def hq(kiosk: Kiosk) -> Headquarters:
    return Headquarters(kiosk)


def fetch(kiosk: Kiosk, **more: Any) -> tuple[int, int]:
    """An avatar by the newest root and list; their versions as they are on the disk."""
    with kiosk.engine(**more) as engine:
        engine.bind()
        engine.fetch(CODE)
        record = engine.record
    assert record.root is not None
    assert record.root.version == root_chain.load(kiosk.settings()).last.version
    return record.root.version, record.content.manifest_version


def refused(kiosk: Kiosk, **more: Any) -> str:
    """The code of a refusal after which the picture is what it was."""
    with kiosk.engine(**more) as engine:
        with pytest.raises((ManifestError, RootError)) as caught:
            engine.fetch(CODE)
        assert engine.record.phase is Phase.READY
    assert set(open_avatar(kiosk.settings(), None)) >= set(FILES)
    assert caught.value.hint
    return caught.value.code


def chain_file(kiosk: Kiosk) -> Path:
    return kiosk.settings().state_dir / root_chain.FILE


def finding(kiosk: Kiosk, check: str = "root", **overrides: str) -> Finding:
    return next(one for one in checkup(kiosk.settings(**overrides), environ={}, network=False) if one.check == check)

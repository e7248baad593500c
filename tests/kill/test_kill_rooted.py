"""Power fails while new roots of keys are fetched, kept and used: the device is at an old one or a new one, whole, and
comes back from a version that a thief has set too high.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import manifest
from certs import root as roots
from certs.manifest import Listed, Manifest
from certs.root import Claims, Roles, role
from device_agent.lifecycle import root_chain
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point

from .conftest import Machine, operations

OWN = [point for point in Point if point.value.startswith("root.")]
HOLDER, STOLEN, NEW = (Ed25519PrivateKey.generate() for _ in range(3))
HIGHEST = 2**53


class Rooted:
    """A machine that believes a root of keys, and who signs for it."""

    def __init__(self, machine: Machine) -> None:
        machine.harness.sign_content()
        machine.harness.root_keys()
        self.machine, self.folder, self.first = machine, machine.harness.folder / "roots", machine.folder / "root.json"
        self.first.write_bytes(self.signed(1, STOLEN))
        ready = machine.harness.ready
        machine.overrides |= {
            "root": str(self.first), "root_url": ready.root_url, "content_manifest": ready.content_manifest,
        }  # fmt: skip

    def signed(self, version: int, content: Ed25519PrivateKey) -> bytes:
        ready = self.machine.harness.ready
        keys = {"root": HOLDER, "content": content, "order": content}
        said = Claims(
            version=version, expires=datetime.now(UTC) + timedelta(days=365), tenant_id=ready.tenant_id,
            app_id=ready.app_id, roles=Roles(**{name: role([k.public_key()], threshold=1) for name, k in keys.items()}),
        )  # fmt: skip
        return roots.sign(said, key=HOLDER)

    def lists(self, version: int, *, by: Ed25519PrivateKey) -> None:
        harness = self.machine.harness
        harness.warm()
        ready = harness.ready
        rows = harness.with_world(lambda world: world.shelf.listed(tenant_id=ready.tenant_id))
        said = Manifest(
            version=version, expires=datetime.now(UTC) + timedelta(days=1), tenant_id=ready.tenant_id,
            app_id=ready.app_id, avatars={row.code: Listed(sha256=row.sha256, size=row.size) for row in rows},
        )  # fmt: skip
        data = manifest.sign(said, key=by)

        async def served() -> bytes:
            return data

        harness._world.listing.signed = served  # type: ignore[union-attr, method-assign]

    def begin(self) -> None:
        """An avatar by the stolen key, under the highest version; then two new roots lie ready."""
        for version in (2, 3):
            (self.folder / f"{version}.json").unlink(missing_ok=True)
        self.machine.renew()
        self.lists(HIGHEST, by=STOLEN)
        assert not self.machine.run("bind", "start", "fetch")
        (self.machine.folder / "log").unlink()
        for version in (2, 3):
            file = self.folder / f"{version}.json"
            file.touch(mode=0o600)
            file.write_bytes(self.signed(version, NEW))
        self.lists(7, by=NEW)

    def check(self) -> None:
        """The picture is there; every root that is kept follows from the settings', and the record is not ahead."""
        self.machine.check()
        record = self.machine.record().record
        assert (record.phase, record.content.manifest_version) in [(Phase.READY, HIGHEST), (Phase.READY, 7)]
        file = self.machine.state / root_chain.FILE
        kept = msgspec.json.decode(file.read_bytes(), type=list[msgspec.Raw]) if file.exists() else []
        before = roots.first(self.first.read_bytes())
        for document in kept:
            before = roots.follow(before, bytes(document))
        assert record.root is not None
        assert record.root.version <= before.version in (1, 3)
        assert record.content.manifest_version == HIGHEST or record.root.version == 3, "used before it was durable"

    def finish(self) -> None:
        assert not self.machine.run("fetch")
        record = self.machine.record().record
        assert record.root is not None
        assert (record.root.version, record.content.manifest_version) == (3, 7)
        self.machine.finish()


@pytest.fixture(scope="module")
def rooted(machine: Machine) -> Iterator[Rooted]:
    before = dict(machine.overrides)
    yield Rooted(machine)
    machine.overrides.clear()
    machine.overrides |= before


@pytest.mark.parametrize("point", [*OWN, Point.RECORD_WRITE, Point.RECORD_WRITTEN])
def test_killed_once_and_for_ever_at_each_point(rooted: Rooted, point: Point) -> None:
    for occurrence in range(1, 9):
        rooted.begin()
        if not rooted.machine.run("fetch", kill={"point": point.value, "from": occurrence}):
            assert occurrence > 1, "the point was never passed"
            break
        rooted.check()
        rooted.finish()
    rooted.begin()
    for _ in range(3):
        rooted.machine.run("fetch", kill={"point": point.value})
        rooted.check()
    rooted.finish()


@pytest.mark.parametrize("lose", ["", "old", "zeros", "half", "some"])
def test_killed_before_operations_and_what_was_not_synced_is_lost(rooted: Rooted, lose: str) -> None:
    rooted.begin()
    assert not rooted.machine.run("fetch")
    last = operations(rooted.machine.lines())
    assert last > 15
    for number in range(1, last + 1, 3):
        rooted.begin()
        how = {"lose": f"some:{number}" if lose == "some" else lose} if lose else {}
        assert rooted.machine.run("fetch", kill={"op": number, **how})
        if lose:
            rooted.machine.restore_what_was_sure()
        rooted.check()
        rooted.finish()

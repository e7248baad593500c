"""Power fails while a licence whose order has ended gives way to a new one: what works stays, and the picture too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.license import License
from device_agent.config import Settings
from device_agent.harness.state.seats import LicenseState
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.vault import Vault

from .conftest import FILES, Machine, alive_machine

POINTS = [
    Point.RECORD_WRITE,
    Point.RECORD_WRITTEN,
    Point.SECRET_WRITE,
    Point.SECRET_WRITTEN,
    Point.LICENSE_AUTH_SEND,
    Point.LICENSE_AUTH_ANSWERED,
    Point.CLIENT_AUTH_SEND,
    Point.CLIENT_AUTH_ANSWERED,
    Point.RENDER_3D_AVATAR_SEND,
    Point.RENDER_3D_AVATAR_ANSWERED,
    Point.PACKAGE_COMPLETE,
    Point.PACKAGE_ACTIVE,
]


class Renewing:
    """A machine with two licences of other keys; the second is what its settings name after ``renew``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        issued = machine.harness.issue_license()
        self.old, self.new = (str(Path(name)) for name in (machine.harness.ready.license_file, issued["license_file"]))
        ids = machine.harness.with_world(lambda world: [row["license_id"] for row in world.seats.licenses()])
        self.ids = dict(zip((self.old, self.new), ids, strict=True))

    def become(self, file: str, state: LicenseState) -> None:
        assert self.machine.harness.with_world(lambda world: world.seats.set_state(self.ids[file], state))

    def begin(self) -> None:
        """Bound and supplied with the old licence, whose order then ends."""
        self.machine.overrides.pop("license_file", None)
        self.machine.has_license_file = True
        self.become(self.old, "active")
        self.become(self.new, "active")
        self.machine.renew()
        assert not self.machine.run("bind", "fetch")
        self.become(self.old, "expired")
        assert not self.machine.run("start")
        assert self.machine.record().record.phase is Phase.LICENSE_BLOCKED
        self.machine.overrides["license_file"] = self.new

    def settings(self) -> Settings:
        machine = self.machine
        return Settings.load(
            None,
            environ={},
            overrides={"state_dir": str(machine.state), "cache_dir": str(machine.disk / "cache")},
            system_file=Path("/none"),
        )

    def check(self) -> None:
        """At every moment: what worked is here, and the avatar on this disk opens with what is here."""
        assert open_avatar(self.settings(), None)["character.glb"] == FILES["character.glb"], "R5: the picture is lost"
        vault, record = Vault(self.machine.state), self.machine.record().record
        kept = [text for text in (vault.license(), vault.new_license(), vault.previous_license()) if text is not None]
        assert record.bound is not None
        assert record.bound.license_fp in [License.parse(text.reveal()).fingerprint for text in kept], "V7"


@pytest.fixture(scope="module")
def renewing(
    tmp_path_factory: pytest.TempPathFactory, killed_key: rsa.RSAPrivateKey, one_authority: Path
) -> Iterator[Renewing]:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = itertools.chain([killed_key, other]).__next__
    folder = tmp_path_factory.mktemp("renewing")
    with alive_machine(folder, keys, authority=one_authority, managed=False) as alive:
        yield Renewing(alive)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("works", ["new", "old"])
def test_killed_at_each_point_of_a_renewal(renewing: Renewing, point: Point, works: str) -> None:
    """Afterwards with no licence file at all: the new one works, or only the old one does, whose order was renewed."""
    machine = renewing.machine
    for occurrence in range(1, 12):
        renewing.begin()
        killed = machine.run("bind", "fetch", kill={"point": point.value, "from": occurrence})
        renewing.check()
        if not killed:
            assert occurrence > 1, "the point was never passed"
            assert machine.record().record.license_fp == License.load(Path(renewing.new)).fingerprint
            break
        del machine.overrides["license_file"]
        machine.has_license_file = False
        if works == "old" and machine.record().record.phase in (Phase.BINDING, Phase.LICENSE_BLOCKED):
            renewing.become(renewing.new, "expired")
            renewing.become(renewing.old, "active")
        for _ in range(2):
            assert not machine.run("bind")
            renewing.check()
        assert not machine.run("fetch")
        if machine.record().record.phase is Phase.LICENSE_BLOCKED:  # killed before the new one was kept
            assert works == "new"
            assert Vault(machine.state).new_license() is None
        else:
            assert machine.record().record.phase is Phase.READY
            assert Vault(machine.state).previous_license() is None
            assert Vault(machine.state).new_license() is None
        renewing.check()

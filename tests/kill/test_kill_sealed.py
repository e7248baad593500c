"""Power fails while a device makes its storage key, goes under it, lives with it, and erases it first."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.license import License
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.tpm.sealing import Sealer
from tests.stand_in_tpm import StandInTpm

from .conftest import MANAGED_LIFE, Machine, alive_machine, live_and_die, operations, passed

OWN = (Point.KEY_WRITE, Point.KEY_WRITTEN, Point.ERASE_KEY)
EVERY = (*OWN, Point.SECRET_WRITE, Point.RECORD_WRITE, Point.RECORD_WRITTEN, Point.CERTIFICATE_KEPT)
NEVER_AGAIN = 10_000


@pytest.fixture(scope="module")
def chip() -> StandInTpm:
    return StandInTpm()


@pytest.fixture(scope="module")
def sealed(
    tmp_path_factory: pytest.TempPathFactory, killed_key: rsa.RSAPrivateKey, one_authority: Path, chip: StandInTpm
) -> Iterator[Machine]:
    """A machine with a TPM, and with a certificate instead of an access key."""
    folder = tmp_path_factory.mktemp("sealed")
    with (
        chip.serving(folder / "tpm") as path,
        alive_machine(folder, lambda: killed_key, authority=one_authority, managed=True) as alive,
    ):
        alive.tpm = path
        yield alive


def check(machine: Machine) -> None:
    """The rules of every life; and what the record says is vouched for, as far as it was written at all."""
    machine.check()
    assert machine.tpm is not None
    keyring = Keyring(machine.state, sealer=Sealer(machine.tpm))
    vouched = load(machine.state, keyring=keyring) if machine.state.is_dir() else machine.record()
    assert vouched.record == machine.record().record
    if vouched.record.phase in (Phase.BOUND, Phase.READY):
        assert machine.vault().license() is not None, "V7"
        assert machine.vault().lineage.current() is not None, "V7"
    if vouched.keyed:
        assert exposed(machine) == [], "a record that is vouched for says that nothing lies bare"


def exposed(machine: Machine) -> list[str]:
    """Files that show a piece of the licence or of a key, finished or not."""
    licence = License.load(Path(machine.harness.ready.license_file)).reveal()
    secrets = (licence[:48].encode(), licence[64:112].encode(), b"PRIVATE KEY")
    return [
        str(path)
        for path in machine.disk.rglob("*")
        if path.is_file() and any(secret in path.read_bytes() for secret in secrets)
    ]


def finish(machine: Machine) -> None:
    machine.finish()
    assert machine.record().record.phase is Phase.DECOMMISSIONED


def test_every_point_of_the_key_is_passed(sealed: Machine) -> None:
    sealed.renew()
    finish(sealed)
    assert passed(sealed.lines()) >= {point.value for point in OWN}


@pytest.mark.parametrize("point", EVERY)
def test_killed_once_and_for_ever_at_each_point(sealed: Machine, point: Point) -> None:
    for occurrence in range(1, 9):
        sealed.renew()
        if not live_and_die(sealed, {"point": point.value, "from": occurrence}, life=MANAGED_LIFE):
            assert occurrence > 1, "the point was never passed"
            break
        check(sealed)
        finish(sealed)
    sealed.renew()
    for _ in range(3):
        live_and_die(sealed, {"point": point.value}, life=MANAGED_LIFE)
        check(sealed)
    finish(sealed)


def life_length(machine: Machine) -> int:
    machine.renew()
    assert not machine.run(*MANAGED_LIFE)
    return operations(machine.lines())


def everywhere(machine: Machine, *, step: int) -> None:
    for number in range(1, life_length(machine) + 1, step):
        machine.renew()
        assert machine.run(*MANAGED_LIFE, kill={"op": number}), number
        check(machine)
        finish(machine)


def test_killed_before_operations_of_a_sealed_life(sealed: Machine) -> None:
    everywhere(sealed, step=17)


@pytest.mark.slow
def test_killed_before_every_operation_of_a_sealed_life(sealed: Machine) -> None:
    everywhere(sealed, step=1)


@pytest.mark.parametrize("lose", ["old", "zeros", "half", "some"])
def test_what_a_sealed_life_did_not_sync_is_lost(sealed: Machine, lose: str) -> None:
    for number in range(3, life_length(sealed) + 1, 61):
        sealed.renew()
        assert sealed.run(*MANAGED_LIFE, kill={"op": number, "lose": f"some:{number}" if lose == "some" else lose})
        sealed.restore_what_was_sure()
        sealed.check()
        finish(sealed)


class Unsealed:
    """A device from before, as its disk was when it got a TPM; put back for each trial."""

    def __init__(self, machine: Machine, aside: Path) -> None:
        self.machine = machine
        self.aside = aside
        path, machine.tpm = machine.tpm, None
        machine.renew()
        assert not machine.run("bind", "start", "fetch")
        machine.tpm = path
        shutil.copytree(machine.disk, aside, symlinks=True)
        self.device_id = machine.record().record.device_id

    def put_back(self) -> None:
        self.machine.lose_the_disk()
        shutil.copytree(self.aside, self.machine.disk, symlinks=True, dirs_exist_ok=True)
        (self.machine.folder / "log").unlink(missing_ok=True)

    def length(self) -> int:
        self.put_back()
        assert exposed(self.machine)
        assert not self.machine.run("start")
        self.is_sealed()
        return operations(self.machine.lines())

    def lives_on(self) -> None:
        """As if nothing had been: the same seat, licence and certificate, and nothing bare."""
        machine = self.machine
        check(machine)
        record = machine.record().record
        assert (record.phase, record.device_id) == (Phase.READY, self.device_id)
        assert not machine.run("start")
        self.is_sealed()

    def is_sealed(self) -> None:
        check(self.machine)
        assert self.machine.record().record.v == 2
        assert exposed(self.machine) == []
        assert self.machine.vault().bare() == []
        assert sealed_key.is_there(self.machine.state)


@pytest.fixture(scope="module")
def before(sealed: Machine, tmp_path_factory: pytest.TempPathFactory) -> Unsealed:
    return Unsealed(sealed, tmp_path_factory.mktemp("before") / "disk")


def test_killed_before_every_operation_of_going_under_the_key(before: Unsealed) -> None:
    for number in range(1, before.length() + 1):
        before.put_back()
        assert before.machine.run("start", kill={"op": number}), number
        before.lives_on()


@pytest.mark.parametrize("lose", ["old", "zeros", "half", "some"])
def test_what_going_under_the_key_did_not_sync_is_lost(before: Unsealed, lose: str) -> None:
    for number in range(1, before.length() + 1, 3):
        before.put_back()
        how = f"some:{number}" if lose == "some" else lose
        assert before.machine.run("start", kill={"op": number, "lose": how})
        before.machine.restore_what_was_sure()
        before.lives_on()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("forever", [False, True], ids=["once", "for ever"])
def test_a_disk_that_refuses_to_go_under_the_key(before: Unsealed, code: int, forever: bool) -> None:
    for number in range(1, before.length() + 1, 3):
        before.put_back()
        last = NEVER_AGAIN if forever else number + 1
        assert not before.machine.run("start", kill={"errno": code, "from": number, "until": last})
        before.lives_on()


def bound_and_cleared(machine: Machine, chip: StandInTpm) -> None:
    """A device with everything, whose TPM has just been cleared; the office gives it another secret."""
    machine.renew()
    assert not machine.run("bind", "start", "fetch")
    chip.clear()
    assert machine.office is not None
    machine.secret = machine.office.office.invite(machine.device_id)
    (machine.folder / "log").unlink()


def test_killed_while_a_cleared_tpm_is_got_over(sealed: Machine, chip: StandInTpm) -> None:
    """As after a lost disk: one seat, the same id, nothing of before believed, and a key that opens again."""
    bound_and_cleared(sealed, chip)
    assert not sealed.run("bind", "fetch")
    last = operations(sealed.lines())
    for number in range(1, last + 1, 9):
        bound_and_cleared(sealed, chip)
        assert sealed.run("bind", "fetch", kill={"op": number})
        assert len(sealed.seats()) == 1
        assert not sealed.run("bind", "fetch")
        check(sealed)
        assert sealed.record().record.phase is Phase.READY
        finish(sealed)

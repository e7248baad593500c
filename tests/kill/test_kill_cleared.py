"""Power fails while a device gets over a TPM that was cleared. Its id is one that it could not derive again (a random
one, or the board's where the TPM would give another today). It stays, and so does the seat.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.tpm.sealing import Sealer
from tests.stand_in_tpm import StandInTpm

from .conftest import SERIAL, Machine, alive_machine, operations, passed

AGAIN = ("bind", "fetch")
POINTS = (Point.KEY_WRITE, Point.KEY_WRITTEN, Point.RECORD_WRITE, Point.RECORD_WRITTEN, Point.SECRET_WRITE)


class Cleared:
    """A device that holds a seat, as its disk was when its TPM was cleared; put back for each trial."""

    def __init__(self, machine: Machine, chip: StandInTpm, aside: Path, *, serial: str) -> None:
        self.machine, self._chip, self._aside = machine, chip, aside
        (machine.folder / "serial").write_text(serial, encoding="ascii")
        path, machine.tpm, machine.id_from_tpm = machine.tpm, None, True
        machine.renew()
        assert not machine.run("bind")
        machine.tpm = path
        assert not machine.run("start", "fetch")
        record = machine.record().record
        assert (record.phase, record.v) == (Phase.READY, 2)
        assert record.id_source == ("board" if serial == SERIAL else "random")
        self.device_id = record.device_id
        shutil.copytree(machine.disk, aside, symlinks=True)
        chip.clear()

    def put_back(self) -> None:
        self.machine.lose_the_disk()
        shutil.copytree(self._aside, self.machine.disk, symlinks=True, dirs_exist_ok=True)
        (self.machine.folder / "log").unlink(missing_ok=True)

    def clear(self) -> None:
        self._chip.clear()

    def length(self) -> int:
        self.put_back()
        assert not self.machine.run(*AGAIN)
        self.is_over()
        return operations(self.machine.lines())

    def is_cut(self) -> None:
        """Whatever there is now, whoever vouches for it: nothing names another device, and none holds a seat."""
        assert self.machine.tpm is not None
        keyring = Keyring(self.machine.state, sealer=Sealer(self.machine.tpm))
        assert load(self.machine.state, keyring=keyring).record.device_id == self.device_id
        assert self.machine.seats() == [self.device_id]

    def is_over(self) -> None:
        record = self.machine.record().record
        assert (record.phase, record.device_id, record.v) == (Phase.READY, self.device_id, 2)
        assert self.machine.seats() == [self.device_id], "V1, V2"
        assert self.machine.vault().license() is not None, "V7: and it opens with the new key"


@pytest.fixture(scope="module", params=["none", SERIAL], ids=["a random id", "the board's id"])
def cleared(
    tmp_path_factory: pytest.TempPathFactory,
    killed_key: rsa.RSAPrivateKey,
    one_authority: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Cleared]:
    folder, chip = tmp_path_factory.mktemp("cleared"), StandInTpm()
    with (
        chip.serving(folder / "tpm") as path,
        alive_machine(folder, lambda: killed_key, authority=one_authority, managed=False) as alive,
    ):
        alive.tpm = path
        yield Cleared(alive, chip, folder / "aside", serial=request.param)


@pytest.mark.parametrize("point", POINTS)
def test_killed_once_and_for_ever_at_each_point(cleared: Cleared, point: Point) -> None:
    for occurrence in range(1, 20):
        cleared.put_back()
        if not cleared.machine.run(*AGAIN, kill={"point": point.value, "from": occurrence}):
            assert occurrence > 1, "the point was never passed"
            break
        cleared.is_cut()
        assert not cleared.machine.run(*AGAIN)
        cleared.is_over()
    cleared.put_back()
    for _ in range(3):
        cleared.machine.run(*AGAIN, kill={"point": point.value})
        cleared.is_cut()
    assert not cleared.machine.run(*AGAIN)
    cleared.is_over()


def test_its_points_are_those(cleared: Cleared) -> None:
    cleared.length()
    written = {name for name in passed(cleared.machine.lines()) if name.startswith(("key.", "record.", "secret."))}
    assert written == {point.value for point in POINTS} | {Point.SECRET_WRITTEN.value}


def test_killed_before_every_operation(cleared: Cleared) -> None:
    for number in range(1, cleared.length() + 1):
        cleared.put_back()
        assert cleared.machine.run(*AGAIN, kill={"op": number}), number
        cleared.is_cut()
        assert not cleared.machine.run(*AGAIN)
        cleared.is_over()


@pytest.mark.parametrize("lose", ["old", "zeros", "half", "some"])
def test_what_was_not_synced_is_lost(cleared: Cleared, lose: str) -> None:
    for number in range(1, cleared.length() + 1, 3):
        cleared.put_back()
        how = f"some:{number}" if lose == "some" else lose
        assert cleared.machine.run(*AGAIN, kill={"op": number, "lose": how})
        cleared.machine.restore_what_was_sure()
        cleared.is_cut()
        assert not cleared.machine.run(*AGAIN)
        cleared.is_over()


def test_killed_and_cleared_again(cleared: Cleared) -> None:
    """The chip is cleared once more where power failed: the id is still the one of before."""
    for number in range(1, cleared.length() + 1, 9):
        cleared.put_back()
        assert cleared.machine.run(*AGAIN, kill={"op": number})
        cleared.clear()
        assert not cleared.machine.run(*AGAIN)
        cleared.is_over()

"""A service whose secrets are sealed to a TPM that does not always answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.machine import Phase
from device_agent.service.keeper import FAULT_S, Keeper
from device_agent.service.opening import open_for_service
from device_agent.tpm.sealing import Sealer
from tests.stand_in_tpm import CREATE_PRIMARY, UNSEAL, StandInTpm

from .conftest import Site


def keeper_of(site: Site, tpm: Path) -> Keeper:
    """A new process of the service, which asks the TPM anew."""
    (site.folder / "serial").write_text(site.serial, encoding="ascii")
    hardware = Hardware(serial_files=[site.folder / "serial"], random_bytes=os.urandom, sealer=Sealer(tpm))

    def opened(settings: object, observer: object) -> object:
        return open_for_service(
            settings, observer, machine=lambda _tpm: hardware, clock=site.time, client_options={"environ": {}}
        )

    return Keeper(
        settings=site.settings(), open_engine=opened, clock=site.time, dice=site.chance.random, report=site.report
    )


@pytest.fixture
def chip() -> StandInTpm:
    return StandInTpm()


def test_a_tpm_that_stays_away_is_a_fault_that_heals(site: Site, chip: StandInTpm, tmp_path: Path) -> None:
    with chip.serving(tmp_path / "tpm") as path:
        site.keeper = keeper_of(site, path)
        site.live(120, until=lambda: site.record.phase is Phase.READY)
        assert site.record.phase is Phase.READY
        chip.heard.clear()
        site.live(3600)
        assert chip.heard == [], "asked once in a process, not with every step"

        before = {file: file.read_bytes() for file in (site.folder / "state").rglob("*") if file.is_file()}
        site.keeper = keeper_of(site, path)
        chip.refuse = {CREATE_PRIMARY: 0x922}
        assert site.keeper.step() == FAULT_S
        snapshot = site.report.snapshot
        assert (snapshot.phase, snapshot.problem, snapshot.may_show) == (Phase.FAULT, "identity.tpm", True)
        site.live(3600)
        assert {file: file.read_bytes() for file in before} == before, "nothing is lost, nothing is written"
        assert site.report.snapshot.may_show, "inside its budget the picture stays"

        chip.refuse = {}
        site.live(FAULT_S + 1)
        assert site.report.snapshot.phase is Phase.READY
        assert chip.heard.count(UNSEAL) >= 1
        assert len(site.seats()) == 1


def test_a_tpm_that_was_cleared_costs_a_new_bind(site: Site, chip: StandInTpm, tmp_path: Path) -> None:
    with chip.serving(tmp_path / "tpm") as path:
        site.keeper = keeper_of(site, path)
        site.live(120, until=lambda: site.record.phase is Phase.READY)
        held = site.seats()
        chip.clear()
        site.keeper = keeper_of(site, path)
        site.live(600, until=lambda: site.record.phase is Phase.READY and site.record.gen > 3)
        assert site.record.phase is Phase.READY
        assert site.seats() == held

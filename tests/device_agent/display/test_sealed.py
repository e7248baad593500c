"""The display of a device whose licence is sealed to a TPM."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_agent.config import Settings
from device_agent.display.loader import may_change
from device_agent.display.state import AGAIN_S, Watcher
from device_agent.lifecycle.journal import load, opened
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.slot import SLOTS, encode
from device_agent.tpm.sealing import Sealer
from tests.stand_in_tpm import UNSEAL, StandInTpm


class Desk:
    """A device that was bound, and a display that looks at it."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.now = 0.0
        self.state = folder / "state"
        self.path = path
        with opened(self.state, keyring=Keyring(self.state, sealer=Sealer(path))) as journal:
            record = journal.record.moved(Event.IDENTITY_MADE, device_id="kiosk-1")
            for event in (Event.BIND_INTENDED, Event.BIND_OK):
                record = journal.write(record.moved(event))
        self.watcher = Watcher(load_settings=self.settings, config=None, steady=lambda: self.now)

    def settings(self) -> Settings:
        given = {"tpm": str(self.path), "state_dir": str(self.state), "cache_dir": str(self.state.parent / "cache")}
        return Settings.load(None, environ={}, overrides=given, system_file=self.state / "none")


@pytest.fixture
def chip() -> StandInTpm:
    return StandInTpm()


@pytest.fixture
def desk(tmp_path: Path, chip: StandInTpm) -> Iterator[Desk]:
    tmp_path.chmod(0o700)
    with chip.serving(tmp_path / "tpm") as path:
        yield Desk(tmp_path, path)


def forge(desk: Desk) -> None:
    record = load(desk.state).record
    for name in SLOTS:
        (desk.state / name).write_bytes(encode(record.changed(gen=record.gen + 9, device_id="somebody else", v=1)))


def test_the_tpm_is_asked_once_however_often_the_record_changes(desk: Desk, chip: StandInTpm) -> None:
    chip.heard.clear()
    assert desk.watcher.look().record.phase is Phase.BOUND
    for _ in range(3):
        with opened(desk.state, keyring=Keyring(desk.state, sealer=Sealer(desk.path))) as journal:
            chip.heard.clear()
            journal.write(journal.record)
        assert desk.watcher.look().record.gen == load(desk.state).record.gen
        assert chip.heard.count(UNSEAL) == 0


def test_a_tpm_that_does_not_answer_leaves_the_picture_and_is_asked_again(desk: Desk, chip: StandInTpm) -> None:
    before = desk.watcher.look()
    fresh = Watcher(load_settings=desk.settings, config=None, steady=lambda: desk.now)
    chip.silent = True
    assert fresh.look().fault == "identity.tpm"
    assert fresh.look().record.phase is Phase.BLANK, "nothing can be believed yet"
    os.utime(desk.state / "state.0")
    assert desk.watcher.look() == before, "what was asked once is known"
    chip.silent = False
    desk.now += AGAIN_S
    state = fresh.look()
    assert (state.fault, state.record.phase) == ("", Phase.BOUND)


def test_a_record_that_somebody_else_wrote_is_not_shown(desk: Desk) -> None:
    forge(desk)
    state = desk.watcher.look()
    assert (state.record.phase, state.damaged) == (Phase.BLANK, True)


def test_another_tpm_is_a_fault_and_no_end(desk: Desk, tmp_path: Path) -> None:
    with StandInTpm().serving(tmp_path / "other") as desk.path:
        state = desk.watcher.look()
        assert state.fault == "seal.lost"
        assert may_change(state.fault)

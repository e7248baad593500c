"""A disk beside another TPM: nothing opens, nothing changes, until a person says that it was moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs.errors import SealError
from device_agent.errors import StateError
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.machine import Phase
from tests.device_agent.lifecycle.conftest import CODE, FILES, Kiosk
from tests.stand_in_tpm import StandInTpm

from .conftest import cut_before_the_first_record, exposed, live, state


def test_a_disk_in_another_machine_stays_what_it_is(sealed: Kiosk, tmp_path: Path) -> None:
    """The other machine's TPM opens nothing, sends nothing, changes nothing; put back, all is as it was."""
    live(sealed, "bind", "fetch")
    before, mine, calls = sealed.files(), sealed.tpm, len(sealed.harness.calls())
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        sealed.serial = "board-2"
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
            for act in (engine.bind, engine.unbind, engine.start):
                with pytest.raises(StateError):
                    act()
            engine.prove_storage()
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT, "found out again"
        with pytest.raises(SealError):
            open_avatar(sealed.settings(), CODE)
    (sealed.folder / "serial").write_text("board-1")
    assert sealed.files() == before
    assert len(sealed.harness.calls()) == calls
    sealed.tpm, sealed.serial = mine, "board-1"
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.READY
    assert open_avatar(sealed.settings(), CODE)["character.glb"] == FILES["character.glb"]


def test_a_disk_without_a_key_gets_none_where_it_is_a_guest(sealed: Kiosk) -> None:
    """Else that machine's TPM would have closed what is the owner's, and the disk's own secrets would count no more."""
    theirs, sealed.tpm = sealed.tpm, None
    live(sealed, "bind")
    before = sealed.files()
    sealed.tpm, sealed.serial = theirs, "board-2"
    for _ in range(2):
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
            engine.prove_storage()
        assert sealed.files() == {**before, "serial": b"board-2"}
    sealed.tpm, sealed.serial = None, "board-1"
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BOUND, "back in its own machine"
    sealed.tpm, sealed.serial = theirs, "board-2"
    with sealed.engine() as engine:
        assert engine.accept_hardware()
        engine.bind()
    assert exposed(sealed) == []


def test_another_tpm_beside_the_same_board_is_another_machine_too(sealed: Kiosk, tmp_path: Path) -> None:
    """An id that the operator gave or the board gives says nothing of the TPM; what it has sealed does."""
    live(sealed, "bind")
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
        with sealed.engine(accepting=True) as engine:
            assert engine.accept_hardware()
            engine.bind()
        assert len(sealed.harness.seats()) == 1, "the board is the same, and so is the id"


def test_a_disk_that_was_moved_on_purpose_gets_a_key_of_its_own(sealed: Kiosk, tmp_path: Path) -> None:
    live(sealed, "bind")
    old = (state(sealed) / sealed_key.COPIES[0]).read_bytes()
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        sealed.serial = "board-2"
        with sealed.engine(accepting=True) as engine:
            assert engine.accept_hardware()
            engine.bind()
        assert (state(sealed) / sealed_key.COPIES[0]).read_bytes() != old
        assert exposed(sealed) == []
        assert len(sealed.harness.seats()) == 2, "the old one is its own machine's"
        live(sealed, "start")


def test_the_key_of_a_machine_that_a_disk_was_moved_to_names_nobody(sealed: Kiosk, tmp_path: Path) -> None:
    live(sealed, "bind")
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        sealed.serial = "board-2"
        cut_before_the_first_record(sealed, accepting=True)
        with sealed.engine() as engine:
            assert (engine.record.phase, engine.record.device_id) == (Phase.BLANK, "")

"""A TPM that was cleared: the key is lost, and the device stays who it is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from certs.errors import SealError
from device_agent.errors import StateError
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase
from device_agent.service.checkup import checkup
from tests.device_agent.lifecycle.conftest import CODE, FILES, Kiosk
from tests.stand_in_tpm import StandInTpm

from .conftest import exposed, live, state


def test_a_tpm_that_was_cleared_costs_a_new_bind_and_no_seat(
    managed: Kiosk, office: Enrolment, chip: StandInTpm, tmp_path: Path
) -> None:
    with chip.serving(tmp_path / "tpm") as managed.tpm:
        live(managed, "bind", "fetch")
        seats = managed.harness.seats()
        chip.clear()
        with pytest.raises(SealError) as caught:
            open_avatar(managed.settings(), CODE)
        assert "cleared" in caught.value.message
        with managed.engine() as engine:
            assert [step.name for step in engine.steps] == ["storage key"]
            assert engine.steps[0].result.startswith("lost")
            assert engine.record.phase is Phase.BLANK
            engine.bind()
        assert len(managed.harness.seats()) == len(seats) == 1
        assert exposed(managed) == []
        live(managed, "fetch")
        assert open_avatar(managed.settings(), CODE)["character.glb"] == FILES["character.glb"]
        live(managed, "unbind")


@pytest.mark.parametrize("serial", ["board-1", ""])
def test_a_device_that_got_its_tpm_late_keeps_its_id_when_that_is_cleared(
    kiosk: Kiosk, chip: StandInTpm, tmp_path: Path, serial: str
) -> None:
    """Its seat is held under the board's id or a random one; a new identity would be the TPM's, and take another."""
    kiosk.serial, kiosk.id_from_tpm = serial, True
    kiosk.overrides["blank_window_s"] = "960"
    live(kiosk, "bind")
    before = load(state(kiosk)).record
    assert before.id_source == ("board" if serial else "random")
    with chip.serving(tmp_path / "tpm") as kiosk.tpm:
        live(kiosk, "fetch")
        told = checkup(kiosk.settings(), environ={}, network=False)
        advice = [one for one in told if "device_id in the settings" in one.fix]
        assert len(advice) == 1
        assert ("second seat" if serial else "another seat") in advice[0].says
        keeps = checkup(kiosk.settings(device_id=before.device_id), environ={}, network=False)
        assert not [one for one in keeps if "device_id" in one.fix]
        with kiosk.engine() as engine:
            engine._device.journal.write(engine.record.changed(orders=("order-0001",)))
        chip.clear()
        with kiosk.engine() as engine:
            assert engine.record.phase is Phase.BLANK
            engine.prove_storage()
            engine.bind()
            assert (engine.record.device_id, engine.record.id_source) == (before.device_id, before.id_source)
            assert engine.record.hw_print == before.hw_print
            assert engine.record.bind.unsure_until > engine.now, "what the void record sent may be under way"
            assert engine.record.orders == ("order-0001",), "an old order removes it no second time"
        assert len(kiosk.harness.seats()) == 1


def test_a_void_record_s_requests_may_still_be_served(sealed: Kiosk, chip: StandInTpm) -> None:
    live(sealed, "bind")
    with sealed.engine() as engine:
        until = engine.now + 900.0
        bind = msgspec.structs.replace(engine.record.bind, unsure_until=until, outcome="unsure")
        engine._device.journal.write(engine.record.changed(bind=bind))
    chip.clear()
    with sealed.engine() as engine:
        for act in (engine.unbind, lambda: engine.abandon(keep=lambda _ticket: pytest.fail("a ticket"))):
            with pytest.raises(StateError, match="may still be held") as caught:
                act()
            assert caught.value.code == "state.void"
        engine.bind()
        assert engine.record.bind.unsure_until == until
        engine.unbind()
        assert engine.is_sealing


def test_who_a_void_record_names_is_not_another_machine_s_nor_another_account_s(
    kiosk: Kiosk, chip: StandInTpm, tmp_path: Path
) -> None:
    kiosk.id_from_tpm = True
    with chip.serving(tmp_path / "tpm") as kiosk.tpm:
        live(kiosk, "bind")
        mine = load(state(kiosk)).record.device_id
        chip.clear()
        kiosk.overrides["device_id"] = "KIOSK-7"
        live(kiosk, "bind")
        assert load(state(kiosk)).record.device_id == "KIOSK-7", "the operator's word"
        del kiosk.overrides["device_id"]
        with kiosk.engine() as engine:
            void = engine.record.changed(phase=Phase.BLANK, device_id=mine, id_source="board", hw_print=("x",) * 5)
            engine._device.journal.write(void)
            engine.bind()
            assert engine.record.id_source == "tpm", "another machine's hashes: the id is made anew"


def test_a_void_id_does_not_go_along_to_another_tpm(sealed: Kiosk, chip: StandInTpm, tmp_path: Path) -> None:
    live(sealed, "bind")
    chip.clear()
    with sealed.engine() as engine:
        engine.prove_storage()
        assert engine.record.device_id, "durable, before it is bound again"
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm, sealed.engine() as engine:
        assert (engine.record.phase, engine.record.device_id) == (Phase.BLANK, "")

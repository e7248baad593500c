"""A record that was written without the key is not believed, whoever wrote it and whenever."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from device_agent.errors import StateError
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.slot import SLOTS, decode, encode, parse
from tests.device_agent.lifecycle.conftest import CODE, Kiosk
from tests.stand_in_tpm import StandInTpm

from .conftest import cut_before_the_first_record, exposed, forge, live, state


def test_a_record_that_somebody_else_wrote_is_not_believed(sealed: Kiosk) -> None:
    live(sealed, "bind", "fetch")
    whole = {name: (state(sealed) / name).read_bytes() for name in SLOTS}
    forge(sealed, phase=Phase.READY, device_id="somebody else")
    with pytest.raises(StateError) as caught:
        open_avatar(sealed.settings(), CODE)
    assert caught.value.code == "state.not_bound"
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK
        engine.bind()
        assert engine.record.device_id == load(state(sealed)).record.device_id
    assert len(sealed.harness.seats()) == 1
    for name, data in whole.items():
        (state(sealed) / name).write_bytes(data)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.READY, "its own of before is believed: an old copy of the whole folder"


@pytest.mark.parametrize("how", ["mac cut off", "mac changed", "another device's"])
def test_every_way_to_write_a_record_without_the_key(sealed: Kiosk, how: str) -> None:
    live(sealed, "bind")
    for name in SLOTS:
        path = state(sealed) / name
        slot = parse(path.read_bytes())
        assert slot is not None
        assert slot.mac is not None
        made = {
            "mac cut off": lambda slot=slot: encode(slot.record.changed(v=1)),
            "mac changed": lambda slot=slot: encode(slot.record, mac=lambda _signed: bytes(32)),
            "another device's": lambda slot=slot: encode(
                slot.record, mac=lambda signed: hashlib.sha256(b"another key" + signed).digest()
            ),
        }[how]()
        assert decode(made) is not None, "it is whole: only the key tells"
        path.write_bytes(made)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK


def test_the_record_of_before_counts_until_the_next_one_and_no_other(sealed: Kiosk, tmp_path: Path) -> None:
    path, aside, sealed.tpm = sealed.tpm, tmp_path / "before", None
    live(sealed, "bind", "fetch")
    shutil.copytree(state(sealed), aside)
    sealed.tpm = path
    live(sealed, "start")
    copies = {name: (state(sealed) / name).read_bytes() for name in sealed_key.COPIES}
    shutil.rmtree(state(sealed))
    shutil.copytree(aside, state(sealed))
    for name, data in copies.items():
        (state(sealed) / name).write_bytes(data)
        (state(sealed) / name).chmod(0o600)
    with sealed.engine() as engine:  # power failed after the key was made and before anything lay under it
        assert engine.record.phase is Phase.READY
        assert engine.record.gen > load(aside).record.gen
    assert exposed(sealed) == []
    forge(sealed)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK, "another one without an HMAC"


def test_what_lies_there_when_a_key_is_lost_is_not_what_the_next_one_vouches_for(
    sealed: Kiosk, chip: StandInTpm
) -> None:
    """Power fails after the new key was made and before the first record under it."""
    live(sealed, "bind", "fetch")
    chip.clear()
    forge(sealed)
    cut_before_the_first_record(sealed)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK


def test_a_new_key_says_who_the_device_is_and_nobody_else_does(sealed: Kiosk, chip: StandInTpm) -> None:
    live(sealed, "bind", "fetch")
    mine = load(state(sealed)).record
    chip.clear()
    cut_before_the_first_record(sealed)
    with sealed.engine() as engine:
        assert (engine.record.phase, engine.record.bound) == (Phase.BLANK, None), "who it is, and nothing else"
        assert (engine.record.device_id, engine.record.hw_print) == (mine.device_id, mine.hw_print)
    (newest,) = [name for name in SLOTS if (state(sealed) / name).exists()]
    kept = (state(sealed) / newest).read_bytes()
    for name in SLOTS:
        (state(sealed) / name).touch(0o600)
    forge(sealed, device_id="somebody else")
    with sealed.engine() as engine:
        assert (engine.record.phase, engine.record.device_id) == (Phase.BLANK, "")
    (state(sealed) / SLOTS[0]).write_bytes(kept)
    with sealed.engine() as engine:
        assert engine.record.device_id == mine.device_id, "an older one that was there counts, the newer does not"
        engine.bind()
        assert engine.record.device_id == mine.device_id
    (state(sealed) / newest).write_bytes(kept)
    with sealed.engine() as engine:
        assert engine.record.phase is not Phase.BLANK, "it says nothing any more beside a record under the key"


def test_a_record_of_before_beside_no_key_opens_nothing(sealed: Kiosk) -> None:
    """What docs/security.md says openly: without its key a device cannot be told from one that never had any."""
    live(sealed, "bind", "fetch")
    forge(sealed)
    for name in sealed_key.COPIES:
        (state(sealed) / name).unlink()
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.READY
        assert engine._device.vault.license() is None
        assert engine.token is None
    with pytest.raises(StateError):
        open_avatar(sealed.settings(), CODE)


def test_a_keyed_record_without_its_key_is_void(sealed: Kiosk) -> None:
    live(sealed, "bind")
    for name in sealed_key.COPIES:
        (state(sealed) / name).unlink()
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK
        engine.bind()
    assert len(sealed.harness.seats()) == 1
    assert exposed(sealed) == []

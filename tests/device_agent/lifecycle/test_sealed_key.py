"""The sealed key on the disk: every bit of it, both copies, and what a device does that has lost it."""

from __future__ import annotations

import hashlib
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from certs.errors import PrivateFileError, SealError
from certs.files import write_private
from device_agent.clock import SystemClock
from device_agent.lifecycle import at_rest, sealed_key
from device_agent.lifecycle.journal import load, opened
from device_agent.lifecycle.keyring import Keyring, reading
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.observe import Watch
from device_agent.lifecycle.points import unwatched
from device_agent.lifecycle.slot import SLOTS, parse
from device_agent.lifecycle.vault import Vault
from device_agent.tpm.sealing import Sealer, seal
from tests.stand_in_tpm import StandInTpm


class Chip(Sealer):
    """A sealer without a socket."""

    def __init__(self, chip: StandInTpm) -> None:
        super().__init__(Path("/nowhere"))
        self.chip = chip

    def _line(self) -> AbstractContextManager[StandInTpm]:
        return nullcontext(self.chip)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder with a record that the key vouches for."""
    with opened(tmp_path / "state", keyring=keyring_of(tmp_path / "state", CHIP)) as journal:
        journal.write(journal.record.moved(Event.IDENTITY_MADE, device_id="kiosk-1"))
    return tmp_path / "state"


CHIP = StandInTpm()


def keyring_of(folder: Path, chip: StandInTpm) -> Keyring:
    return Keyring(folder, sealer=Chip(chip), random_bytes=os.urandom)


def test_every_flipped_bit_and_every_cut_of_a_copy_is_noticed() -> None:
    data = sealed_key.encode(seal(StandInTpm(), bytes(96)))
    assert sealed_key.decode(data) is not None
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert sealed_key.decode(bytes(changed)) is None, bit
    for length in range(len(data)):
        assert sealed_key.decode(data[:length]) is None
        assert sealed_key.decode(bytes(length)) is None
    assert sealed_key.decode(data + b"\n") is None


@pytest.mark.parametrize("name", sealed_key.COPIES)
def test_one_damaged_copy_costs_nothing_and_is_written_again(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    damages = [b"", bytes(len(whole)), whole[:-1], whole[: len(whole) // 2], b"x" * (sealed_key.LIMIT + 1)]
    for bit in range(0, 8 * len(whole), 97):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        damages.append(bytes(changed))
    for damage in [*damages, None]:
        (folder / name).unlink()
        if damage is not None:
            write_private(folder / name, damage)
        with opened(folder, keyring=keyring_of(folder, CHIP)) as journal:
            assert journal.record.device_id == "kiosk-1"
        assert (folder / name).read_bytes() == whole


def test_a_disk_that_refuses_to_heal_a_copy_stops_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / sealed_key.COPIES[1]).unlink()

    def full(*_arguments: object, **_more: object) -> None:
        raise PrivateFileError("full", code="file.full")

    monkeypatch.setattr(sealed_key, "write_private", full)
    with opened(folder, keyring=keyring_of(folder, CHIP)) as journal:
        assert journal.record.device_id == "kiosk-1"
    assert not (folder / sealed_key.COPIES[1]).exists()


@pytest.mark.parametrize("damage", [b"", bytes(600), b"{}"])
def test_both_copies_damaged_are_a_key_that_is_lost(folder: Path, damage: bytes) -> None:
    for name in sealed_key.COPIES:
        write_private(folder / name, damage)
    keyring = keyring_of(folder, CHIP)
    with opened(folder, keyring=keyring) as journal:
        assert keyring.is_lost
        journal.disown()
        assert (journal.record.phase, journal.is_keyed) == (Phase.BLANK, False)
        written = journal.write(journal.record.moved(Event.IDENTITY_MADE, device_id="kiosk-1"))
    loaded = load(folder, keyring=keyring_of(folder, CHIP))
    assert (loaded.record, loaded.keyed) == (written, True)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_file_in_a_copy_s_place_is_no_copy(folder: Path, tmp_path: Path, kind: str) -> None:
    path = folder / sealed_key.COPIES[0]
    path.unlink()
    path.mkdir(mode=0o700) if kind == "folder" else path.symlink_to(tmp_path / "elsewhere")
    with opened(folder, keyring=keyring_of(folder, CHIP)) as journal:
        assert journal.record.device_id == "kiosk-1"
    assert not path.is_symlink()
    assert path.read_bytes() == (folder / sealed_key.COPIES[1]).read_bytes(), "and its place is taken"


def test_the_loader_tells_and_never_raises_whatever_lies_in_the_slots(folder: Path) -> None:
    whole = {name: (folder / name).read_bytes() for name in SLOTS if (folder / name).exists()}
    (name, data), *_rest = whole.items()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(bytes(changed))
        for keyring in (None, keyring_of(folder, CHIP)):
            loaded = load(folder, keyring=keyring)
            assert (loaded.record.phase, loaded.blank_reason) == (Phase.BLANK, "corrupt"), bit


def test_a_first_record_that_is_vouched_for_ends_the_trust_in_bare_secrets(tmp_path: Path) -> None:
    keyring = keyring_of(tmp_path / "state", CHIP)
    with opened(tmp_path / "state", keyring=keyring) as journal:
        assert keyring.open("token", b"bare") == b"bare"
        journal.write(journal.record.moved(Event.IDENTITY_MADE, device_id="kiosk-1"))
        with pytest.raises(SealError):
            keyring.open("token", b"bare")


def test_a_device_without_any_secret_gets_a_record_that_is_vouched_for_too(tmp_path: Path) -> None:
    """Else whoever writes into the folder could go on giving it another's id."""
    state = tmp_path / "state"
    with opened(state) as journal:
        journal.write(journal.record.moved(Event.IDENTITY_MADE, device_id="kiosk-1"))
    keyring = keyring_of(state, CHIP)
    with opened(state, keyring=keyring) as journal:
        vault, watch = Vault(state, cover=keyring), Watch(clock=SystemClock(), observer=None)
        at_rest.settle(journal, keyring=keyring, vault=vault, watch=watch, accepting=False)
    loaded = load(state, keyring=keyring_of(state, CHIP))
    assert (loaded.record.device_id, loaded.keyed) == ("kiosk-1", True)


def test_both_copies_are_the_same_and_tell_nothing(folder: Path) -> None:
    first, second = ((folder / name).read_bytes() for name in sealed_key.COPIES)
    assert first == second
    assert all((folder / name).stat().st_mode & 0o777 == 0o600 for name in sealed_key.COPIES)
    sealed_key.remove(folder)
    sealed_key.remove(folder)
    assert not sealed_key.is_there(folder)
    assert sealed_key.read(folder) == []
    sealed_key.write(folder, seal(CHIP, bytes(96)), reach=unwatched)
    assert sealed_key.is_there(folder)


@pytest.mark.parametrize("body", [b'{"gen":1,"v":2}', b'{"gen":1,"v":1,"~":"' + b"0" * 64 + b'"}'])
def test_schema_and_hmac_belong_together(body: bytes) -> None:
    """A record that says it is vouched for and is not, and one that nobody could have vouched for."""
    assert parse(hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n") is None


def test_another_tpm_s_copy_is_mended_from_the_good_one_and_not_the_other_way_round(folder: Path) -> None:
    whole = (folder / sealed_key.COPIES[1]).read_bytes()
    write_private(folder / sealed_key.COPIES[0], sealed_key.encode(seal(StandInTpm(), bytes(96))))
    with opened(folder, keyring=keyring_of(folder, CHIP)) as journal:
        assert journal.record.device_id == "kiosk-1"
    assert [(folder / name).read_bytes() for name in sealed_key.COPIES] == [whole, whole]


@pytest.mark.parametrize("more", [b"\x02", b"\x01\x01", b"\x00"])
def test_a_key_of_another_form_is_none(folder: Path, more: bytes) -> None:
    sealed_key.write(folder, seal(CHIP, bytes(96) + more), reach=unwatched)
    keyring = keyring_of(folder, CHIP)
    keyring.look()
    assert keyring.is_lost


def test_a_key_that_others_could_have_written_stops_who_reads_it(folder: Path) -> None:
    (folder / sealed_key.COPIES[0]).chmod(0o644)
    with pytest.raises(PrivateFileError) as caught:
        sealed_key.read(folder)
    assert caught.value.code == "file.mode"


def test_with_the_key_at_hand_another_machine_is_written_down(folder: Path) -> None:
    with opened(folder, keyring=keyring_of(folder, CHIP)) as journal:
        journal.write(journal.record.moved(Event.HARDWARE_CHANGED))
    assert load(folder, keyring=keyring_of(folder, CHIP)).record.phase is Phase.CLONE_SUSPECT


def test_a_key_in_a_lost_one_s_place_ends_the_loss(folder: Path) -> None:
    """A keyring that has lost its key believes every record, so as to say whose disk this is."""
    for name in sealed_key.COPIES:
        write_private(folder / name, b"")
    with pytest.raises(SealError):
        reading(folder, sealer=Chip(CHIP))
    keyring = keyring_of(folder, CHIP)
    with opened(folder, keyring=keyring) as journal:
        journal.disown()
        journal.write(journal.record.moved(Event.IDENTITY_MADE, device_id="kiosk-1"))
    assert (keyring.is_lost, keyring.lacks_key) == (False, False)
    reading(folder, sealer=Chip(CHIP))

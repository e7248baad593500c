"""The record on disk, whatever happens to the disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.errors import PrivateFileError
from certs.files import write_private
from device_agent.errors import StateError
from device_agent.lifecycle.journal import load, opened
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.record import Bound, Record
from device_agent.lifecycle.slot import SLOTS, decode, encode

RECORD = Record(gen=7, phase=Phase.BOUND, device_id="D", tenant_id=2**62, app_id="应用", bound=Bound(at=1.5))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path / "state"):
        return tmp_path / "state"


def test_a_record_comes_back_as_it_went() -> None:
    assert decode(encode(RECORD)) == RECORD


def test_every_truncation_and_every_flipped_bit_is_noticed() -> None:
    data = encode(RECORD)
    assert all(decode(data[:length]) is None for length in range(len(data)))
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            assert decode(bytes(damaged)) is None, (position, bit)
    assert decode(bytes(len(data))) is None
    assert decode(data + b"x") is None


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_are_a_record_or_none(data: bytes) -> None:
    assert decode(data) is None


def test_generations_alternate_and_the_newest_counts(folder: Path) -> None:
    with opened(folder) as journal:
        for device in "abc":
            journal.write(Record(device_id=device))
    assert load(folder).record.device_id == "c"
    assert load(folder).record.gen == 3
    older = {decode((folder / name).read_bytes()).device_id for name in SLOTS}  # type: ignore[union-attr]
    assert older == {"b", "c"}
    assert all(oct((folder / name).stat().st_mode & 0o777) == "0o600" for name in SLOTS)


@pytest.mark.parametrize("spoil", [b"", b"\0" * 400, b"garbage", None])
def test_a_damaged_newest_slot_falls_back_to_the_one_before(folder: Path, spoil: bytes | None) -> None:
    with opened(folder) as journal:
        journal.write(Record(device_id="old"))
        journal.write(Record(device_id="new"))
    newest = folder / SLOTS[1]
    if spoil is None:
        newest.unlink()
        newest.mkdir(mode=0o700)
    else:
        newest.write_bytes(spoil)
    loaded = load(folder)
    assert loaded.record.device_id == "old"
    assert loaded.damaged == (SLOTS[1],)
    with opened(folder) as journal:
        journal.write(journal.record.changed(device_id="newer"))
    assert load(folder).record.device_id == "newer"
    assert load(folder).damaged == ()
    assert (folder / "state.1.bad").exists(), "kept as evidence"


def test_both_slots_damaged_is_blank_and_says_so(folder: Path) -> None:
    for name in SLOTS:
        write_private(folder / name, b"\0" * 100)
    assert (load(folder).record.phase, load(folder).blank_reason) == (Phase.BLANK, "corrupt")
    (folder / SLOTS[0]).unlink()
    (folder / SLOTS[1]).unlink()
    assert load(folder).blank_reason == "absent"
    assert load(folder / "never-made").blank_reason == "absent"


def test_a_newer_schema_is_not_touched(folder: Path) -> None:
    body = msgspec.json.encode({"v": 99, "gen": 1, "phase": "quantum"}, order="sorted")
    data = hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"
    write_private(folder / SLOTS[0], data)
    with pytest.raises(StateError, match="newer version"), opened(folder):
        pass
    assert (folder / SLOTS[0]).read_bytes() == data


def test_only_one_process_writes(folder: Path) -> None:
    with opened(folder), pytest.raises(StateError) as caught, opened(folder):
        pass
    assert caught.value.code == "state.locked"
    with opened(folder):
        pass


def test_a_slot_that_others_can_read_is_refused(folder: Path) -> None:
    with opened(folder) as journal:
        journal.write(Record())
    (folder / SLOTS[0]).chmod(0o644)
    with pytest.raises(PrivateFileError):
        load(folder)


def test_memory_follows_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(folder) as journal:
        before = journal.write(Record(device_id="kept"))
        monkeypatch.setattr(os, "fsync", lambda _fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(PrivateFileError):
            journal.write(before.changed(device_id="lost"))
        assert journal.record == before
    monkeypatch.undo()
    assert load(folder).record == before


def test_moving_checks_the_table() -> None:
    assert Record().moved(Event.IDENTITY_MADE, device_id="d").phase is Phase.IDENTIFIED
    with pytest.raises(StateError):
        Record().moved(Event.BIND_OK)

"""What the display remembers over its restarts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from certs.files import write_private
from device_agent.display.notes import CRASH_LOOP, DAY_S, MOST, NAME, Notes, read


@dataclass
class Time:
    now: float = 100.0

    def steady(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    return run


def test_three_starts_that_did_not_live_speak_against_a_package_for_a_day(folder: Path) -> None:
    time = Time()
    for _ in range(3):
        notes = Notes(folder, steady=time.steady)
        assert notes.against("a") == ""
        notes.begin("a")
        notes.begin("a")  # came and went within one process
        assert notes.against("a") == "", "it is being shown: nothing speaks against it yet"
        time.now += 10.0
    notes = Notes(folder, steady=time.steady)
    assert notes.against("a") == CRASH_LOOP
    assert notes.against("b") == ""
    time.now += DAY_S
    assert notes.against("a") == ""
    assert Notes(folder, steady=time.steady).against("a") == ""


def test_after_a_day_one_more_crash_is_enough(folder: Path) -> None:
    time = Time()
    for _ in range(3):
        Notes(folder, steady=time.steady).begin("a")
    time.now += DAY_S
    Notes(folder, steady=time.steady).begin("a")
    assert Notes(folder, steady=time.steady).against("a") == CRASH_LOOP


def test_a_package_that_has_lived_starts_from_nothing(folder: Path) -> None:
    time = Time()
    for _ in range(2):
        Notes(folder, steady=time.steady).begin("a")
    Notes(folder, steady=time.steady).settle("a")
    for _ in range(2):
        Notes(folder, steady=time.steady).begin("a")
    assert Notes(folder, steady=time.steady).against("a") == ""


def test_a_display_that_is_told_to_stop_did_not_crash(folder: Path) -> None:
    time = Time()
    for _ in range(5):
        notes = Notes(folder, steady=time.steady)
        notes.begin("a")
        notes.forgive()
    assert read(folder).starts == {}
    for _ in range(2):
        Notes(folder, steady=time.steady).begin("a")
    Notes(folder, steady=time.steady).forgive()
    assert read(folder).starts["a"].count == 2, "what others crashed of stays"


def test_refusals_end_and_proofs_stay(folder: Path) -> None:
    time = Time()
    notes = Notes(folder, steady=time.steady)
    notes.prove("good")
    notes.refuse("bad", code="glb.length")
    notes.refuse("moment", code="file.denied", seconds=60.0)
    again = Notes(folder, steady=time.steady)
    assert again.is_proved("good")
    assert not again.is_proved("bad")
    assert (again.against("bad"), again.against("moment")) == ("glb.length", "file.denied")
    time.now += 60.0
    assert (again.against("bad"), again.against("moment")) == ("glb.length", "")


def test_the_file_stays_small(folder: Path) -> None:
    notes = Notes(folder, steady=Time().steady)
    for number in range(3 * MOST):
        notes.prove(str(number))
        notes.refuse(str(number), code="x")
        notes.begin(str(number))
    kept = read(folder)
    assert (len(kept.proved), len(kept.refused), len(kept.starts)) == (MOST, MOST, MOST)
    assert kept.proved[-1] == str(3 * MOST - 1)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"starts": {"a": 1}}', b"\xff" * 100])
def test_notes_that_make_no_sense_are_none(folder: Path, data: bytes) -> None:
    (folder / NAME).write_bytes(data)
    (folder / NAME).chmod(0o600)
    notes = Notes(folder, steady=Time().steady)
    assert notes.against("a") == ""
    notes.begin("a")
    assert read(folder).starts["a"].count == 1


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "nowhere"):
        notes = Notes(folder, steady=Time().steady)
        notes.prove("a")
        assert notes.is_proved("a")


def test_only_the_start_that_was_told_to_stop_is_forgiven(folder: Path) -> None:
    for told_to_stop in (False, False, True, False):
        notes = Notes(folder, steady=lambda: 5.0)
        assert notes.against("one") == ""
        notes.begin("one")
        if told_to_stop:
            notes.forgive()
    assert Notes(folder, steady=lambda: 5.0).against("one") == CRASH_LOOP


@pytest.mark.parametrize("damaged", [b"", b"[]", b'{"proved":["\xff"]}', b'{"x":' + b"[" * 5000])
def test_notes_that_cannot_be_read_are_none(folder: Path, damaged: bytes) -> None:
    write_private(folder / NAME, damaged)
    assert read(folder).proved == []

"""What a device writes while nothing happens: an SD card does not live long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.simulation.idle_day import idle_day
from bench.simulation.writes import Writes
from certs.files import write_private

BAR_KIB = 24


@pytest.mark.parametrize("managed", [False, True], ids=["access key", "office"])
def test_an_idle_hour_writes_little(tmp_path: Path, managed: bool) -> None:
    hour = idle_day(tmp_path / "day", managed=managed)
    assert 0 < hour["kib"] <= BAR_KIB
    assert set(hour["blocks"]) >= {"state/state.0", "state/state.1", "state/secrets/token.json"}, "counted by file"


def test_writes_are_counted_in_blocks_by_file_and_by_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    writes = Writes(root=tmp_path)
    with writes.counted():
        write_private(tmp_path / "one", b"x")
        write_private(tmp_path / "two", bytes(4097))
        write_private(tmp_path / "two", b"x")
        writes.check()
    assert writes.files == {"one": 1, "two": 3}
    assert writes.folders == {".": 3}
    assert (writes.kib, writes.kib_with_folders) == (16.0, 28.0)


def test_what_is_written_past_the_count_is_noticed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    writes = Writes(root=tmp_path)
    with writes.counted():
        (tmp_path / "past").write_text("x")
        with pytest.raises(RuntimeError, match="past"):
            writes.check()
    assert os.write.__module__ == "posix", "put back"

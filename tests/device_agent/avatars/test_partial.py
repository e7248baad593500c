"""What is kept beside a download that is not complete yet, after a disk or somebody else has changed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs.files import private_directory, write_private
from device_agent.avatars.partial import open_partial

ADDRESS = "https://a.example/p.zip"


@pytest.mark.parametrize("damaged", [b"", b"{}", b'{"address":"\xff"}', b'{"x":' + b"[" * 5000])
def test_without_a_trustworthy_record_the_bytes_are_worth_nothing(tmp_path: Path, damaged: bytes) -> None:
    folder = tmp_path / "cache"
    private_directory(folder)
    write_private(folder / "p.part", b"some bytes")
    write_private(folder / "p.part.json", damaged)
    with open_partial(folder / "p.part", address=ADDRESS) as partial:
        assert (partial.size, partial.promise) == (0, None)


def test_with_one_the_bytes_count(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    private_directory(folder)
    write_private(folder / "p.part", b"some bytes")
    write_private(folder / "p.part.json", b'{"address":"https://a.example/p.zip","size":20}')
    with open_partial(folder / "p.part", address=ADDRESS) as partial:
        assert partial.size == 10

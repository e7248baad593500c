"""What is kept beside a download that is not complete yet, after a disk or somebody else has changed it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from certs.files import private_directory, write_private
from device_agent.avatars.kept import size_of
from device_agent.avatars.partial import Partial, open_partial
from device_agent.errors import ConfigurationError

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


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "cache.full"), (errno.EIO, "cache.failed")])
def test_a_disk_that_refuses_when_it_is_opened_is_told_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    private_directory(tmp_path / "cache")

    def refuse(_self: Partial) -> None:
        raise OSError(number, os.strerror(number))

    before = sorted(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(Partial, "restart", refuse)
        with pytest.raises(ConfigurationError) as caught, open_partial(tmp_path / "cache/p.part", address=ADDRESS):
            pytest.fail("opened")
    assert caught.value.code == code
    assert sorted(os.listdir("/proc/self/fd")) == before
    with open_partial(tmp_path / "cache/p.part", address=ADDRESS) as partial:
        assert partial.size == 0


def test_only_one_process_downloads_it_and_the_other_keeps_nothing_open(tmp_path: Path) -> None:
    private_directory(tmp_path / "cache")
    path = tmp_path / "cache/p.part"
    with open_partial(path, address=ADDRESS):
        before = sorted(os.listdir("/proc/self/fd"))
        with pytest.raises(ConfigurationError) as caught, open_partial(path, address=ADDRESS):
            pytest.fail("opened")
        assert caught.value.code == "cache.busy"
        assert sorted(os.listdir("/proc/self/fd")) == before


def test_what_is_no_plain_file_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    sizes = [size_of(tmp_path / name) for name in ("file", "folder", "link", "nothing")]
    assert sizes == [5, None, None, None]
    with pytest.raises(ConfigurationError):
        size_of(tmp_path / ("n" * 300))

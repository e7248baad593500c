"""Files that somebody names are read only when they are files, and only so far; a new one replaces nothing."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from device_agent.api.credentials_chain import from_environment
from device_agent.api.trust import Trust
from device_agent.errors import ConfigurationError
from device_agent.harness.packages.source import file_source
from device_agent.plain_file import read_plain, write_new
from renderer.errors import AssetError


@pytest.fixture(params=["pipe", "folder", "device", "socket"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "x"
    match request.param:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "socket":
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(path))
    return path


def test_what_is_no_file_is_refused_at_once(no_file: Path) -> None:
    with pytest.raises(OSError, match=r"no plain file|No such device"):
        read_plain(no_file, limit=10)


def test_so_far_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 10)
    path.chmod(0o640)
    assert read_plain(path, limit=10) == (b"x" * 10, 0o640)
    with pytest.raises(OSError, match="longer") as caught:
        read_plain(path, limit=9)
    assert caught.value.errno == errno.EFBIG


def test_a_credentials_file_that_is_none(no_file: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        from_environment({"ALIBABA_CLOUD_CREDENTIALS_FILE": str(no_file)})
    assert (caught.value.code, caught.value.where) == ("credentials.file", str(no_file))


def test_a_file_of_authorities_that_is_none(no_file: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Trust(no_file)
    assert caught.value.code == "config.ca_file"


def test_an_avatar_file_that_is_none(no_file: Path) -> None:
    with pytest.raises(AssetError) as caught:
        file_source(no_file).read()
    assert caught.value.code in ("asset.unreadable", "asset.package")


@pytest.mark.parametrize("there", ["file", "link", "link to nothing"])
def test_a_new_file_takes_the_place_of_nothing(tmp_path: Path, there: str) -> None:
    other, path = tmp_path / "other", tmp_path / "x"
    if there == "file":
        path.write_bytes(b"old")
    else:
        path.symlink_to(other)
        if there == "link":
            other.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_new(path, b"new")
    assert [file.read_bytes() for file in (path, other) if file.exists()] == [b"old"] * (
        {"file": 1, "link": 2, "link to nothing": 0}[there]
    )


def test_a_new_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_new(tmp_path / "x", b"new")
    assert ((tmp_path / "x").read_bytes(), (tmp_path / "x").stat().st_mode & 0o777) == (b"new", 0o600)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_new(tmp_path / "y", b"new")
    assert not (tmp_path / "y").exists()

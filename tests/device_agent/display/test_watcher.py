"""Which avatars a look finds on a disk that does not tell everything."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from device_agent.avatars.kept import size_of
from device_agent.config import Settings
from device_agent.display import state
from device_agent.errors import ConfigurationError
from device_agent.lifecycle.record import Content, Record


class Cache:
    """Of what ``silent`` names it cannot be read what is there."""

    silent = ""

    def __init__(self, _root: Path) -> None:
        pass

    def cached(self, code: str) -> str:
        return self._told(f"{code} active")

    def previous(self, code: str) -> str:
        return self._told(f"{code} before")

    def _told(self, what: str) -> str:
        if what == self.silent:
            raise ConfigurationError("the disk does not say", code="cache.failed")
        return what


@pytest.mark.parametrize("silent", ["A active", "A before", "B before"])
def test_one_that_cannot_be_read_costs_no_other(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    monkeypatch.setattr(state, "AvatarCache", Cache)
    monkeypatch.setattr(Cache, "silent", silent)
    settings = Settings.load(None, environ={"HOME": "/nowhere"}, overrides={}, system_file=Path("/none"))
    found = state._packages(settings, Record(content=Content(active="A", previous="B")))
    every = ["A active", "A before", "B active", "B before"]
    assert found == [one for one in every if one != silent]


def test_a_disk_that_dies_is_an_error_with_a_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def dying(path: Path) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("device_agent.avatars.kept.os.lstat", dying)
    with pytest.raises(ConfigurationError) as caught:
        size_of(tmp_path / "a.sealed")
    assert caught.value.code == "cache.failed"

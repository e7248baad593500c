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


def test_what_could_not_be_read_is_tried_again_though_no_file_has_changed(tmp_path: Path) -> None:
    now, answers = 0.0, 0
    settings = Settings.load(
        None, environ={}, overrides={"state_dir": f"{tmp_path}/s", "cache_dir": f"{tmp_path}/c"},
        system_file=tmp_path / "none",
    )  # fmt: skip

    def load() -> Settings:
        nonlocal answers
        answers += 1
        if answers <= 2:
            raise ConfigurationError("not now", code="config.unreadable")
        return settings

    watcher = state.Watcher(load_settings=load, config=None, steady=lambda: now)
    for moment, fault, asked in (
        (0.0, True, 1),
        (state.AGAIN_S - 0.1, True, 1),
        (state.AGAIN_S, True, 2),
        (2 * state.AGAIN_S, False, 3),
        (9 * state.AGAIN_S, False, 4),  # once: it knows now where to look
        (20 * state.AGAIN_S, False, 4),
    ):
        now = moment
        assert bool(watcher.look().fault) is fault
        assert answers == asked


def test_a_disk_that_dies_is_an_error_with_a_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def dying(path: Path) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("device_agent.avatars.kept.os.lstat", dying)
    with pytest.raises(ConfigurationError) as caught:
        size_of(tmp_path / "a.sealed")
    assert caught.value.code == "cache.failed"


def test_the_operator_s_picture_is_followed_and_one_that_is_too_large_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "own.png"
    given = {"state_dir": f"{tmp_path}/s", "cache_dir": f"{tmp_path}/c", "fallback_picture": str(picture)}
    settings = Settings.load(None, environ={}, overrides=given, system_file=tmp_path / "none")
    watcher = state.Watcher(load_settings=lambda: settings, config=None, steady=lambda: 0.0)

    def seen() -> bytes | None:
        rules = watcher.look().rules
        assert rules is not None
        return None if rules.fallback_picture is None else rules.fallback_picture.data

    assert seen() is None
    for content in (b"one", b"another"):
        picture.write_bytes(content)
        assert seen() == content
    monkeypatch.setattr(state, "MOST_BYTES", 7)
    picture.write_bytes(b"8 bytes.")
    assert seen() is None

"""What is put out of the drawing process's reach."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from device_agent.config import Settings
from device_agent.display.places import covers, secret_places


def settings(folder: Path, **more: str) -> Settings:
    given = {"state_dir": f"{folder}/state", "cache_dir": f"{folder}/cache", **more}
    return Settings.load(None, environ={}, overrides=given, system_file=folder / "none")


def test_everything_that_the_settings_name_and_the_folder_that_they_are_in(tmp_path: Path) -> None:
    config = tmp_path / "etc/config.toml"
    real = tmp_path / "elsewhere"
    (real / "state").mkdir(parents=True)
    (tmp_path / "state").symlink_to(real / "state")
    told = settings(tmp_path, license_file=f"{tmp_path}/license.json", tpm="/dev/tpmrm7")
    places = secret_places(told, config=config, environ={"HOME": str(tmp_path / "home")})
    wanted = {
        real / "state", tmp_path / "cache", tmp_path / "license.json", Path("/dev/tpmrm7"), Path("/dev/tpmrm0"),
        config, config.parent, tmp_path / "home/.alibabacloud", Path("/etc/avatar-agent"),
    }  # fmt: skip
    assert wanted <= places


def test_without_settings_what_can_be_guessed(tmp_path: Path) -> None:
    environ = {"STATE_DIRECTORY": f"{tmp_path}/one", "CACHE_DIRECTORY": f"{tmp_path}/two:{tmp_path}/three"}
    places = secret_places(None, config=None, environ=environ)
    assert {tmp_path / name for name in ("one", "two", "three")} <= places


def test_never_what_the_program_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "trial/.venv"))
    places = secret_places(settings(tmp_path), config=tmp_path / "trial/agent.toml", environ={"HOME": "/"})
    assert tmp_path / "trial" not in places
    assert tmp_path / "trial/agent.toml" in places
    monkeypatch.chdir(tmp_path)
    assert tmp_path not in secret_places(None, config=tmp_path / "agent.toml", environ={})


def test_what_was_hidden_need_not_be_hidden_again(tmp_path: Path) -> None:
    hidden = frozenset({tmp_path / "a"})
    assert covers(hidden, frozenset({tmp_path / "a", tmp_path / "a/b"}))
    assert not covers(hidden, frozenset({tmp_path / "a/b", tmp_path / "ab"}))


def test_a_state_folder_that_is_the_user_s_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's user has no other home."""
    monkeypatch.setenv("HOME", str(tmp_path / "state"))
    assert tmp_path / "state" in secret_places(settings(tmp_path), config=None, environ={})
    assert tmp_path / "state" not in secret_places(None, config=tmp_path / "state/agent.toml", environ={})

"""What doctor says of the screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.cli.screen_check import screen
from device_agent.clock import SystemClock
from device_agent.display import confinement, fonts
from device_agent.display.notes import Notes
from device_agent.display.place import run_folder
from device_agent.service.finding import Level
from tests.device_agent.display.conftest import Site


def test_where_notes_are(tmp_path: Path) -> None:
    assert run_folder(Path("/var/lib/avatar-agent"), {}) == Path("/run/avatar-display")
    assert run_folder(tmp_path, {}) is None
    assert run_folder(tmp_path, {"XDG_RUNTIME_DIR": "relative"}) is None
    one = run_folder(tmp_path / "a", {"XDG_RUNTIME_DIR": "/run/user/7"})
    other = run_folder(tmp_path / "b", {"XDG_RUNTIME_DIR": "/run/user/7"})
    assert one is not None
    assert one != other
    assert one.parent == Path("/run/user/7")


def test_an_avatar_that_is_not_shown_and_a_picture_that_cannot_be(site: Site, tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    sha256 = site.bind()
    findings = list(screen(site.settings(), environ=environ))
    assert all(finding.level < Level.WARNING for finding in findings)

    site.extra = f'fallback_picture = "{tmp_path}/none.png"\n'
    site.write_settings()
    folder = run_folder(site.settings().state_dir, environ)
    assert folder is not None
    folder.mkdir(mode=0o700)
    Notes(folder, steady=SystemClock().steady).refuse(sha256, code="display.memory")
    told = {finding.level: finding.says for finding in screen(site.settings(), environ=environ)}
    assert "fallback_picture" in told[Level.WARNING]
    assert told[Level.BAD].endswith(f"{sha256[:12]}, is not shown: display.memory")


def test_without_chinese_letters_it_says_how_to_get_them(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_candidates", lambda: iter(()))
    fonts.chinese.cache_clear()
    (finding,) = screen(site.settings(), environ={})
    fonts.chinese.cache_clear()
    assert (finding.level, finding.fix) == (Level.NOTE, "apt-get install fonts-noto-cjk")


def test_a_kernel_that_cannot_confine_the_display_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[str]:
        return [finding.says for finding in screen(site.settings(), environ={}) if "Landlock" in finding.says]

    assert len(told()) == (1 if confinement.version() == 0 else 0)
    monkeypatch.setattr(confinement, "version", lambda: 0)
    assert len(told()) == 1

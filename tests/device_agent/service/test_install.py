"""The units as systemd itself judges them, and what an installation writes."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError
from device_agent.service import install, units

LAYOUT = units.Layout(program=Path("/usr/bin/true"))
WITH_TPM = units.Layout(program=Path("/usr/bin/true"), tpm=units.TPM)


@pytest.fixture(scope="module")
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not here (apt-get install systemd)")
    return found


@pytest.mark.parametrize(
    ("layout", "name", "best"),
    [
        (LAYOUT, units.AGENT_UNIT, 1.2),
        (WITH_TPM, units.AGENT_UNIT, 1.5),
        (LAYOUT, units.DISPLAY_UNIT, 0.6),
        (WITH_TPM, units.DISPLAY_UNIT, 0.6),
    ],
)
def test_units_score_two_or_less(tmp_path: Path, analyze: str, layout: units.Layout, name: str, best: float) -> None:
    install.write(layout, root=tmp_path)
    unit = tmp_path / "etc/systemd/system" / name
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True, timeout=60
    )
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout + done.stderr)
    assert found is not None, done.stderr
    assert float(found[1]) <= best, done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("layout", [LAYOUT, WITH_TPM])
def test_systemd_finds_nothing_wrong(tmp_path: Path, analyze: str, layout: units.Layout) -> None:
    install.write(layout, root=tmp_path)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / "etc/systemd/system" / units.AGENT_UNIT)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "avatar" in line]
    assert ours == []


def test_the_agent_has_no_graphics_and_the_display_no_network() -> None:
    agent, display = units.agent_unit(LAYOUT), units.display_unit(LAYOUT)
    assert "Type=notify" in agent
    assert "WatchdogSec=60" in agent
    assert "StartLimitIntervalSec=0" in agent
    assert "PrivateDevices=yes" in agent
    assert "PrivateNetwork=yes" in display
    assert "AF_INET" not in display
    assert "MemoryDenyWriteExecute" not in display
    assert {
        "Type=notify", "WatchdogSec=60", "SystemCallErrorNumber=EPERM", "RuntimeDirectory=avatar-display",
        "RuntimeDirectoryMode=0700", "RuntimeDirectoryPreserve=restart", "BindReadOnlyPaths=-/tmp/.X11-unix",
        "EnvironmentFile=-/etc/avatar-agent/display.env", "Environment=DISPLAY=:0 XDG_CACHE_HOME=/run/avatar-display",
        "ReadOnlyPaths=/var/lib/avatar-agent /var/cache/avatar-agent",
    } <= set(display.splitlines())  # fmt: skip
    assert "StateDirectory=" not in display, "it writes nothing but its notes"
    for unit in (agent, display):
        lines = unit.splitlines()
        assert {"LimitCORE=0", "UMask=0077", "Restart=always"} <= set(lines), (
            "no core file, no open file, never given up"
        )


def test_the_tpm_is_the_only_device_that_can_be_added(tmp_path: Path) -> None:
    unit = units.agent_unit(WITH_TPM)
    assert [line for line in unit.splitlines() if "Device" in line and not line.startswith("Description")] == [
        "PrivateDevices=no", "DevicePolicy=closed", "DeviceAllow=/dev/tpmrm0 rw"
    ]  # fmt: skip
    assert "SupplementaryGroups=tss" in unit
    install.write(WITH_TPM, root=tmp_path)
    assert 'tpm = "/dev/tpmrm0"' in (tmp_path / "etc/avatar-agent/config.toml").read_text()
    install.write(LAYOUT, root=tmp_path / "without")
    assert "tpm" not in (tmp_path / "without/etc/avatar-agent/config.toml").read_text()


def test_writing_again_keeps_what_the_operator_filled_in(tmp_path: Path) -> None:
    first = install.write(LAYOUT, root=tmp_path)
    assert len(first) == 4
    settings = tmp_path / "etc/avatar-agent/config.toml"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o640
    settings.write_text('avatar = "mine"\n')
    assert settings not in install.write(LAYOUT, root=tmp_path)
    assert settings.read_text() == 'avatar = "mine"\n'
    assert not list(tmp_path.rglob("*.new"))


def test_a_link_that_was_planted_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder = tmp_path / "root/etc/systemd/system"
    folder.mkdir(parents=True)
    (folder / f".{units.AGENT_UNIT}.new").symlink_to(victim)
    with pytest.raises(ConfigurationError):
        install.write(LAYOUT, root=tmp_path / "root")
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("config", [units.CONFIG, Path("/srv/kiosk/agent.toml")])
def test_the_commands_are_run_in_order_and_a_failure_is_told(tmp_path: Path, config: Path) -> None:
    layout = units.Layout(program=Path("/usr/bin/true"), config=config)
    seen: list[Sequence[str]] = []
    install.activate(layout, seen.append)
    modes = ["chmod", "chmod"] if config == units.CONFIG else ["chmod"]  # the folder is ours only where it is the usual
    assert [command[0] for command in seen] == ["systemd-sysusers", "chown", *modes, "systemctl", "systemctl"]
    written = install.write(layout, root=tmp_path)
    for command in seen[: 2 + len(modes)]:
        for argument in command[1:]:
            if argument.startswith("/"):
                assert any((tmp_path / argument[1:]) in (path, path.parent) for path in written), argument

    def fail(command: object) -> None:
        raise FileNotFoundError

    with pytest.raises(ConfigurationError, match="failed"):
        install.activate(layout, fail)


@pytest.mark.parametrize("place", ["/home/ann/venv/bin/x", "/root/.venv/bin/x", "/tmp/x"])
def test_what_the_service_could_not_see_is_not_installed(tmp_path: Path, place: str) -> None:
    program = Path(place)
    for layout in (units.Layout(program=program), units.Layout(program=Path("/usr/bin/true"), config=program)):
        with pytest.raises(ConfigurationError) as caught:
            install.require_startable(layout)
        assert (caught.value.code, caught.value.where) == ("install.hidden", place)
    install.require_startable(LAYOUT)


def test_a_python_that_the_service_could_not_see_is_noticed(tmp_path: Path) -> None:
    """A virtual environment below /opt whose Python is a link into somebody's home."""
    python, program = tmp_path / "python3", tmp_path / "avatar-agent"
    python.symlink_to("/home/ann/.pyenv/versions/3.11.7/bin/python3.11")
    for first, hidden in ((f"#!{python}", True), (f"#!{python} -I", True), ("#!/usr/bin/python3", False)):
        program.write_text(f"{first}\nprint()\n")
        found = install.out_of_sight(units.Layout(program=program))
        assert (Path("/home/ann/.pyenv/versions/3.11.7/bin/python3.11") in found) is hidden
    program.write_bytes(b"\x7fELF\xff\xfe")
    assert all(path == program for path in install.out_of_sight(units.Layout(program=program)))


def test_the_units_allow_the_file_in_memory_that_a_key_gets_to_openssl_by(analyze: str) -> None:
    """``memfd_create`` is among the calls that both units allow; ``ProcSubset=pid`` leaves /proc/self/fd."""

    def calls(group: str) -> set[str]:
        if group[0] != "@":
            return {group}
        done = subprocess.run(
            [analyze, "syscall-filter", group], capture_output=True, text=True, timeout=60, check=True
        )
        names = {line.strip() for line in done.stdout.splitlines() if line.startswith("    ") and "#" not in line}
        return {name for name in names if name[0] != "@"}.union(*(calls(name) for name in names if name[0] == "@"))

    for unit in (units.agent_unit(LAYOUT), units.display_unit(LAYOUT)):
        filters = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("SystemCallFilter=")]
        allowed: set[str] = set()
        for line in filters:
            groups = set().union(*(calls(group) for group in line.lstrip("~").split()))
            allowed = allowed - groups if line.startswith("~") else allowed | groups
        assert "memfd_create" in allowed
        assert ("landlock_restrict_self" in allowed) is ("Avatar on the screen" in unit)
        assert "ptrace" not in allowed, "what is looked for here would be found missing"


def test_a_program_that_is_not_there_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systemd would start it again and again, for ever."""
    monkeypatch.setattr(install, "HIDDEN", ())
    good, plain = tmp_path / "good", tmp_path / "no-program"
    for path in (good, plain, tmp_path / 'quo"te', tmp_path / "back\\slash"):
        path.write_text("#!/bin/sh\n")
        path.chmod(0o644 if path is plain else 0o755)
    install.require_startable(units.Layout(program=good))
    for program in (tmp_path / "none", plain, tmp_path, tmp_path / 'quo"te', tmp_path / "back\\slash"):
        with pytest.raises(ConfigurationError) as caught:
            install.require_startable(units.Layout(program=program))
        assert (caught.value.code, caught.value.where) == ("install.program", str(program))


@pytest.mark.parametrize("folder", ["a b", "hundred%h", "semi;colon", "dollar$HOME"])
def test_systemd_finds_a_program_wherever_it_is(tmp_path: Path, analyze: str, folder: str) -> None:
    program = tmp_path / folder / "avatar-agent"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    layout = units.Layout(program=program, config=program.with_name('own "settings".toml'))
    for unit in (units.agent_unit(layout), units.display_unit(layout)):
        file = tmp_path / "kiosk.service"
        file.write_text(unit)
        done = subprocess.run(
            [analyze, "verify", "--man=no", str(file)], capture_output=True, text=True, timeout=60, check=False
        )
        assert [line for line in (done.stdout + done.stderr).splitlines() if file.name in line] == []
        (start,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
        assert start.count("$$") == folder.count("$"), "in an argument it would be a variable"
        assert start.endswith('own \\"settings\\".toml"')

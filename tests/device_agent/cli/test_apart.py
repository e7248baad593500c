"""What the process that draws does before it is confined; each time in a process of its own, as it is for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from device_agent.cli import apart
owned, hidden = [], []
apart.become_owner = owned.append
apart.hide = lambda places, kept: hidden.append((places, kept)) or True
found = apart.set_apart(None, state_dir=None, cache_dir=None)
print(owned, sorted(map(str, hidden[0][0] - {Path("/dev/tpm0"), Path("/dev/tpmrm0")})), hidden[0][1], found.folder)
print("cryptography" in sys.modules, "numpy" in sys.modules, found.hidden == hidden[0][0])
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "etc/agent.toml"
    path.parent.mkdir()
    path.write_text(f'state_dir = "{tmp_path}/state"\ncache_dir = "{tmp_path}/cache"\n')
    path.chmod(0o600)
    return path


def told(config: Path, **environment: str) -> list[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(config.parents[1]), "AVATAR_AGENT_CONFIG": str(config)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


def test_root_becomes_the_owner_of_the_folder_that_the_other_process_named(config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    lines = told(config, RUNTIME_DIRECTORY=f"{run}:/elsewhere")
    state, etc = tmp_path / "state", config.parent
    places = sorted(map(str, ["/etc/avatar-agent", "/var/cache/avatar-agent", tmp_path / ".alibabacloud", etc, config,
                              state, tmp_path / "cache"]))  # fmt: skip
    assert lines[0] == f"{[state]} {places} {[run]} {run}"
    assert lines[1] == "False False True", "it has read nothing that takes a key, and loaded nothing that draws"


def test_notes_are_kept_in_a_desktop_s_run_folder_and_in_memory_where_there_is_none(
    config: Path, tmp_path: Path
) -> None:
    (tmp_path / "user").mkdir(mode=0o700)
    folder = Path(told(config, XDG_RUNTIME_DIR=str(tmp_path / "user"))[0].split()[-1])
    assert folder.is_relative_to(tmp_path / "user")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert told(config)[0].split()[-2:] == ["[]", "None"]


def test_without_settings_that_can_be_read_it_goes_on(config: Path) -> None:
    config.write_text("offline_budget_s = 'much'\n")
    first = told(config)[0]
    assert first.startswith("[] ")
    assert str(config) in first

"""One service for one device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from device_agent.errors import StateError
from device_agent.harness.ready import write_settings
from device_agent.service.alone import alone

from .conftest import Site


def test_a_second_one_is_kept_out_until_the_first_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with alone(folder):
        with pytest.raises(StateError) as caught, alone(folder):
            pass
        assert (caught.value.code, caught.value.exit_status) == ("service.running", 3)
        assert "systemctl stop" in caught.value.hint
        assert list(folder.iterdir()) == [], "nothing is written for it"
        with alone(tmp_path / "another"):
            pass
    with alone(folder):
        pass


def test_commands_work_beside_it(site: Site) -> None:
    with alone(site.settings().state_dir), site.engine(site.settings()) as engine:
        engine.bind()


def test_a_place_that_cannot_be_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with alone(tmp_path / "file" / "state"), alone(tmp_path / "file" / "state"):
        pass


def test_the_service_says_so_and_leaves_the_first_one_s_health_alone(tmp_path: Path, site: Site) -> None:
    write_settings(tmp_path / "agent.toml", site.harness.ready)
    (tmp_path / "run").mkdir(mode=0o700)
    state = tmp_path / "state"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "RUNTIME_DIRECTORY": str(tmp_path / "run")}
    command = ["run", "--config", str(tmp_path / "agent.toml"), "--state-dir", str(state)]
    with alone(state):
        done = subprocess.run(
            [sys.executable, "-m", "device_agent.cli.main", *command], env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    said = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert said[-1]["reason"] == "service.running"
    assert list((tmp_path / "run").iterdir()) == []
    assert site.harness.calls() == []

"""``avatar-agent harness serve`` as a process."""

from __future__ import annotations

import json
import signal
import socket
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.config import Settings
from device_agent.harness.serve import RunningHarness

from .commands import package, start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_line_when_ready_and_a_clean_end(tmp_path: Path, number: signal.Signals) -> None:
    process = start("--avatar", str(package(tmp_path)), "--seats", "1", "--data", str(tmp_path / "data"))
    try:
        assert process.stdout is not None
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        assert list(ready) == [
            "endpoint",
            "im_url",
            "admin_url",
            "access_key_id",
            "access_key_secret",
            "tenant_id",
            "app_id",
            "license_file",
            "avatar_codes",
        ]
        assert ready["avatar_codes"] == ["CH_3d_tiny"]
        assert httpx.get(f"{ready['admin_url']}/licenses").json()[0]["seats"] == 1
    finally:
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_it_writes_settings_that_an_agent_can_read(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    process = start("--avatar", str(package(tmp_path)), "--settings", str(file))
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert file.stat().st_mode & 0o777 == 0o600
        written = tomllib.loads(file.read_text())
        settings = Settings.load(file, environ={}, overrides={})
    finally:
        process.terminate()
        process.communicate(timeout=20)
    same = ("endpoint", "access_key_id", "access_key_secret", "tenant_id", "app_id", "license_file")
    assert {name: written[name] for name in same} == {name: ready[name] for name in same}
    assert (settings.state_dir, settings.cache_dir) == (tmp_path / "state", tmp_path / "cache")
    assert settings.access_key_secret is not None
    assert settings.access_key_secret.reveal() == ready["access_key_secret"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".agent")] == []


def failed(*arguments: str) -> tuple[int, str]:
    process = start(*arguments)
    out, errors = process.communicate(timeout=20)
    assert out == ""
    assert "Traceback" not in errors
    return process.returncode, errors


def test_each_bad_start_is_one_line_and_a_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, told = failed("--port", str(taken.getsockname()[1]))
        assert (status, told.count("\n"), "harness.port" in told) == (3, 1, True)
    (tmp_path / "file").write_text("")
    status, told = failed("--data", str(tmp_path / "file"))
    assert (status, told.count("\n")) == (3, 1)
    with RunningHarness.start(data=tmp_path / "data", seed="1"):
        status, told = failed("--data", str(tmp_path / "data"))
        assert (status, told.count("\n"), "harness.state.in_use" in told) == (3, 1, True)
    status, told = failed("--avatar", str(tmp_path / "file"))
    assert (status, told.count("\n"), str(tmp_path / "file") in told) == (7, 1, True)
    status, told = failed("--avatar", str(tmp_path / "missing.glb"))
    assert (status, told.count("\n")) == (7, 1)
    status, told = failed("--rule", "repeat=sometimes")
    assert (status, told.count("\n")) == (2, 1)
    status, told = failed("--avatar", str(package(tmp_path)), "--settings", str(tmp_path / "no" / "agent.toml"))
    assert (status, told.count("\n"), "harness.settings" in told) == (3, 1, True)


def test_beyond_loopback_it_warns(tmp_path: Path) -> None:
    process = start("--host", "0.0.0.0", "--avatar", str(package(tmp_path)))
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        response = httpx.get(f"{ready['admin_url']}/seats", headers={"Host": "kiosk.local"})
        assert (response.status_code, ready["endpoint"].startswith("http://127.0.0.1:")) == (200, True)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert "WARNING" in errors
    assert process.returncode == 0


def test_paths_hold_wherever_the_agent_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    avatar = str(package(tmp_path))
    monkeypatch.chdir(tmp_path)
    process = start("--avatar", avatar, "--data", "data", "--settings", "elsewhere/agent.toml")
    try:
        assert process.stdout is not None
        process.stdout.readline()
        settings = Settings.load(tmp_path / "elsewhere" / "agent.toml", environ={}, overrides={})
        assert settings.license_file is not None
        assert settings.license_file.is_file()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)

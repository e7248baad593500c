"""Root at a kiosk's terminal: its commands leave nothing in the device's folders that the service would refuse."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import segno

from device_agent.cli import owner
from device_agent.cli.owner import become_owner
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.ready import write_settings
from device_agent.harness.serve import RunningHarness

ROOT = Path(__file__).resolve().parents[3]
SERVICE = 65534
CODE = "CH_3d_test"
FILES = {"character.glb": b"x" * 1000, "character.config.json": b"{}", "animation.glb": b"x"}


@pytest.fixture
def given_up(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What root would have asked the kernel for, in this order; nobody becomes anybody."""
    asked: list[tuple[str, Any]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "setgroups", lambda groups: asked.append(("groups", list(groups))))
    monkeypatch.setattr(os, "setresgid", lambda *ids: asked.append(("gid", ids)))
    monkeypatch.setattr(os, "setresuid", lambda *ids: asked.append(("uid", ids)))
    return asked


def owned_by(monkeypatch: pytest.MonkeyPatch, folder: Path, uid: int, gid: int) -> None:
    real = folder.lstat()
    facts = list(real)
    facts[4], facts[5] = uid, gid
    monkeypatch.setattr(Path, "lstat", lambda self: os.stat_result(facts))


def test_root_gives_everything_up_in_the_right_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_up: list[tuple[str, Any]]
) -> None:
    owned_by(monkeypatch, tmp_path, 4_000_001, 4_000_002)
    monkeypatch.setattr(owner, "_program_is_open_to_all", lambda: False)
    assert not become_owner(tmp_path), "it could not go on loading itself"
    monkeypatch.setattr(owner, "_program_is_open_to_all", lambda: True)
    assert become_owner(tmp_path)
    assert given_up == [
        ("groups", [4_000_002]), ("gid", (4_000_002,) * 3), ("uid", (4_000_001,) * 3),
    ]  # fmt: skip


def test_who_is_not_root_or_whose_folder_is_root_s_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_up: list[tuple[str, Any]]
) -> None:
    monkeypatch.setattr(owner, "_program_is_open_to_all", lambda: True)
    assert not become_owner(tmp_path / "not-there")
    owned_by(monkeypatch, tmp_path, 0, 0)
    assert not become_owner(tmp_path)
    owned_by(monkeypatch, tmp_path, 1000, 1000)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not become_owner(tmp_path)
    assert given_up == []


@pytest.fixture
def harness() -> Iterator[RunningHarness]:
    with RunningHarness.start(avatars=[PackageSource(code=CODE, name="test", read=lambda: FILES)]) as running:
        yield running


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own lie in one that each run closes to all others."""
    with tempfile.TemporaryDirectory(prefix="kiosk-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a second user")
def test_root_and_the_service_work_on_one_device(base: Path, harness: RunningHarness) -> None:
    for name in ("state", "cache"):
        (base / name).mkdir(mode=0o700)
        os.chown(base / name, SERVICE, SERVICE)
    config = base / "agent.toml"
    write_settings(config, harness.ready)
    licence = base / "license.json"
    licence.write_bytes(Path(harness.ready.license_file).read_bytes())
    licence.chmod(0o640)
    os.chown(licence, 0, SERVICE)
    config.write_text(config.read_text().replace(harness.ready.license_file, str(licence)))
    config.chmod(0o640)
    os.chown(config, 0, SERVICE)

    found = open_python()
    if found is None:
        pytest.skip("every Python here is in a home that the service's user cannot enter")
    python, path = found

    def command(*words: str, user: int) -> str:
        done = subprocess.run(
            [python, "-m", "device_agent.cli.main", *words, "--config", str(config)],
            capture_output=True, text=True, user=user, group=user, extra_groups=[], cwd="/", timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": path},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("bind", user=0)
    command("fetch", CODE, user=0)
    assert "ready" in command("status", user=0)
    here = [path for name in ("state", "cache") for path in (base / name).rglob("*")]
    assert len(here) > 5
    assert {path.stat().st_uid for path in here} == {SERVICE}
    assert "ready" in command("status", user=SERVICE)
    command("unbind", user=SERVICE)
    assert harness.seats() == []


def open_python() -> tuple[str, str] | None:
    """A Python that every user can start, and the folder of our packages: this one, or the system's of that version."""
    packages = Path(segno.__file__).parents[1]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (Path(sys.executable), Path("/usr/bin") / version):
        if python.exists() and all(can_be_entered(place) for place in (python.resolve(), packages, ROOT / "x")):
            return str(python), f"{ROOT}:{packages}"
    return None


def can_be_entered(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.parents)

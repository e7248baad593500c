"""The lock files pin every package to bytes that are known: a version and hashes, and no address to fetch from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_and_hashed(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) > 10
    for line in lines:
        assert re.match(r"[a-z0-9.-]+==[^ ]+ ", line), line
        assert "--hash=sha256:" in line, line
        assert "://" not in line, line


def names(lines: list[str]) -> set[str]:
    """Packages that requirements name, without versions, markers and extras."""
    found = (re.match(r"[A-Za-z0-9-]+", line) for line in lines)
    return {match[0].lower() for match in found if match}


def test_a_device_gets_what_the_wheel_asks_for() -> None:
    """Whoever installs the wheel by itself has no lock file."""
    project = tomllib.loads((REQUIREMENTS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = names((REQUIREMENTS / "base.in").read_text(encoding="utf-8").splitlines())
    assert names(project["dependencies"]) == locked - {"setuptools", "glcontext"}


def test_the_setup_asks_for_the_hashes() -> None:
    setup = (REQUIREMENTS.parent / "scripts" / "setup.sh").read_text(encoding="utf-8")
    for line in setup.splitlines():
        if "pip install" in line and " -r " in line:
            assert "--require-hashes" in line
    assert "--require-hashes" in setup

"""What the other tests run, ``tests.commands``, is the command: compared with one that Python starts for itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from renderer.sample import SAMPLE
from tests.commands import avatar_agent

COMMAND = Path(sys.executable).with_name("avatar-agent")


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "--json"),
        ("start",),
        ("fetch",),
        ("nonsense", "--json"),
        ("--help",),
        ("inspect", str(SAMPLE)),
        ("inspect", "names/头像.glb"),
        ("api", "SendText", "-"),
    ],
    ids=" ".join,
)
def test_it_says_the_same_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AVATAR_AGENT_TENANT_ID": "4711", "COLUMNS": "90"}
    own = subprocess.run([COMMAND, *arguments], env=environ, input="{'", capture_output=True, text=True, check=False)
    forked = avatar_agent(*arguments, environ=environ, stdin="{'")
    assert (forked.returncode, forked.stdout, forked.stderr) == (own.returncode, own.stdout, own.stderr)


def test_one_command_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    told = [
        avatar_agent("status", environ={"PATH": os.environ["PATH"], "HOME": str(tmp_path / home)}).stdout
        for home in ("a", "b")
    ]
    assert str(tmp_path / "a") in told[0]
    assert told[1] == told[0].replace(str(tmp_path / "a"), str(tmp_path / "b"))


def test_one_that_does_not_end_is_killed_and_the_next_runs(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AVATAR_AGENT_TENANT_ID": "1"}
    with os.fdopen(reading), os.fdopen(writing, "w"):
        with pytest.raises(subprocess.TimeoutExpired):
            avatar_agent("api", "SendText", "-", environ=environ, stdin=reading, timeout_s=0.01)
        assert avatar_agent("status", environ=environ).returncode == 0

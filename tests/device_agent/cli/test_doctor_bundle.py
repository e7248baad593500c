"""A bundle is shown before it is written, and written at a terminal on a yes only."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.commands import avatar_agent

HEAD = "file           bytes  taken out"


def doctor(folder: Path, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """``typed`` is what somebody types at a terminal; without it nobody sits there."""
    command = ("doctor", "--offline", *arguments)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "AVATAR_AGENT_STATE_DIR": str(folder / "state"),
        "AVATAR_AGENT_CACHE_DIR": str(folder / "cache"), "AVATAR_AGENT_TENANT_ID": "4711",
        "AVATAR_AGENT_PROXY": "http://10.9.8.7:3128",
    }  # fmt: skip
    if typed is None:
        return avatar_agent(*command, environ=environment)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        return avatar_agent(*command, environ=environment, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_script_is_not_asked_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "b.tgz"
    done = doctor(tmp_path, "--bundle", str(path))
    assert done.returncode in (0, 3), done.stderr
    assert "[y/N]" not in done.stdout + done.stderr
    assert done.stdout.index(HEAD) < done.stdout.index(f"Bundle: {path}")
    with tarfile.open(path) as archive:
        sizes = {entry.name.removeprefix("avatar-agent/"): entry.size for entry in archive}
    lines = [line.split() for line in done.stdout[done.stdout.index(HEAD) :].splitlines()[1 : len(sizes) + 1]]
    assert {name: int(size.replace(",", "")) for name, size, *_ in lines} == sizes
    (settings,) = [rest for name, _, *rest in lines if name == "settings.json"]
    assert settings == ["ip", "1"], "the proxy's address"


@pytest.mark.parametrize(("typed", "written"), [("y\n", True), ("yes\n", True), ("\n", False), ("\x04", False)])
def test_who_sits_at_the_terminal_is_asked_after_seeing_it(tmp_path: Path, typed: str, written: bool) -> None:
    path = tmp_path / "b.tgz"
    done = doctor(tmp_path, "--bundle", str(path), typed=typed)
    assert HEAD in done.stdout
    assert f"Write this to {path}? [y/N]" in done.stderr
    assert path.exists() is written
    assert ("No bundle was written." in done.stdout) is not written


def test_yes_and_dry_run_ask_nobody(tmp_path: Path) -> None:
    dry = doctor(tmp_path, "--bundle", str(tmp_path / "dry.tgz"), "--dry-run", typed="")
    yes = doctor(tmp_path, "--bundle", str(tmp_path / "yes.tgz"), "--yes", typed="")
    assert "[y/N]" not in dry.stderr + yes.stderr
    assert HEAD in dry.stdout
    assert HEAD in yes.stdout
    assert [path.name for path in tmp_path.glob("*.tgz")] == ["yes.tgz"]


def test_one_object_for_a_script(tmp_path: Path) -> None:
    path = tmp_path / "b.tgz"
    dry = json.loads(doctor(tmp_path, "--bundle", str(path), "--dry-run", "--json").stdout)
    assert (dry["bundle"], path.exists()) == (None, False)
    done = doctor(tmp_path, "--bundle", str(path), "--json", typed="y\n")
    facts = json.loads(done.stdout)
    assert HEAD in done.stderr, "the one object comes last, so the question shows what it is about"
    assert (facts["bundle"], path.exists()) == (str(path), True)
    held = {page["file"]: page for page in facts["bundle_holds"]}
    with tarfile.open(path) as archive:
        sizes = {entry.name.removeprefix("avatar-agent/"): entry.size for entry in archive}
    assert {name: page["bytes"] for name, page in held.items()} == sizes
    assert held["settings.json"]["taken_out"] == {"ip": 1}
    assert [page["file"] for page in dry["bundle_holds"]] == list(held)


def test_without_a_bundle_there_is_nothing_to_agree_to(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--yes")
    assert done.returncode == 2
    assert "--bundle" in done.stderr

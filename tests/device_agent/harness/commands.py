"""``avatar-agent harness serve`` as a process, and an agent's commands against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.commands import avatar_agent

PROGRAM = """
import sys, typer
from device_agent.cli import harness
from device_agent.cli.fault import report
app = typer.Typer(pretty_exceptions_enable=False)
harness.register(app)
try:
    app()
except Exception as error:
    sys.exit(report(error, as_json=False))
"""
"""The command without the program's other commands: this suite stands on its own."""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "harness", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
    )


def package(folder: Path) -> Path:
    """A ready open package: nothing has to be made from an avatar file."""
    made = folder / "tiny"
    made.mkdir()
    for name in ("character.glb", "character.config.json"):
        (made / name).write_bytes(name.encode())
    return made


def agent(folder: Path, *arguments: str, status: int = 0) -> dict[str, Any]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "AVATAR_AGENT_CONFIG": str(folder / "agent.toml")}
    done = avatar_agent(*arguments, "--json", environ=environ)
    assert done.returncode == status, done.stderr
    return dict(json.loads(done.stdout))

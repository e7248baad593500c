"""How every command ends, whatever it is: one line, one object, a status that scripts can rely on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from device_agent import VERSION

COMMAND = [sys.executable, "-m", "device_agent.cli.main"]


def call(*arguments: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f'"$@" {shell}', "sh", *COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bogus"], "bogus"),
        (["fetch"], "CODE"),
        (["status", "--bogus"], "--bogus"),
        (["render", "a.glb"], "--out"),
        (["render", "a.glb", "--out", "a.png", "--camera", "7"], "--camera"),
    ],
)
def test_wrong_use_is_one_line_and_one_object(arguments: list[str], words: str) -> None:
    done = call(*arguments, "--json")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("avatar-agent: ")
    assert words in done.stderr
    assert "--help" in done.stderr
    told = json.loads(done.stdout)
    assert (told["ok"], told["code"], told["exit_status"]) == (False, "usage", 2)


def test_wrong_use_without_json_says_nothing_on_stdout() -> None:
    assert call("bogus").stdout == ""


@pytest.mark.parametrize("arguments", [[], ["harness"]])
def test_no_command_shows_the_help(arguments: list[str]) -> None:
    done = call(*arguments)
    assert (done.returncode, done.stderr) == (2, "")
    assert "Usage" in done.stdout


def test_the_program_says_its_version() -> None:
    done = call("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"avatar-agent {VERSION}\n", "")
    assert "--version" in call("--help").stdout


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    done = call("api", shell="| head -n 1")
    assert done.stderr == ""
    assert done.stdout.startswith("StartInstance")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_results_that_cannot_be_written(more: list[str]) -> None:
    done = call("status", *more, shell="> /dev/full")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "the results cannot be written: no space left on device (stdout)" in line
    assert line.endswith("[results.full]")


def test_a_closed_stdout() -> None:
    done = call("status", shell=">&-")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_help_in_a_locale_that_lacks_its_letters() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "COLUMNS": "60"}  # so narrow that words are cut short
    command = [*COMMAND, "render", "--help"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Usage" in done.stdout


def test_an_interrupt_before_the_command_begins() -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it\n"
        "from device_agent.cli import main\n"
        "main.build = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "main.main()\n"
    )
    command = [sys.executable, "-c", code, "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "stopped\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_away_what_was_being_written(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import os, signal, sys, typer\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it\n"
        "from pathlib import Path\n"
        "from device_agent.cli import main\n"
        "from renderer.output.replacement import Replacement\n"
        "def write():\n"
        "    with Replacement(Path(sys.argv[2])) as temporary:\n"
        "        temporary.write_bytes(b'half')\n"
        "        os.kill(os.getpid(), int(sys.argv[3]))\n"
        "def build():\n"
        "    app = typer.Typer()\n"
        "    @app.command()\n"
        "    def command(path: str, number: int): write()\n"
        "    app.callback()(lambda: None)\n"
        "    return app\n"
        "main.build = build\n"
        "main.main()\n"
    )
    command = [sys.executable, "-c", code, "command", str(tmp_path / "a.mp4"), str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in done.stderr

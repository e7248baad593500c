"""Putting the service onto a Debian machine, or into a folder to look at first."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from device_agent.errors import ConfigurationError
from device_agent.service import units

Run = Callable[[Sequence[str]], None]

HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 -- compared with, not used
"""Where a unit with ProtectHome and PrivateTmp sees nothing."""


def commands(layout: units.Layout) -> tuple[tuple[str, ...], ...]:
    """What is run after the files are there, in this order."""
    config = str(layout.config)
    return (
        ("systemd-sysusers", "/usr/lib/sysusers.d/avatar-agent.conf"),
        (
            "chown",
            f"root:{units.USER}",
            *((str(units.CONFIG_FOLDER),) if layout.config == units.CONFIG else ()),
            config,
        ),
        ("chmod", "640", config),
        *((("chmod", "750", str(units.CONFIG_FOLDER)),) if layout.config == units.CONFIG else ()),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", "--now", units.AGENT_UNIT),
    )


def out_of_sight(layout: units.Layout) -> list[Path]:
    """Of the program, its interpreter and the settings, what the service could not see where it is."""
    return [
        path
        for path in (layout.program, *_interpreter(layout.program), layout.config)
        if any(path.is_relative_to(place) or path.resolve().is_relative_to(place) for place in HIDDEN)
    ]


def _interpreter(program: Path) -> Iterator[Path]:
    """What a script's first line starts, and where that link ends: a virtual environment may stand on somebody's own
    Python.
    """
    with suppress(OSError, UnicodeDecodeError), program.open("rb") as file:
        first = file.readline(512)
        if first.startswith(b"#!") and (words := first[2:].decode().split()):
            yield Path(words[0]).resolve()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One file to be: where, what, which mode; ``keep`` leaves one that is there alone."""

    path: Path
    text: str
    mode: int = 0o644
    keep: bool = False


def pieces(layout: units.Layout) -> Iterator[Piece]:
    """Every file that an installation has."""
    system = Path("/etc/systemd/system")
    yield Piece(path=system / units.AGENT_UNIT, text=units.agent_unit(layout))
    yield Piece(path=system / units.DISPLAY_UNIT, text=units.display_unit(layout))
    yield Piece(path=Path("/usr/lib/sysusers.d/avatar-agent.conf"), text=units.sysusers())
    yield Piece(path=layout.config, text=units.settings_template(layout), mode=0o640, keep=True)


def write(layout: units.Layout, *, root: Path) -> list[Path]:
    """Write the files below ``root`` (``/`` installs them); those that were written.

    Raises:
        ConfigurationError: one cannot be written.
    """
    written = []
    for piece in pieces(layout):
        target = root / piece.path.relative_to("/")
        if piece.keep and target.exists():
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            fresh = target.with_name(f".{target.name}.new")
            descriptor = os.open(
                fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, piece.mode
            )
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(piece.text)
                os.fchmod(file.fileno(), piece.mode)
            fresh.replace(target)
        except OSError as error:
            raise ConfigurationError(
                f"a file of the service cannot be written: {(error.strerror or 'unknown').lower()}",
                code="install.file",
                where=str(target),
                hint="run it as root, or look at the files first: --dry-run --out DIR",
            ) from error
        written.append(target)
    return written


def is_startable(program: Path) -> bool:
    """Whether the command is there, may be run, and has a path that systemd takes."""
    is_named = not any(letter in str(program) for letter in "'\"\\\n")
    return is_named and program.is_file() and os.access(program, os.X_OK)


def require_startable(layout: units.Layout) -> None:
    """Before anything is written: the service must be able to start what it is told to.

    Raises:
        ConfigurationError: there is no such program, or it or the settings are in somebody's home or in a temporary
            folder.
    """
    if hidden := out_of_sight(layout):
        raise ConfigurationError(
            "the service sees no home and no temporary folders",
            code="install.hidden",
            where=str(hidden[0]),
            hint="install into a folder such as /opt/avatar-agent, by the system's Python (/usr/bin/python3 -m venv),"
            " and name it: --program, --config",
        )
    if not is_startable(layout.program):
        raise ConfigurationError(
            "there is no such command, or systemd could not name it",
            code="install.program",
            where=str(layout.program),
            hint="name the one that is installed: --program /opt/avatar-agent/bin/avatar-agent",
        )


def activate(layout: units.Layout, run: Run) -> None:
    """Make the user and start the agent.

    Raises:
        ConfigurationError: a command is missing or failed.
    """
    for command in commands(layout):
        try:
            run(command)
        except (OSError, subprocess.SubprocessError) as error:
            raise ConfigurationError(
                f"a command of the system failed: {' '.join(command[:2])}",
                code="install.command",
                hint="look at its message above; the files are written already",
            ) from error


def run_command(command: Sequence[str]) -> None:
    """Run one, with its words on this terminal."""
    subprocess.run(list(command), check=True)  # noqa: S603 -- from the list above


def this_program(argv0: str) -> Path:
    """Where the ``avatar-agent`` command is, for the unit.

    Raises:
        ConfigurationError: it is not installed as a command.
    """
    found = shutil.which(argv0) or shutil.which("avatar-agent")
    if found is None or Path(found).suffix == ".py":
        found = shutil.which("avatar-agent")
    if found is None:
        raise ConfigurationError(
            "the command avatar-agent is not on the path",
            code="install.program",
            hint="name it: --program /opt/avatar-agent/bin/avatar-agent",
        )
    return Path(found).absolute()

"""``avatar-agent install``: the service, its user and its folders, on this machine or into a folder to look at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present
from device_agent.errors import UsageError

if TYPE_CHECKING:
    from device_agent.service.units import Layout


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("install")(install)


def install(
    systemd: Annotated[bool, typer.Option("--systemd", help="As a systemd service; the only kind there is.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the files below --out and change nothing else.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for --dry-run.", metavar="DIR")] = None,
    program: Annotated[Path | None, typer.Option(help="The avatar-agent command that the service starts.")] = None,
    config: Annotated[Path, typer.Option("--config", help="Settings file of the service.", metavar="FILE")] = Path(
        "/etc/avatar-agent/config.toml"
    ),
    tpm: Annotated[
        bool,
        typer.Option(
            "--tpm", help="Use /dev/tpmrm0: the device's id is made from the TPM, and its secrets are sealed to it."
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Install the agent as a hardened systemd service: units, user, settings file."""
    if not systemd:
        raise UsageError("say which service manager: --systemd", code="usage.install", hint="add --systemd")
    if dry_run != (out is not None):
        raise UsageError("--dry-run and --out belong together", code="usage.install", hint="give both, or neither")
    from device_agent.service import install as installing
    from device_agent.service.units import TPM, Layout

    program = (program or installing.this_program(sys.argv[0])).absolute()
    layout = Layout(program=program, config=config.absolute(), tpm=TPM if tpm else None)
    if not dry_run:
        installing.require_startable(layout)
    written = installing.write(layout, root=out or Path("/"))
    if not dry_run:
        installing.activate(layout, installing.run_command)
    warnings = _warnings(layout)
    if as_json:
        present.put_json({"files": [str(path) for path in written], "dry_run": dry_run, "warnings": warnings})
        return
    for line in (*map(str, written), *warnings):
        present.put(line)
    present.put(
        "Nothing else was changed."
        if dry_run
        else f"The service runs. Fill in {config}, then: systemctl reload avatar-agent"
    )


def _warnings(layout: Layout) -> list[str]:
    """What the operator has to see to, besides the settings."""
    from device_agent.display.fonts import PACKAGE, chinese
    from device_agent.service import install as installing

    found = []
    if not installing.is_startable(layout.program):
        found.append(f"Not as it is: there is no command {layout.program}.")
    for path in installing.out_of_sight(layout):
        found.append(f"Not as it is: the service sees no home and no temporary folders, and {path} is in one.")
    if chinese() is None:
        found.append(f"The screen's cards are in English alone: no Chinese font is here. apt-get install {PACKAGE}")
    return found

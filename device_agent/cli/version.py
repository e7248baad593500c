"""``avatar-agent --version``: which program this is."""

from __future__ import annotations

from typing import Annotated

import typer

from device_agent import VERSION
from device_agent.cli import present


def register(app: typer.Typer) -> None:
    """Add the option."""
    app.callback()(_program)


def _tell(wanted: bool) -> None:
    if wanted:
        present.put(f"avatar-agent {VERSION}")
        raise typer.Exit


def _program(
    _version: Annotated[
        bool, typer.Option("--version", help="Show this program's version and exit.", callback=_tell, is_eager=True)
    ] = False,
) -> None:
    """Nothing to do without a command."""

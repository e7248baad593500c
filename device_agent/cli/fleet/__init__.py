"""``avatar-agent fleet``: what headquarters does for its devices; one file per command."""

from __future__ import annotations

import importlib

import typer

COMMANDS = ("keygen", "root", "order", "manifest", "sign", "release")


def register(app: typer.Typer) -> None:
    """Add the ``fleet`` commands."""
    group = typer.Typer(
        help="At headquarters: sign orders, lists, roots of keys; give back seats of devices that are gone.",
        no_args_is_help=True,
    )
    for name in COMMANDS:
        importlib.import_module(f"device_agent.cli.fleet.{name}").register(group)
    app.add_typer(group, name="fleet")

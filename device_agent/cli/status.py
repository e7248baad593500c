"""``avatar-agent status``: its options; see ``standing`` for what it does."""

from __future__ import annotations

import typer

from device_agent.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    config: options.Config = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Show what this device is and holds."""
    from device_agent.cli.standing import show

    show(config=config, state_dir=state_dir, cache_dir=cache_dir, as_json=as_json)

"""``avatar-agent run``: its options; see ``serving`` for what it does."""

from __future__ import annotations

import typer

from device_agent.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    license_file: options.License = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    device_id: options.DeviceId = None,
) -> None:
    """Keep this device bound, its licence checked and its avatar here, until told to stop; made for systemd.

    SIGHUP reads the settings again, SIGTERM stops. Logs are JSON on stderr; health and metrics are on a Unix socket.
    """
    from device_agent.cli.serving import serve

    serve(
        config=config,
        endpoint=endpoint,
        license_file=license_file,
        state_dir=state_dir,
        cache_dir=cache_dir,
        device_id=device_id,
    )

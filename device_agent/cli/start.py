"""``avatar-agent start``: begin a session on a bound device."""

from __future__ import annotations

from typing import Annotated

import typer

from device_agent.cli import options, present
from device_agent.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("start")(start)


def start(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    drive: Annotated[
        bool, typer.Option("--drive", help="Then hold the drive channel open and show what comes.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option(help="With --drive: for so long; else until Ctrl-C.", min=0.0, metavar="S")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Begin a session (ClientStart) and show that the platform lets this device work.

    The session's token stays in memory: it is neither printed nor kept.
    """
    from device_agent.lifecycle.engine import Engine

    if seconds is not None and not drive:
        raise UsageError("--seconds belongs to --drive", code="usage.start", hint="add --drive")
    settings = options.load_settings(config, endpoint=endpoint, state_dir=state_dir, cache_dir=cache_dir)
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        started = engine.start()
        record, steps = engine.record, engine.steps
    if not as_json:
        present.put(f"Started: the platform lets device {record.device_id} work.")
    heard = {}
    if drive:
        from device_agent.cli.listening import listen
        from device_agent.drive import Session

        session = Session(token=started.im_token, tenant_id=record.tenant_id, app_id=record.app_id)
        heard = {"drive": listen(settings, session, seconds=seconds, quiet=as_json)}
    if as_json:
        present.put_json(
            {
                "phase": str(record.phase),
                "device_id": record.device_id,
                "token_received": bool(started.im_token),
                "request_id": started.request_id,
                "steps": present.steps_as_facts(steps),
                **heard,
            }
        )

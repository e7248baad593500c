"""``avatar-agent unbind``: give the seat back and erase what this device was trusted with."""

from __future__ import annotations

import typer

from device_agent.cli import options, present


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("unbind")(unbind)


def unbind(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Give the seat back (ClientUnbindDevice), then erase licence, tokens and avatars."""
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(config, endpoint=endpoint, state_dir=state_dir, cache_dir=cache_dir)
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        device_id = engine.record.device_id
        done = engine.unbind()
        record, steps, sealing = engine.record, engine.steps, engine.is_sealing
    again_at = present.moment(record.bind.unsure_until) if sealing else None
    if as_json:
        present.put_json(
            {
                "phase": str(record.phase),
                "nothing_to_do": not done,
                "device_id": device_id,
                "again_at": again_at,
                "steps": present.steps_as_facts(steps),
            }
        )
        return
    if not done:
        present.put("Nothing to do: this device is not bound.")
    elif sealing:
        present.put("The seat is given back. An earlier request without an answer could still take it again:")
        present.put(f"run `avatar-agent unbind` once more after {again_at} to make sure and to erase.")
    else:
        present.put(f"Unbound: the seat of device {device_id} is free, and nothing of the licence is left here.")

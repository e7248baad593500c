"""``avatar-agent fetch CODE``: bring an avatar onto this device."""

from __future__ import annotations

from typing import Annotated

import typer

from device_agent.cli import options, present


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("fetch")(fetch)


def fetch(
    code: Annotated[str, typer.Argument(help="The avatar's code, as the console shows it.", metavar="CODE")],
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Bring an avatar onto this device (Render3dAvatar), verified and still sealed."""
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(config, endpoint=endpoint, state_dir=state_dir, cache_dir=cache_dir)
    with (
        present.download_bar(code, quiet=as_json) as progress,
        Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine,
    ):
        fetched = engine.fetch(code, progress=progress)
        record, steps = engine.record, engine.steps
    package = fetched.package
    if as_json:
        present.put_json(
            {
                "phase": str(record.phase),
                "avatar": package.code,
                "version": package.data.version,
                "sha256": package.sha256,
                "size": package.size,
                "transferred": package.transferred,
                "request_id": fetched.request_id,
                "steps": present.steps_as_facts(steps),
            }
        )
        return
    came = "" if package.transferred else ", it was here already"
    present.put(f"Avatar {package.code} is on this device ({package.size / 1e6:.1f} MB{came}).")
    present.put("Draw it: avatar-agent preview, or avatar-agent render --out picture.png")

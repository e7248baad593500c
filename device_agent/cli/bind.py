"""``avatar-agent bind``: take a seat of the licence for this device."""

from __future__ import annotations

from typing import Annotated

import typer

from device_agent.cli import options, present


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bind")(bind)


def bind(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    license_file: options.License = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    device_id: options.DeviceId = None,
    accept_new_hardware: Annotated[
        bool,
        typer.Option(
            "--accept-new-hardware",
            help="This disk was moved here on purpose: become a new device, leave the old seat.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Take a seat of the licence for this device (LicenseAuth, ClientAuth)."""
    from device_agent.lifecycle.engine import Engine

    settings = options.load_settings(
        config,
        endpoint=endpoint,
        tenant_id=tenant_id,
        app_id=app_id,
        license_file=license_file,
        state_dir=state_dir,
        cache_dir=cache_dir,
        device_id=device_id,
    )
    observer = present.step_observer(quiet=as_json)
    with Engine.open(settings, observer=observer, accepting=accept_new_hardware) as engine:
        if accept_new_hardware:
            engine.accept_hardware()
        taken = engine.bind()
        record, steps = engine.record, engine.steps
    if as_json:
        present.put_json(
            {
                "phase": str(record.phase),
                "already_bound": not taken,
                "device_id": record.device_id,
                "id_source": record.id_source,
                "tenant_id": record.tenant_id,
                "app_id": record.app_id,
                "license": record.license_fp,
                "request_id": record.bound.request_id if record.bound else "",
                "steps": present.steps_as_facts(steps),
            }
        )
        return
    word = "Bound" if taken else "Already bound"
    present.put(f"{word}: device {record.device_id}, tenant {record.tenant_id}, application {record.app_id}.")
    if record.id_source == "random":
        present.put("The id is random and will not survive a new disk image; --device-id assigns one.")

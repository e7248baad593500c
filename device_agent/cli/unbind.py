"""``avatar-agent unbind``: give the seat back and erase what this device was trusted with."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.ticket_picture import PICTURES, draw, ticket_picture
from device_agent.errors import ConfigurationError, UsageError
from device_agent.plain_file import read_plain, write_new

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.lifecycle.engine import Engine
    from device_agent.lifecycle.ticket import OrphanTicket


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("unbind")(unbind)


def unbind(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    accept_seat_leak: Annotated[
        bool, typer.Option("--accept-seat-leak", help="Erase now, though the seat may stay taken; leaves a ticket.")
    ] = False,
    ticket: Annotated[
        Path | None, typer.Option(help="With --accept-seat-leak: write the ticket there as well.", metavar="FILE")
    ] = None,
    ticket_picture_file: Annotated[
        Path | None,
        typer.Option(
            "--ticket-picture",
            help="With --accept-seat-leak: the ticket as a QR code (.png, .svg).",
            metavar="FILE",
        ),
    ] = None,
    order: Annotated[
        Path | None,
        typer.Option(help="Only if this file holds headquarters' signed order for this device.", metavar="FILE"),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, in a few words, for the ticket.", metavar="TEXT")] = "",
    as_json: options.Json = False,
) -> None:
    """Give the seat back (ClientUnbindDevice), then erase licence, tokens and avatars."""
    from device_agent.display.place import run_folder
    from device_agent.lifecycle.engine import Engine
    from device_agent.lifecycle.leaving import TAKEN_OUT

    if not accept_seat_leak and (ticket is not None or ticket_picture_file is not None or reason):
        raise UsageError(
            "--ticket, --ticket-picture and --reason belong to --accept-seat-leak",
            code="usage.unbind",
            hint="leave them out",
        )
    if ticket_picture_file is not None and ticket_picture_file.suffix.lower() not in PICTURES:
        raise UsageError(
            "a ticket's picture is a .png or an .svg",
            code="usage.unbind",
            where=str(ticket_picture_file),
            hint="name it so; nothing was erased",
        )
    if accept_seat_leak and order is not None:
        raise UsageError(
            "--order gives the seat back, --accept-seat-leak leaves it", code="usage.unbind", hint="choose one of them"
        )
    for file in (ticket, ticket_picture_file):
        if file is not None:
            _check_new(file)
    settings = options.load_settings(config, endpoint=endpoint, state_dir=state_dir, cache_dir=cache_dir)
    signed = _read_order(order) if order is not None else None
    with Engine.open(settings, observer=present.step_observer(quiet=as_json)) as engine:
        if accept_seat_leak:
            folder = run_folder(settings.state_dir, os.environ)
            _abandon(engine, ticket=ticket, picture=ticket_picture_file, screen=folder, reason=reason, as_json=as_json)
            return
        device_id = engine.record.device_id
        if signed is not None:
            engine.obey(signed, where=str(order))
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
        if any(step.result == TAKEN_OUT for step in steps):
            present.put(f"Removed: headquarters took device {device_id} out, and gives its seat back (fleet release).")
            present.put("The agent's folders hold nothing of the licence.")
        else:
            present.put(
                f"Unbound: the seat of device {device_id} is free, and the agent's folders hold nothing of the licence."
            )
        _what_stays(settings)


def _abandon(
    engine: Engine, *, ticket: Path | None, picture: Path | None, screen: Path | None, reason: str, as_json: bool
) -> None:
    """Erase first and leave the seat to whoever runs the fleet; the ticket is out before anything is gone."""

    def keep(orphan: OrphanTicket) -> None:
        if ticket is not None:
            _write(ticket, orphan.text().encode() + b"\n")
        if picture is not None:
            _write(picture, ticket_picture(orphan, picture))
        leave(orphan, screen)
        if not as_json:
            present.put("Seat that may stay taken; give this to whoever runs the fleet:")
            present.put(orphan.text())
            draw(orphan)

    from device_agent.display.ticket import leave

    orphan = engine.abandon(keep=keep, reason=reason)
    if as_json:
        present.put_json(
            {
                "phase": str(engine.record.phase),
                "nothing_to_do": orphan is None,
                "ticket": None if orphan is None else asdict(orphan),
                "steps": present.steps_as_facts(engine.steps),
            }
        )
    elif orphan is None:
        present.put("Nothing to do: this device is not bound.")
    else:
        present.put("Erased: the agent's folders hold nothing of the licence.")


def _read_order(file: Path) -> bytes:
    from certs.order import LONGEST

    try:
        data, _mode = read_plain(file, limit=2 * LONGEST)  # its reader refuses one that is too long
    except OSError as error:
        raise ConfigurationError(
            f"the order cannot be read: {(error.strerror or type(error).__name__).lower()}",
            code="order.file",
            where=str(file),
            hint="name the file that headquarters wrote (avatar-agent fleet order remove)",
        ) from error
    return data


def _what_stays(settings: Settings) -> None:
    """Files of the operator's own are not ours to erase, and not to be forgotten."""
    if settings.license_file is not None and settings.license_file.exists():
        present.put(f"Yours to remove: the licence file {settings.license_file}, and secrets in the settings.")


def _check_new(path: Path) -> None:
    """A wrong name is told before the device begins to leave, because a service would then go on with it."""
    try:
        write_new(path, bytes(16 * 1024))  # as much as a picture of one may take, on a disk that is full
        path.unlink()
    except OSError as error:
        raise _no_ticket(path, error) from error


def _write(path: Path, data: bytes) -> None:
    try:
        write_new(path, data)
    except OSError as error:
        raise _no_ticket(path, error) from error


def _no_ticket(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the ticket cannot be written: {(error.strerror or 'unknown').lower()}",
        code="unbind.ticket",
        where=str(path),
        hint="name a new file in a folder that can be written; nothing was erased",
    )

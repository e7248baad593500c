"""``avatar-agent fleet order``: signed orders to devices."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from device_agent.cli import options, present
from device_agent.cli.fleet.given import Expires, Key, account, opened
from device_agent.cli.passphrase import PassFile
from device_agent.errors import UsageError


def register(group: typer.Typer) -> None:
    """Add the commands."""
    orders = typer.Typer(help="Signed orders to devices.", no_args_is_help=True)
    orders.command("remove")(remove)
    group.add_typer(orders, name="order")


def remove(
    device_ids: Annotated[
        list[str] | None, typer.Argument(metavar="DEVICE_ID...", help="As `avatar-agent status` shows them.")
    ] = None,
    from_: Annotated[
        list[Path] | None,
        typer.Option("--from", help="CSV with a column device_id; may be repeated.", metavar="FILE"),
    ] = None,
    key: Key = Path("operator.pem"),
    out: Annotated[
        Path, typer.Option("--out", help="File; a folder (DEVICE_ID.json) for more than one.", metavar="FILE|DIR")
    ] = Path("orders"),
    expires: Expires = "7d",
    pass_file: PassFile = None,
    config: options.Config = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    as_json: options.Json = False,
) -> None:
    """Sign orders to give the seat back and erase: one for each device, good once and until --expires."""
    from device_agent.fleet.files import absent, new_file
    from device_agent.fleet.signing import end, removals
    from device_agent.fleet.targets import by_hand, from_file, merged

    now = datetime.now(UTC)
    ends = end(expires, now=now)
    found = [target for file in from_ or [] for target in from_file(file)]
    devices = [target.device_id for target in merged([*by_hand(device_ids or []), *found])]
    if not devices:
        raise UsageError("which device?", code="usage.device", hint="name a DEVICE_ID, or --from FILE")
    tenant, app = account(config, tenant_id, app_id)
    signed = removals(
        devices, tenant_id=tenant, app_id=app, now=now, expires=ends, key=opened(key, pass_file),
        new_id=lambda: secrets.token_hex(8),
    )  # fmt: skip
    is_folder = len(signed) > 1 or out.is_dir() or not out.suffix
    files = {device_id: out / f"{quote(device_id, safe='')}.json" if is_folder else out for device_id in signed}
    absent(files.values())  # all of them or none
    for device_id, data in signed.items():
        new_file(files[device_id], data + b"\n")
    written = {device_id: str(file) for device_id, file in files.items()}
    if as_json:
        present.put_json({"verb": "remove", "expires": ends.isoformat(), "files": written})
        return
    for device_id, name in written.items():
        present.put(f"{device_id}  {name}")
    present.put(f"Signed for tenant {tenant}, application {app}; good once each, until {ends:%Y-%m-%d %H:%M} UTC.")
    present.put("Deny these devices at the office (with the order in its refusal), serve the files at order_url, or")
    present.put("carry them: avatar-agent unbind --order FILE. A device that is dead: avatar-agent fleet release.")

"""``avatar-agent fleet keygen``: a key to sign with, and its public half for the devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.passphrase import PassFile, passphrase


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("keygen")(keygen)


def keygen(
    out: Annotated[Path, typer.Option("--out", help="Folder for operator.pem and operator.pub.", metavar="DIR")],
    pass_file: PassFile = None,
    as_json: options.Json = False,
) -> None:
    """Make an Ed25519 key under a pass phrase (operator.pem, 0600) and its public half (operator.pub)."""
    from device_agent.fleet.operator_key import PRIVATE, PUBLIC, make

    key_id = make(out, password=passphrase(pass_file, twice=True))
    if as_json:
        present.put_json({"key": key_id, "private": str(out / PRIVATE), "public": str(out / PUBLIC)})
        return
    present.put(f"Key {key_id}")
    present.put(f"  {out / PRIVATE}  signs: keep it, and its pass phrase, away from devices, broker and content host")
    present.put(f"  {out / PUBLIC}  for a root of keys (fleet root), or for the devices: order_keys, content_keys")
    present.put("  (several in one file stand one after another)")

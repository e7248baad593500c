"""``avatar-agent fleet manifest``: the signed list of the packages that devices may show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.fleet.given import Expires, Key, account, opened
from device_agent.cli.passphrase import PassFile
from device_agent.errors import UsageError


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("manifest")(manifest)


def manifest(
    out: Annotated[Path, typer.Option("--out", help="The signed list.", metavar="FILE")],
    version: Annotated[int, typer.Option(min=1, help="Higher than that of every list before it.")],
    avatar: Annotated[
        list[str],
        typer.Option(
            "--avatar", help="Sealed package as the platform serves it; may be repeated.", metavar="CODE=FILE"
        ),
    ],
    expires: Expires,
    key: Key = Path("operator.pem"),
    pass_file: PassFile = None,
    config: options.Config = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    as_json: options.Json = False,
) -> None:
    """Sign the list of packages that devices take (content_manifest); `fleet sign` adds further signatures."""
    from device_agent.fleet.files import new_file
    from device_agent.fleet.signing import content, end

    packages: dict[str, Path] = {}
    for text in avatar:
        code, equals, name = text.partition("=")
        if not code or not equals or not name or code in packages:
            raise UsageError(
                f"{text[:80]} is no CODE=FILE" if code not in packages else f"{code} is there twice",
                code="usage.avatar", where="--avatar", hint="as in --avatar CH_3d_sample=sample.zip",
            )  # fmt: skip
        packages[code] = Path(name)
    ends = end(expires, now=datetime.now(UTC))
    tenant, app = account(config, tenant_id, app_id)
    listed, data = content(
        packages, version=version, tenant_id=tenant, app_id=app, expires=ends, key=opened(key, pass_file)
    )
    new_file(out, data + b"\n")
    if as_json:
        avatars = {code: {"sha256": one.sha256, "size": one.size} for code, one in listed.avatars.items()}
        present.put_json({"file": str(out), "version": version, "expires": ends.isoformat(), "avatars": avatars})
        return
    for code, one in listed.avatars.items():
        present.put(f"{code}  {one.size:,} bytes  sha256 {one.sha256}")
    present.put(f"{out}: version {version} for tenant {tenant}, application {app}, until {ends:%Y-%m-%d %H:%M} UTC.")
    present.put("A device that has taken it never goes back to a lower version.")

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
    rollout: Annotated[
        list[str] | None,
        typer.Option(
            "--rollout", help="Only for this part of the fleet, 0 to 1; may be repeated.", metavar="CODE=PART"
        ),
    ] = None,
    before: Annotated[
        list[str] | None,
        typer.Option("--before", help="With --rollout: the package that the rest stays with.", metavar="CODE=FILE"),
    ] = None,
    key: Key = Path("operator.pem"),
    pass_file: PassFile = None,
    config: options.Config = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    as_json: options.Json = False,
) -> None:
    """Sign the list of packages that devices take (content_manifest); `fleet sign` adds further signatures."""
    import msgspec

    from device_agent.fleet.files import new_file
    from device_agent.fleet.signing import content, end

    packages = {code: Path(name) for code, name in _pairs(avatar, "--avatar").items()}
    rollouts = _rollouts(_pairs(rollout or [], "--rollout"), _pairs(before or [], "--before"), packages)
    ends = end(expires, now=datetime.now(UTC))
    tenant, app = account(config, tenant_id, app_id)
    listed, data = content(
        packages,
        rollouts=rollouts,
        version=version,
        tenant_id=tenant,
        app_id=app,
        expires=ends,
        key=opened(key, pass_file),
    )
    new_file(out, data + b"\n")
    if as_json:
        avatars = msgspec.to_builtins(listed.avatars)
        present.put_json({"file": str(out), "version": version, "expires": ends.isoformat(), "avatars": avatars})
        return
    for code, one in listed.avatars.items():
        part = f"  for {one.rollout:.0%} of the fleet, the rest {one.before.sha256[:12]}" if one.before else ""
        present.put(f"{code}  {one.size:,} bytes  sha256 {one.sha256}{part}")
    present.put(f"{out}: version {version} for tenant {tenant}, application {app}, until {ends:%Y-%m-%d %H:%M} UTC.")
    present.put("A device that has taken it never goes back to a lower version.")


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    """CODE=SOMETHING, each code once."""
    found: dict[str, str] = {}
    for text in texts:
        code, _, value = text.partition("=")
        if not code or not value or code in found:
            raise UsageError(
                f"{code} is there twice" if code in found else f"{text[:80]} is no CODE=..., as it must be",
                code="usage.avatar", where=option, hint="as in --avatar CH=new.zip --rollout CH=0.1",
            )  # fmt: skip
        found[code] = value
    return found


def _rollouts(
    parts: dict[str, str], before: dict[str, str], packages: dict[str, Path]
) -> dict[str, tuple[float, Path]]:
    """Which part of the fleet takes which avatar, and what the rest stays with."""
    if parts.keys() != before.keys() or not parts.keys() <= packages.keys():
        raise UsageError(
            "--rollout and --before belong together, for a CODE that has an --avatar", code="usage.rollout",
            hint="as in --avatar CH=new.zip --rollout CH=0.1 --before CH=old.zip",
        )  # fmt: skip
    try:
        found = {code: (float(part), Path(before[code])) for code, part in parts.items()}
    except ValueError:
        found = {}
    if len(found) < len(parts) or not all(0.0 <= part <= 1.0 for part, _ in found.values()):
        raise UsageError(
            "the part of the fleet is no number from 0 to 1", code="usage.rollout", where="--rollout",
            hint="0.1 is every tenth device",
        )  # fmt: skip
    return found

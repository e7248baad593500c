"""``avatar-agent fleet release``: give back the seats of devices that are dead, stolen, or erased by force."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.fleet.given import printable
from device_agent.cli.fleet.release_screen import agree, announce, how_to_go_on, tell, watched
from device_agent.errors import AgentError, UsageError

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.fleet.journal import Journal, Line
    from device_agent.fleet.targets import Target

FAILED = 6


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("release")(release)


def release(
    device_ids: Annotated[
        list[str] | None, typer.Argument(metavar="DEVICE_ID...", help="Devices whose seats are to be free.")
    ] = None,
    from_: Annotated[
        list[Path] | None,
        typer.Option("--from", help="CSV with a column device_id, or tickets (JSON); may be repeated.", metavar="FILE"),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(help="What was done is kept there. Default: a new file here.", metavar="FILE"),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Go on with --journal: what was left, and the second round.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Leave the second round to a later --again.")] = False,
    rate: Annotated[float, typer.Option(min=0.01, max=20.0, help="Calls a second at most.")] = 1.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    as_json: options.Json = False,
) -> None:
    """ClientUnbindDevice for each device, and once more after a quarter of an hour: a late request can take it again.

    Deny the devices at your office first: one that is alive and can sign takes its seat again.
    """
    settings = options.load_settings(config, endpoint=endpoint, tenant_id=tenant_id, app_id=app_id, for_device=False)
    if again:
        if journal is None or device_ids or from_:
            raise UsageError(
                "--again goes on with a journal, which names its devices",
                code="usage.release",
                where="--again",
                hint="give --journal FILE and no devices",
            )
        kept = _kept(journal, settings)
        targets = None
    else:
        targets = _targets(device_ids or [], from_ or [], settings)
        kept = None
    announce(targets, kept, settings, rate=rate, quiet=as_json and not _asks(yes=yes, dry_run=dry_run))
    if dry_run:
        if as_json:
            devices = [target.device_id for target in targets] if targets is not None else _left(kept)
            present.put_json({"dry_run": True, "devices": devices})
        return
    if not yes:
        agree()
    if kept is None:
        kept = _begun(journal, targets or [], settings)
        if not as_json:
            present.put(f"Journal: {kept.file}")
    _release(kept, settings, rate=rate, second=not no_wait, as_json=as_json)


def _targets(device_ids: list[str], files: list[Path], settings: Settings) -> list[Target]:
    """Everybody who is meant, all of one tenant on one platform; nothing is sent before that is sure."""
    from device_agent.fleet.targets import by_hand, from_file, merged

    targets = [*by_hand(device_ids), *(target for file in files for target in from_file(file))]
    if not targets:
        raise UsageError("which devices?", code="usage.device", hint="name a DEVICE_ID, or --from FILE")
    tenants = {target.tenant_id for target in targets if target.tenant_id}
    if settings.tenant_id is None:
        raise UsageError(
            "whose devices? the tenant is missing", code="usage.account", where="--tenant-id",
            hint=f"the tickets say {', '.join(map(str, sorted(tenants)))}" if tenants else "give --tenant-id NUMBER",
        )  # fmt: skip
    for target in targets:
        for name, theirs, ours in (
            ("tenant", target.tenant_id, settings.tenant_id),
            ("platform", target.endpoint.rstrip("/"), settings.endpoint.rstrip("/")),
        ):
            if theirs and theirs != ours:
                raise UsageError(
                    f"{target.device_id} is of another {name}: {printable(str(theirs))[:200]}, and not {ours}",
                    code="fleet.other_account", where=target.origin,
                    hint="release it in a run of its own, with --tenant-id and --endpoint as its ticket says, if you"
                    " believe it; nothing was sent",
                )  # fmt: skip
    return merged(targets)


def _kept(file: Path, settings: Settings) -> Journal:
    from device_agent.fleet.journal import Journal

    kept = Journal.go_on(file)
    ours = (settings.tenant_id, settings.endpoint)
    if (kept.plan.tenant_id, kept.plan.endpoint) != ours:
        raise UsageError(
            f"the journal is of tenant {kept.plan.tenant_id} at {kept.plan.endpoint}", code="fleet.other_account",
            where=str(file), hint="use the settings that it was begun with; nothing was sent",
        )  # fmt: skip
    return kept


def _begun(file: Path | None, targets: list[Target], settings: Settings) -> Journal:
    from device_agent.fleet.journal import Journal, Plan

    file = file or Path(f"fleet-release-{datetime.now(UTC):%Y%m%d-%H%M%S}.jsonl")
    plan = Plan(
        tenant_id=settings.tenant_id or 0, endpoint=settings.endpoint, late_window_s=settings.late_window_s,
        devices=[target.device_id for target in targets],
    )  # fmt: skip
    return Journal.begin(file, plan)


def _left(kept: Journal | None) -> list[str]:
    return [] if kept is None else [*kept.left(1), *kept.left(2)]


def _asks(*, yes: bool, dry_run: bool) -> bool:
    return not yes and not dry_run


def _release(kept: Journal, settings: Settings, *, rate: float, second: bool, as_json: bool) -> None:
    from device_agent.api.client import Client
    from device_agent.api.retry import NEVER
    from device_agent.clock import SystemClock
    from device_agent.fleet.release import Release

    failed: list[Line] = []
    stopped: AgentError | None = None
    with Client.from_settings(settings) as client:
        work = Release(
            unbind=lambda request: client.call(request, retry=NEVER).request_id, journal=kept, clock=SystemClock(),
            not_bound_codes=settings.not_bound_codes, gap_s=1.0 / rate,
        )  # fmt: skip
        try:
            for number in (1, 2) if second else (1,):
                with watched(work, number, quiet=as_json):
                    failed += work.round(number)
        except KeyboardInterrupt:
            sys.stderr.write(f"Go on with: {how_to_go_on(kept)}\n")
            raise
        except AgentError as error:
            stopped = error
    tell(kept, failed, stopped, as_json=as_json)
    if stopped is not None and not as_json:
        raise stopped
    if failed or stopped is not None:
        sys.exit(FAILED if stopped is None else stopped.exit_status)

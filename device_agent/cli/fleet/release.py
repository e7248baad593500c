"""``avatar-agent fleet release``: give back the seats of devices that are dead, stolen, or erased by force."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.fleet.given import printable
from device_agent.errors import AgentError, UsageError

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.fleet.journal import Journal, Line
    from device_agent.fleet.release import Release
    from device_agent.fleet.targets import Target

SHOWN = 20
"""Devices that are shown before the question; the rest is counted."""

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
    settings = options.load_settings(config, endpoint=endpoint, tenant_id=tenant_id, app_id=app_id)
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
    _show(targets, kept, settings, rate=rate, quiet=as_json and not _asks(yes=yes, dry_run=dry_run))
    if dry_run:
        if as_json:
            devices = [target.device_id for target in targets] if targets is not None else _left(kept)
            present.put_json({"dry_run": True, "devices": devices})
        return
    if not yes:
        _agreed()
    if kept is None:
        kept = _begun(journal, targets or [], settings)
        if not as_json:
            present.put(f"Journal: {kept.file}")
    _release(kept, settings, rate=rate, second=not no_wait, as_json=as_json)


def _targets(device_ids: list[str], files: list[Path], settings: Settings) -> list[Target]:
    """Everybody who is meant, all of one tenant on one platform; nothing is sent before that is sure."""
    from device_agent.fleet.targets import by_hand, from_file, merged

    targets = merged([*by_hand(device_ids), *(target for file in files for target in from_file(file))])
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
    return targets


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


def _show(targets: list[Target] | None, kept: Journal | None, settings: Settings, *, rate: float, quiet: bool) -> None:
    """What is going to happen, before it does; on stderr, where the question is too."""
    if quiet:
        return
    screen = sys.stderr

    def put(line: str) -> None:
        line = printable(line)
        screen.write(
            line.encode(screen.encoding or "utf-8", "backslashreplace").decode(screen.encoding or "utf-8") + "\n"
        )

    put(f"Platform     {settings.endpoint}")
    put(f"Tenant       {settings.tenant_id}")
    put(f"Application  {settings.app_id or '-'} (ClientUnbindDevice does not carry it)")
    if targets is not None:
        put(f"Devices      {len(targets):,}, {rate:g} a second at most; all of them again after"
            f" {settings.late_window_s / 60:.0f} minutes")  # fmt: skip
        for target in targets[:SHOWN]:
            put(f"  {target.device_id:<28} {target.app_id or '-':<20} {target.origin}")
        if len(targets) > SHOWN:
            put(f"  ... and {len(targets) - SHOWN:,} more")
    if kept is not None:
        put(f"Journal      {kept.file}: {len(kept.plan.devices):,} devices, {len(kept.left(1)):,} left of the first"
            f" round, {len(kept.plan.devices) - len(kept.done[2]):,} of the second")  # fmt: skip
    put("Denied at the office yet? A device that is alive and can sign takes its seat again.")


def _agreed() -> None:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to say yes", code="usage.release", hint="look at --dry-run, then add --yes")
    sys.stderr.write("Give these seats back? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was sent", code="usage.release", hint="answer y to go on")


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
                with _watched(work, number, quiet=as_json):
                    failed += work.round(number)
        except KeyboardInterrupt:
            sys.stderr.write(f"Go on with: {_how(kept)}\n")
            raise
        except AgentError as error:
            stopped = error
    _tell(kept, failed, stopped, as_json=as_json)
    if stopped is not None and not as_json:
        raise stopped
    if failed or stopped is not None:
        sys.exit(FAILED if stopped is None else stopped.exit_status)


@contextmanager
def _watched(work: Release, number: int, *, quiet: bool) -> Iterator[None]:
    """A bar at a terminal, else a line for each device."""
    left = len(work.journal.left(number))
    if number == 2 and left and not quiet:
        when = datetime.fromtimestamp(work.journal.due_at(work.journal.left(2)[0]), tz=UTC)
        sys.stderr.write(f"Second round from {when:%H:%M:%S} UTC; Ctrl-C leaves it for later: {_how(work.journal)}\n")
    with present.frame_bar(f"round {number}", left, quiet=quiet) as bar:
        seen = 0

        def see(line: Line) -> None:
            nonlocal seen
            seen += 1
            if bar is not None:
                bar(seen)
            elif not quiet:
                present.put(
                    f"{'ok' if line.ok else '!!'}  {line.device_id:<28} {line.result:<12} {line.request_id}".rstrip()
                )

        work.seen = see
        yield


def _tell(kept: Journal, failed: list[Line], stopped: AgentError | None, *, as_json: bool) -> None:
    first, second = len(kept.done[1]), len(kept.done[2])
    everybody = len(kept.plan.devices)
    if as_json:
        facts = {
            "ok": not failed and stopped is None,
            "journal": str(kept.file),
            "devices": everybody,
            "released_once": first,
            "released_twice": second,
            "failed": [{"device_id": line.device_id, "round": line.round, "code": line.result} for line in failed],
            "stopped": None if stopped is None else {"code": stopped.code, "message": stopped.message},
        }
        present.put_json(facts)
        return
    present.put(f"{first:,} of {everybody:,} seats are given back, {second:,} of them for the second time.")
    for line in failed[:SHOWN]:
        present.put(f"!!  {line.device_id:<28} {line.result}")
    if second < everybody:
        present.put(f"Left: {_how(kept)}")


def _how(kept: Journal) -> str:
    return f"avatar-agent fleet release --again --journal {kept.file}"

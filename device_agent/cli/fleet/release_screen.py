"""What a release shows: what it is about to do, how it gets on, what is left; and the question in between."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from device_agent.cli import present
from device_agent.cli.fleet.given import printable
from device_agent.errors import AgentError, UsageError

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.fleet.journal import Journal, Line
    from device_agent.fleet.release import Release
    from device_agent.fleet.targets import Target

SHOWN = 20
"""Devices that are shown by name; the rest is counted."""


def announce(
    targets: list[Target] | None, kept: Journal | None, settings: Settings, *, rate: float, quiet: bool
) -> None:
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


def agree() -> None:
    """Ask who sits at the terminal.

    Raises:
        UsageError: the answer is no, or nobody is there.
    """
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to say yes", code="usage.release", hint="look at --dry-run, then add --yes")
    sys.stderr.write("Give these seats back? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was sent", code="usage.release", hint="answer y to go on")


@contextmanager
def watched(work: Release, number: int, *, quiet: bool) -> Iterator[None]:
    """A bar at a terminal, else a line for each device."""
    left = len(work.journal.left(number))
    if number == 2 and left and not quiet:
        when = datetime.fromtimestamp(work.journal.due_at(work.journal.left(2)[0]), tz=UTC)
        sys.stderr.write(
            f"Second round from {when:%H:%M:%S} UTC; Ctrl-C leaves it for later: {how_to_go_on(work.journal)}\n"
        )
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


def tell(kept: Journal, failed: list[Line], stopped: AgentError | None, *, as_json: bool) -> None:
    """What was done and what is left."""
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
        present.put(f"Left: {how_to_go_on(kept)}")


def how_to_go_on(kept: Journal) -> str:
    """The command that goes on with it."""
    return f"avatar-agent fleet release --again --journal {kept.file}"

"""``avatar-agent doctor``: what is wrong on this device, each with what to do about it; and a bundle for support."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import bundle as bundles
from device_agent.cli import options, present
from device_agent.cli.screen_check import screen
from device_agent.errors import AgentError, UsageError

if TYPE_CHECKING:
    from device_agent.service.finding import Finding
    from device_agent.service.support import Page


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody on the network.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(help="Write what was found as an archive for support (.tar.gz).", metavar="FILE")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --bundle would write, and write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write the bundle without asking.")] = False,
    as_json: options.Json = False,
) -> None:
    """Check settings, folders, disk, clock, licence, certificate, proxy, TLS, platform and graphics."""
    from device_agent.service.checkup import checkup
    from device_agent.service.finding import Finding, Level
    from device_agent.service.support import pages

    if bundle is None and (dry_run or yes):
        raise UsageError("--dry-run and --yes are about --bundle", code="usage.doctor", hint="add --bundle FILE")
    settings = None
    findings: list[Finding]
    try:
        settings = options.load_settings(config, endpoint=endpoint, state_dir=state_dir, cache_dir=cache_dir)
    except AgentError as error:
        findings = [Finding(check="settings", level=Level.BAD, says=str(error), fix=error.hint)]
    else:
        findings = checkup(settings, environ=os.environ, network=not offline)
        findings += [*screen(settings), _graphics()]
    held = pages(findings=findings, settings=settings) if bundle is not None else ()
    worst = max((finding.level for finding in findings), default=Level.OK)
    if as_json:
        written = bundle is not None and _written(bundle, held, dry_run=dry_run, ask=not yes, as_json=True)
        facts = [{"check": f.check, "level": f.level.name.lower(), "says": f.says, "fix": f.fix} for f in findings]
        present.put_json(
            {
                "ok": worst is not Level.BAD,
                "findings": facts,
                "worst": worst.name.lower(),
                "bundle": str(bundle) if written else None,
                "bundle_holds": bundles.facts(held),
            }
        )
    else:
        marks = {Level.OK: "ok", Level.NOTE: "--", Level.WARNING: "!", Level.BAD: "!!"}
        for finding in findings:
            present.put(f"{marks[finding.level]:<3} {finding.check:<12} {finding.says}")
            if finding.fix and finding.level > Level.OK:
                present.put(f"    {'':<12} -> {finding.fix}")
        if bundle is not None:
            written = _written(bundle, held, dry_run=dry_run, ask=not yes, as_json=False)
            present.put(f"Bundle: {bundle} (look at it before you send it)" if written else "No bundle was written.")
    if worst is Level.BAD:
        sys.exit(3)


def _written(path: Path, held: Sequence[Page], *, dry_run: bool, ask: bool, as_json: bool) -> bool:
    """Show what it holds, ask who sits at the terminal, write; scripts, which nobody answers for, are not asked."""
    from device_agent.service.support import write_bundle

    asks = ask and not dry_run and sys.stdin.isatty()
    if asks or not as_json:  # a script has the same in its one object
        preview = sys.stderr if as_json else sys.stdout
        preview.write("".join(f"{line}\n" for line in ("", *bundles.table(held))))
        preview.flush()
    if dry_run or (asks and not bundles.agreed(path, answers=sys.stdin, screen=sys.stderr)):
        return False
    write_bundle(path, held)
    return True


def _graphics() -> Finding:
    """Whether OpenGL works; asked last, because drivers may be slow to load."""
    from device_agent.service.finding import Finding, Level
    from renderer.errors import RenderError

    try:
        from renderer.gl.context import headless

        context = headless()
        says = f"{context.driver}{' (draws on the CPU)' if context.software else ''}"
        context.release()
    except RenderError as error:
        return Finding(check="graphics", level=Level.BAD, says=error.message, fix=error.hint)
    return Finding(check="graphics", level=Level.OK, says=says)

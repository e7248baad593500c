"""What a bundle for support would hold, shown before it is written; at a terminal it is written on a yes only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from device_agent.cli.present import writable

if TYPE_CHECKING:
    from pathlib import Path

    from device_agent.service.support import Page


def table(bundle: Sequence[Page]) -> list[str]:
    """File, bytes, and what was taken out of it."""
    rows = [("file", "bytes", "taken out")]
    for page in bundle:
        taken = ", ".join(f"{kind} {number}" for kind, number in page.scrubbed.items())
        rows.append((page.name, f"{len(page.data):,}", taken or "-"))
    rows.append(("all", f"{sum(len(page.data) for page in bundle):,}", ""))
    width, digits = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{name:<{width}}  {size:>{digits}}  {taken}".rstrip() for name, size, taken in rows]


def facts(bundle: Sequence[Page]) -> list[dict[str, Any]]:
    """The same for a script."""
    return [{"file": page.name, "bytes": len(page.data), "taken_out": dict(page.scrubbed)} for page in bundle]


def agreed(path: Path, *, answers: TextIO, screen: TextIO) -> bool:
    """Whether who sits at the terminal says yes; the end of the input is a no."""
    screen.write(writable(f"Write this to {path}? [y/N] "))
    screen.flush()
    return answers.readline().strip().lower() in ("y", "yes")

"""How results reach a person (short lines on stdout) or a script (one JSON object)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from device_agent.lifecycle.observe import Step


def put(line: str) -> None:
    """One line for a person."""
    sys.stdout.write(writable(line) + "\n")


def writable(text: str) -> str:
    """Text as the terminal or file behind stdout can hold it; the rest as escapes.

    Names of files and meshes may be in any script, and locales such as C or GBK cannot write them all.
    """
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def put_json(facts: dict[str, Any]) -> None:
    """The one object for a script; pure ASCII, so that it is JSON in every locale."""
    sys.stdout.write(json.dumps({"ok": True, **facts}) + "\n")


def put_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        put(f"{name:<{width}}  {value}".rstrip())


def step_line(step: Step) -> str:
    """One step as a line: mark, name, milliseconds, RequestId, result."""
    mark = "ok" if step.ok else "!!"
    return f"{mark}  {step.name:<18} {step.ms:7.0f} ms  {step.request_id:<36}  {step.result}".rstrip()


def step_observer(*, quiet: bool) -> Callable[[Step], None]:
    """Prints each good step as it ends, and one that failed and stopped nothing; else the error itself tells."""

    def observe(step: Step) -> None:
        if (step.ok or step.passing) and not quiet:
            put(step_line(step))

    return observe


def steps_as_facts(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Steps for a script."""
    return [
        {"step": s.name, "ok": s.ok, "result": s.result, "ms": round(s.ms, 1), "request_id": s.request_id}
        for s in steps
    ]


def moment(seconds: float) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC; ``None`` for never."""
    return datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="seconds") if seconds else None


@contextmanager
def download_bar(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr while something is downloaded; nothing when nobody looks at a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda here, whole: bar.update(task, completed=here, total=whole or None)


@contextmanager
def frame_bar(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on stderr while frames are drawn; nothing when nobody looks at a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)

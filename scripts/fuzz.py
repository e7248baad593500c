"""Fuzzing guided by coverage: every reader of what others wrote, each for its share of the time (``make fuzz``).

What is found is kept in build/fuzz/TARGET/findings, and what leads somewhere in build/fuzz/TARGET/corpus, from which
the next run goes on. Exit status: 0 nothing was found; 1 something was; 2 wrong use; 3 the fuzzer did not run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "fuzz"
SHORTEST = 5
"""Seconds of a target, below which little more happens than that its seeds are read."""

MOST_DEATHS = 5
"""After a crash the hunt for others goes on; so often."""

_STATUS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
_DEATH = re.compile(r"(crash|timeout|oom)-([0-9a-f]{40})")


@dataclass(kw_only=True)
class Result:
    """What became of one target: ``coverage`` in branches, ``features`` in libFuzzer's finer measure."""

    target: str
    seconds: float = 0.0
    executions: int = 0
    coverage: int = 0
    features: int = 0
    corpus: int = 0
    findings: list[str] = field(default_factory=list)
    failed: str = ""


def hunt(result: Result, *, seconds: int, told: Callable[[], None]) -> None:
    """Run the target for so long, again where it died; ``result`` grows meanwhile."""
    folder, began = FOLDER / result.target, time.monotonic()
    again(folder)
    try:
        for _ in range(MOST_DEATHS):
            left = seconds - int(time.monotonic() - began)
            if left < SHORTEST and result.executions:
                break
            known = deaths(folder)
            last = live(result, seconds=max(left, SHORTEST), began=began, told=told)
            for name in deaths(folder):  # else the next process would begin with its own death
                (folder / "corpus" / name.partition("-")[2]).unlink(missing_ok=True)
            if any("Done " in line for line in last):
                break
            if deaths(folder) == known:
                result.failed = "\n".join(last)
                break
    finally:
        result.findings = sorted(path.name for path in folder.glob("findings/*") if path.suffix != ".txt")
        result.seconds = round(time.monotonic() - began, 1)


def live(result: Result, *, seconds: int, began: float, told: Callable[[], None]) -> Sequence[str]:
    """One process, to its end; its last words."""
    last: list[str] = []
    before = result.executions
    for line in lines(result.target, seconds):
        last = [*last[-9:], line]
        if found := _STATUS.match(line):
            count, result.coverage, result.features, result.corpus = map(int, found.groups())
            result.executions, result.seconds = before + count, round(time.monotonic() - began, 1)
            told()
    return last


def deaths(folder: Path) -> set[str]:
    """What the fuzzer died of: cases by the hash of their bytes."""
    return {path.name for path in folder.glob("findings/*") if _DEATH.fullmatch(path.name)}


def lines(target: str, seconds: int) -> Iterator[str]:
    """What the fuzzer says."""
    command = [sys.executable, "-m", "tests.fuzz.guided", target, "--seconds", str(seconds), "--folder", str(FOLDER)]
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory) as scratch,  # the fuzzer ends without clearing up
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "TMPDIR": scratch}, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace",
        ) as child,
    ):  # fmt: skip
        assert child.stderr is not None
        try:
            yield from (line.rstrip() for line in child.stderr)
        finally:
            child.terminate()


def again(folder: Path) -> None:
    """What was found before is tried again as any other case: it may have been put right since."""
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for path in folder.glob("findings/*"):
        if path.suffix == ".txt":
            path.unlink()
        else:
            path.replace(folder / "corpus" / path.name.rpartition("-")[2])


def table(results: Sequence[Result]) -> Table:
    shown = Table(box=None, header_style="bold")
    for name in ("target", "seconds", "executions", "branches", "features", "corpus", "findings"):
        shown.add_column(name, justify="left" if name in ("target", "findings") else "right")
    for one in results:
        shown.add_row(
            one.target, f"{one.seconds:,.0f}", f"{one.executions:,}", f"{one.coverage:,}", f"{one.features:,}",
            f"{one.corpus:,}", " ".join(one.findings) or ("did not run" if one.failed else ""),
        )  # fmt: skip
    return shown


def chosen(names: Sequence[str], wanted: str) -> list[str]:
    """Targets by name, or by a part of it; parted by commas. All when nothing is wanted."""
    parts = [part for part in wanted.split(",") if part]
    exact = [name for name in names if name in parts]
    return exact if len(exact) == len(parts) else [name for name in names if any(part in name for part in parts)]


def main() -> int:
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=len(TARGETS) * 10, help="of all targets together")
    parser.add_argument("--target", default="", help="names or parts of names, parted by commas (default: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, and nothing else there")
    parser.add_argument("--list", action="store_true", help="name the targets and stop")
    given = parser.parse_args()
    names = chosen(list(TARGETS), given.target) if given.target else list(TARGETS)
    if not names:
        parser.error(f"there is no target with {given.target} in its name; --list names them")
    if given.list:
        print("\n".join(names))
        return 0
    share, began = max(SHORTEST, given.seconds // len(names)), time.monotonic()
    results: list[Result] = []
    console = Console(stderr=True)
    with Live(console=console, transient=True, auto_refresh=False) as live:

        def show() -> None:
            if console.is_terminal:
                live.update(table(results[3 - console.height :]), refresh=True)

        for name in names:
            results.append(Result(target=name))
            try:
                hunt(results[-1], seconds=share, told=show)
            except KeyboardInterrupt:  # what there is until now is shown all the same
                break
            if not console.is_terminal:
                console.print(f"{name}: {results[-1].executions:,} executions, {len(results[-1].findings)} findings")
    executions, findings = sum(one.executions for one in results), sum(len(one.findings) for one in results)
    failed = [one for one in results if one.failed]
    if given.json:
        whole = {"seconds": round(time.monotonic() - began, 1), "executions": executions, "findings": findings}
        print(json.dumps(whole | {"targets": [asdict(one) for one in results]}))
    else:
        Console(width=None if console.is_terminal else 140).print(table(results))
        print(
            f"{len(results)} targets, {time.monotonic() - began:,.0f} s, {executions:,} executions, {findings} findings"
        )
        if findings:
            print(
                f"each finding is a case, {FOLDER.relative_to(ROOT)}/TARGET/findings/NAME, with how it came beside it"
            )
    for one in failed:
        console.print(f"{one.target} did not run:\n{one.failed}", markup=False)
    return 3 if failed else int(findings > 0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())

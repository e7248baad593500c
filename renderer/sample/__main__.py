"""``python -m renderer.sample [--out FILE]``: make the sample avatar."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from renderer.sample import SAMPLE
from renderer.sample.build import STAGES, build


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 3 when the file cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m renderer.sample", description="Make the sample avatar.")
    parser.add_argument("--out", type=Path, default=SAMPLE, help="the .glb to write (default: the one in the package)")
    out: Path = parser.parse_args(arguments).out
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as display:
        task = display.add_task("start", total=len(STAGES))

        def progress(stage: str) -> None:
            display.update(task, description=stage, completed=STAGES.index(stage))

        data = build(progress)
        display.update(task, description="done", completed=len(STAGES))
    try:
        out.write_bytes(data)
    except OSError as error:
        console.print(f"cannot write {out}: {error.strerror or error}", style="red")
        return 3
    console.print(f"{out}: {len(data) / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

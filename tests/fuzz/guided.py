"""One target under the guided fuzzer, in a process of its own: ``python -m tests.fuzz.guided NAME --seconds 60``.

What the fuzzer (libFuzzer, by way of atheris) dies of, a crash, too long a wait or too much memory, it leaves as a file
in the folder of findings. An error that Python can catch is kept there as well, each place in the code once, and the
hunt goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

with atheris.instrument_imports(include=["certs", "device_agent", "renderer", "h11", "wsproto", "tomllib", "zipfile"]):
    from tests.fuzz.target import Finding, hold
    from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from tests.fuzz.target import Target

ROOT = Path(__file__).resolve().parents[2]
CASE_S, MEMORY_MB = 20, 2048


class Findings:
    """A folder; ``<place>.bin`` is the first case that came there, ``<place>.txt`` how."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = {path.stem for path in folder.glob("*.txt")}

    def add(self, data: bytes, finding: Finding) -> None:
        cause = finding.__cause__
        own = [
            frame
            for frame in traceback.extract_tb(cause.__traceback__ if cause is not None else None)
            if Path(frame.filename).is_relative_to(ROOT) and "build" not in Path(frame.filename).parts
        ]
        place = f"{type(cause).__name__} {own[-1].filename}:{own[-1].lineno}" if own else str(finding)
        name = hashlib.sha256(place.encode()).hexdigest()[:12]
        if name not in self._known:
            self._known.add(name)
            (self._folder / f"{name}.bin").write_bytes(data)
            (self._folder / f"{name}.txt").write_text("".join(traceback.format_exception(finding)), "utf-8", "replace")


def hunt(name: str, target: Target, *, folder: Path, seconds: int, seed: int) -> None:
    """Does not come back: the fuzzer ends the process."""
    corpus, seeds, found = (folder / name / part for part in ("corpus", "seeds", "findings"))
    for path in (corpus, seeds, found):
        path.mkdir(parents=True, exist_ok=True)
    good = target.seeds()
    for data in good:
        (seeds / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    findings = Findings(found)

    def one(data: bytes) -> None:
        try:
            hold(target, data)
        except Finding as finding:
            findings.add(data, finding)

    def changed(data: bytes, most: int, number: int) -> bytes:
        # Much is decoded by libraries whose coverage is not seen: what is good in a seed would soon be lost for it.
        dice = random.Random(number)
        match dice.randrange(3):
            case 0:
                return bytes(atheris.Mutate(data, most))
            case 1:
                return target.mutate(data, dice)[:most]
            case _:
                return target.mutate(dice.choice(good), dice)[:most]

    options = [
        f"-max_total_time={seconds}", f"-timeout={CASE_S}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={target.longest}",
        f"-artifact_prefix={found}/", "-report_slow_units=5", "-reduce_inputs=0",
        "-print_final_stats=1",
    ]  # fmt: skip
    if seed:
        options.append(f"-seed={seed}")
    atheris.Setup([sys.argv[0], *options, str(corpus), str(seeds)], one, custom_mutator=changed)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    given = parser.parse_args()
    hunt(given.name, TARGETS[given.name], folder=given.folder, seconds=given.seconds, seed=given.seed)


if __name__ == "__main__":
    main()

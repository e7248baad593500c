"""What a kiosk's screen costs, and how soon it shows what is new; against a harness of its own, on a virtual screen.

    python bench/display.py [--avatar FILE] [--size WxH] [--runs N]

One JSON line, seconds and medians of N runs. ``start_s``: from the start of the display to the first frame of an avatar
that it has not seen before (a child tries it first), and ``start_known_s`` of one that it has; ``card_s``: to its
first frame, a card. ``new_version_s``: from a new version's record on the disk to its first frame, and
``longest_gap_ms``: the longest that any two frames were apart in that time. ``look_us``: the processor's time for one
look at the disk where nothing has changed, ``looks_ms_per_minute`` of all looks in a minute, ``card_ms_per_minute`` of
the whole display while it shows a card. ``peak_mib``: most memory of the display; ``trial_peak_mib``: of the child.
Needs Xvfb (Debian package xvfb).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOKS = 2000
QUIET_S = 20.0

CHILD = """
import json, resource, sys, time
from pathlib import Path
from device_agent.cli.apart import set_apart
apart = set_apart(Path(sys.argv[1]), state_dir=None, cache_dir=None)
from device_agent.cli.following import follow
from renderer.output.mode import HIGH
said = {"frames": 0}
def seen(_picture): said["frames"] += 1
def used(whom):
    found = resource.getrusage(whom)
    return {"cpu_s": found.ru_utime + found.ru_stime, "peak_kib": found.ru_maxrss}
last = 0
def tell(follower):
    global last
    if said["frames"] != last:
        last = said["frames"]
        print(json.dumps({"at": time.monotonic(), "avatar": follower.avatar, "scene": str(follower.scene),
              "own": used(resource.RUSAGE_SELF), "child": used(resource.RUSAGE_CHILDREN)}), flush=True)
    return True
width, height = map(int, sys.argv[2].split("x"))
follow(apart, size=(width, height), fullscreen=False, closable=False, camera=None, clip=None, background=None,
       mode=HIGH, limit=(), watch=seen if sys.argv[3] == "frames" else None,
       observe=tell if sys.argv[3] == "frames" else lambda _follower: True)
"""


@contextmanager
def virtual_screen(size: str) -> Iterator[str]:
    """The name of an X server of our own."""
    receiving, sending = os.pipe()
    command = ["Xvfb", "-displayfd", str(sending), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(sending,), stderr=subprocess.DEVNULL)
    os.close(sending)
    with os.fdopen(receiving) as answer:
        name = f":{answer.readline().strip()}"
    try:
        yield name
    finally:
        server.terminate()
        server.wait(10)


class Display:
    """The display in a process of its own, and what it says of each frame."""

    def __init__(self, *, config: Path, screen: str, run: Path, size: str, told: bool = True) -> None:
        run.mkdir(mode=0o700, exist_ok=True)
        environment = {**os.environ, "DISPLAY": screen, "RUNTIME_DIRECTORY": str(run)}
        environment.pop("WAYLAND_DISPLAY", None)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(config), size, "frames" if told else "quiet"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.frames: list[dict] = []

    def until(self, right: Callable[[dict], bool]) -> dict:
        """The first frame that is right."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.frames.append(json.loads(line))
            if right(self.frames[-1]):
                return self.frames[-1]
        raise RuntimeError("the display ended")

    def until_avatar(self, sha256: str) -> dict:
        """The first frame of an avatar."""
        return self.until(lambda frame: frame["avatar"] == sha256)

    def end(self) -> None:
        """Stop it."""
        self.process.kill()
        self.process.communicate()


def processor_ticks(pid: int) -> float:
    """Seconds that processors worked for a living process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def looks_us(config: Path) -> float:
    """Microseconds of the processor for one look at a disk on which nothing has changed."""
    from device_agent.config import Settings
    from device_agent.display.state import Watcher

    watcher = Watcher(
        load_settings=lambda: Settings.load(config, environ={}, overrides={}), config=config, steady=time.monotonic
    )
    watcher.look(), watcher.look()
    begun = time.process_time()
    for _ in range(LOOKS):
        watcher.look()
    return (time.process_time() - begun) / LOOKS * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--avatar", type=Path)
    parser.add_argument("--size", default="720x1280")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    from device_agent.config import Settings
    from device_agent.harness.packages.source import PackageSource, file_source, sample_source
    from device_agent.harness.serve import RunningHarness
    from device_agent.lifecycle.engine import Engine

    source = sample_source() if given.avatar is None else file_source(given.avatar)
    files = source.read()
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    with (
        tempfile.TemporaryDirectory() as name,
        RunningHarness.start(avatars=[replace(source, read=lambda: files)], seats=1) as harness,
        virtual_screen(given.size) as screen,
    ):
        folder, ready = Path(name), harness.ready
        config = folder / "config.toml"
        config.write_text(
            f'endpoint = "{ready.endpoint}"\naccess_key_id = "{ready.access_key_id}"\n'
            f'access_key_secret = "{ready.access_key_secret}"\ntenant_id = {ready.tenant_id}\n'
            f'app_id = "{ready.app_id}"\nlicense_file = "{ready.license_file}"\n'
            f'state_dir = "{folder}/state"\ncache_dir = "{folder}/cache"\n'
        )
        config.chmod(0o600)
        settings = Settings.load(config, environ={}, overrides={})

        quiet = Display(config=config, screen=screen, run=folder / "quiet", size=given.size, told=False)
        time.sleep(3.0)
        before = processor_ticks(quiet.process.pid)
        time.sleep(QUIET_S)
        note("card_ms_per_minute", (processor_ticks(quiet.process.pid) - before) * 1e3 * 60.0 / QUIET_S)
        quiet.end()

        def offer(other: PackageSource) -> None:
            harness.with_world(lambda world: world.shelf.offer(other, tenant_id=ready.tenant_id))

        def fetched() -> tuple[str, float]:
            with Engine.open(settings) as engine:
                engine.bind()
                return engine.fetch(source.code).package.sha256, time.monotonic()

        for number in range(given.runs):
            sha256, _ = fetched()
            run = folder / f"run{number}"
            display = Display(config=config, screen=screen, run=run, size=given.size)
            note("card_s", display.until(lambda frame: True)["at"] - display.started)
            note("start_s", display.until_avatar(sha256)["at"] - display.started)
            display.end()
            display = Display(config=config, screen=screen, run=run, size=given.size)
            note("start_known_s", display.until_avatar(sha256)["at"] - display.started)
            changed = {**files, "version.json": json.dumps({"run": number}).encode()}
            offer(replace(source, read=lambda changed=changed: changed))
            newer, at = fetched()
            begun = len(display.frames)
            last = display.until_avatar(newer)
            note("new_version_s", last["at"] - at)
            times = [frame["at"] for frame in display.frames[max(0, begun - 1) :] if frame["at"] >= at]
            gaps = [after - earlier for earlier, after in itertools.pairwise(times)]
            note("longest_gap_ms", max(gaps, default=0.0) * 1e3)
            note("peak_mib", last["own"]["peak_kib"] / 1024)
            note("trial_peak_mib", last["child"]["peak_kib"] / 1024)
            display.end()
        each = looks_us(config)
    print(
        json.dumps(
            {
                "avatar": source.code, "size": given.size, "runs": given.runs,
                **{key: round(statistics.median(values), 2) for key, values in figures.items()},
                "look_us": round(each, 1), "looks_ms_per_minute": round(each * 120.0 / 1e3, 2),
                "load": os.getloadavg()[0], "processors": os.cpu_count(),
                "memory_of_this_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()

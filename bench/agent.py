"""What the agent costs a kiosk while nothing happens, and how fast it is there; beside certbot, another renewing agent.

    python bench/agent.py [--runs N] [--python PATH] [--tpm PATH] [--no-peer] [--kill]

One JSON line. ``status_ms``: a cold ``avatar-agent status`` (median process); ``status_processor_ms``: what of it the
processor worked, which other work on the machine hardly lengthens. ``idle_mib``: resident memory of ``avatar-agent
run`` after it is ready (its own harness is another process); ``idle_after_fetch_mib``: of one that took the seat and
downloaded the avatar itself, on an empty disk, and ``fetch_peak_mib`` the most that one ever had; of the sample avatar,
or of ``--avatar``. ``ready_s``: from the start of ``run`` until it has heard from the platform;
``ready_without_network_s``: until it says that the cached avatar may be shown, with nobody at the platform's address.
``idle_hour``: what a real keeper of a ready device writes in an hour of an idle day on a virtual clock, against a real
harness in this process, counted where it is written, in blocks of 4 KiB by file (``kib``), and with a block for each
folder that was synced; its log, which goes to stderr, beside it; with an access key, and ``managed``: with office and
broker. ``outage``: 1,000 real keepers, of which only the network is played, after six hours without the platform: how
many of them arrive in a minute (``per_minute``), and the busiest to the mean of one backoff window, of first answers
and of everything that was asked for in that window (``all_peak_to_mean``). The peer (installed from the registry into a
temporary environment): the start of ``certbot --version``, and the most memory of ``certbot renew`` with nothing to
renew. ``--python`` names the interpreter of an environment made from ``requirements/base.txt`` for the agent, as
devices have it; without it the agent runs where this does, and httpx finds and loads more than it needs. With
``--tpm`` (a device, or the socket of an swtpm) the service's secrets are sealed to it; ``seal_ms`` and ``unseal_ms``
are what that takes, once in a process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULE = ["-m", "device_agent.cli.main"]


def timed(command: list[str], *, runs: int, env: dict[str, str]) -> tuple[float, float]:
    """Median milliseconds of a command's whole life, and of the processor's time in it; the first run left out."""
    taken, worked = [], []
    for _ in range(runs + 1):
        started, before = time.monotonic(), processor_s()
        subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True)
        taken.append((time.monotonic() - started) * 1000)
        worked.append((processor_s() - before) * 1000)
    return statistics.median(taken[1:]), statistics.median(worked[1:])


def processor_s() -> float:
    """Seconds that processors worked for the processes that this one started and saw end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident_mib(pid: int, *, kind: str = "VmRSS") -> float:
    """Resident memory now; the most there ever was with ``VmHWM``."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the process is gone")


class Service:
    """``avatar-agent run`` with a manager that listens."""

    def __init__(self, python: str, config: Path, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = folder / "notify"
        address.unlink(missing_ok=True)
        self._socket.bind(str(address))
        self._socket.settimeout(60)
        self.started = time.monotonic()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NOTIFY_SOCKET": str(address)}
        environment["RUNTIME_DIRECTORY"] = str(folder)
        self.process = subprocess.Popen(
            [python, *MODULE, "run", "--config", str(config)], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
        )

    def wait_for(self, word: str) -> float:
        """Seconds from the start until the service says it."""
        while word not in self._socket.recv(4096).decode():
            pass
        return time.monotonic() - self.started

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._socket.close()


def tpm_figures(tpm: Path, runs: int) -> dict[str, float]:
    """Milliseconds of sealing and of unsealing, medians; each with a connection of its own, as processes have it."""
    from device_agent.tpm.sealing import Sealer

    taken: dict[str, list[float]] = {"seal_ms": [], "unseal_ms": []}
    for _ in range(runs):
        started = time.perf_counter()
        sealed = Sealer(tpm).seal(bytes(96))
        taken["seal_ms"].append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        Sealer(tpm).unseal(sealed)
        taken["unseal_ms"].append((time.perf_counter() - started) * 1000)
    return {name: round(statistics.median(values), 2) for name, values in taken.items()}


def service_figures(python: str, folder: Path, runs: int, *, tpm: Path | None, avatar: Path | None) -> dict[str, Any]:
    """Memory and times of the service against a harness of its own."""
    command = [sys.executable, *MODULE, "harness", "serve", "--seats", "1", "--settings", str(folder / "agent.toml")]
    command += ["--avatar", str(avatar)] if avatar else []
    online, alone, idle, fetched, most = [], [], [], [], []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as harness:
        try:
            assert harness.stdout is not None
            ready = json.loads(harness.stdout.readline())
            with (folder / "agent.toml").open("a") as file:
                file.write(f'avatar = "{ready["avatar_codes"][-1]}"\ndevice_id = "bench"\n')
                file.write(f'tpm = "{tpm}"\n' if tpm else "")
            licence = folder / "license.json"
            licence.write_bytes(Path(ready["license_file"]).read_bytes())
            places = tomllib.loads((folder / "agent.toml").read_text())
            for run in range(2 * runs):
                if run < runs:
                    for name in ("state_dir", "cache_dir"):
                        shutil.rmtree(places[name], ignore_errors=True)
                service = Service(python, folder / "agent.toml", folder)
                took_s = service.wait_for("STATUS=ready, online")
                time.sleep(2)  # not a wait for something: idle memory is what is left after a while
                (fetched if run < runs else idle).append(resident_mib(service.process.pid))
                most.append(resident_mib(service.process.pid, kind="VmHWM"))
                if run >= runs:
                    online.append(took_s)
                service.stop()
        finally:
            harness.terminate()
            harness.wait()
    text = (folder / "agent.toml").read_text().replace(ready["license_file"], str(licence))
    (folder / "agent.toml").write_text(text)
    for _ in range(runs):
        service = Service(python, folder / "agent.toml", folder)
        alone.append(service.wait_for("STATUS=ready"))
        service.stop()
    return {
        "idle_mib": round(statistics.median(idle), 1),
        "idle_after_fetch_mib": round(statistics.median(fetched), 1),
        "fetch_peak_mib": round(statistics.median(most[:runs]), 1),
        "ready_s": round(statistics.median(online), 3),
        "ready_without_network_s": round(statistics.median(alone), 3),
    }


def idle_hours() -> dict[str, Any]:
    """What a quiet day writes an hour, with an access key and with an office."""
    from bench.simulation.idle_day import idle_day

    with tempfile.TemporaryDirectory() as folder:
        kinds = {"access_key": False, "managed": True}
        return {name: idle_day(Path(folder) / name, managed=managed) for name, managed in kinds.items()}


def outage(agents: int = 1000) -> dict[str, Any]:
    """Arrivals after an outage, minute by minute of the first backoff window, and the busiest to the mean."""
    from bench.simulation.fleet import outage as lived
    from device_agent.api.causes import Cause
    from device_agent.errors import NetworkError
    from device_agent.lifecycle.machine import Phase
    from device_agent.lifecycle.token import FIRST_GUESS_S
    from device_agent.service.pace import PACES

    error, ends, cap_s = NetworkError("away", code="network.timeout"), 6 * 3600.0, PACES[Cause.NET].cap_s
    with tempfile.TemporaryDirectory() as folder:
        seen = lived(
            Path(folder), agents=agents, error=error, phase=Phase.READY, life_s=FIRST_GUESS_S, ends=ends,
            until=ends + 2 * cap_s,
        )  # fmt: skip
    first = Counter(int((at - ends) // 60) for at in seen.arrived.values())
    every = Counter(int((at - ends) // 60) for at in [*seen.asked, *seen.tokens] if ends <= at < ends + cap_s)
    mean = agents / (cap_s / 60)
    return {
        "agents": agents,
        "arrived": len(seen.arrived),
        "per_minute": [first[minute] for minute in range(max(first) + 1)],
        "mean_per_minute": round(mean, 1),
        "peak_to_mean": round(max(first.values()) / mean, 2),
        "all_peak_to_mean": round(max(every.values()) / mean, 2),
    }


def kills() -> dict[str, Any]:
    """The fast kill tests: times the power failed, times the rules were checked, tests that found one broken."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        environment = {**os.environ, "AVATAR_KILL_REPORT": str(report)}
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "tests/kill"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        lines = [json.loads(line) for line in report.read_text().splitlines()]
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return {
        "power_failures": sum(line["killed"] for line in lines),
        "rules_checked": sum(line["checked"] for line in lines),
        "broken": len(failed),
        "failed": [line.split(" - ")[0] for line in failed],
    }


def peer(runs: int) -> dict[str, Any] | None:
    """certbot's start and memory; None where it cannot be installed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            pip = [f"{folder}/bin/pip", "install", "-q", "certbot"]
            subprocess.run(pip, check=True, capture_output=True, timeout=300)
        except (subprocess.SubprocessError, OSError):
            return None
        certbot = f"{folder}/bin/certbot"
        environment = {"PATH": os.environ["PATH"], "HOME": folder}
        start, worked = timed([certbot, "--version"], runs=runs, env=environment)
        places = [f"--{name}-dir={folder}/{name}" for name in ("config", "work", "logs")]
        measure = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True);"
            " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        done = subprocess.run(
            [sys.executable, "-c", measure, certbot, "renew", *places], capture_output=True, text=True, check=True
        )
        version = subprocess.run([certbot, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return {
            "name": version,
            "start_ms": round(start, 1),
            "start_processor_ms": round(worked, 1),
            "renew_mib": round(int(done.stdout) / 1024, 1),
        }


def main() -> None:
    sys.path.insert(0, str(ROOT))  # for the room of the simulation
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="interpreter of a clean base install, for the agent")
    parser.add_argument("--tpm", type=Path, help="a TPM's device, or the socket of an swtpm")
    parser.add_argument("--avatar", type=Path, help="an avatar file or open package instead of the sample")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--kill", action="store_true", help="run the kill tests as well (minutes)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder}
        status_ms, status_processor_ms = timed(
            [given.python, *MODULE, "status", "--json"], runs=given.runs, env=environment
        )
        figures = service_figures(given.python, Path(folder), given.runs, tpm=given.tpm, avatar=given.avatar)
    if given.tpm:
        figures |= tpm_figures(given.tpm, given.runs)
    crowd, quiet = outage(), idle_hours()
    met = {
        "status under 150 ms": status_ms < 150,
        "idle at most 45 MiB": figures["idle_mib"] <= 45,
        "idle after fetching at most 42 MiB": figures["idle_after_fetch_mib"] <= 42,
        "at most 24 KiB an hour": max(kind["kib"] for kind in quiet.values()) <= 24,
        "peak at most 3 times the mean": max(crowd["peak_to_mean"], crowd["all_peak_to_mean"]) <= 3,
    }
    facts = {
        "bench": "agent",
        "status_ms": round(status_ms, 1),
        "status_processor_ms": round(status_processor_ms, 1),
        **figures,
        "idle_hour": quiet,
        "outage": crowd,
        "kill": kills() if given.kill else None,
        "met": met,
        "peer": None if given.no_peer else peer(given.runs),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()

"""The service as systemd starts it: a process, its socket for notes, its signals, its health."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.simulation.site import ManagedSite
from device_agent.errors import ConfigurationError
from device_agent.harness.ready import write_settings
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.service.daemon import Daemon
from device_agent.service.health import MAX_ASKING, serving
from device_agent.service.keeper import Keeper
from device_agent.service.lines import Lines
from device_agent.service.notify import Notifier
from device_agent.service.opening import open_for_service
from device_agent.service.report import MAX_RESULTS, Report, Snapshot

from .conftest import CODE, Site, Time

ROOT = Path(__file__).parents[3]


class Manager:
    """Listens as systemd does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.settimeout(60)
        self.heard: list[str] = []

    def wait_for(self, word: str) -> str:
        while True:
            text = self._socket.recv(4096).decode()
            self.heard.append(text)
            if word in text:
                return text

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path)
    yield listening
    listening.close()


def test_a_life_under_systemd(tmp_path: Path, platform: RunningHarness, time_: Time, manager: Manager) -> None:
    time_.wall_off = 0.0
    platform.move_time(time.time() - time_.now)
    write_settings(tmp_path / "agent.toml", platform.ready)
    with (tmp_path / "agent.toml").open("a") as file:
        file.write(f'avatar = "{CODE}"\ndevice_id = "kiosk-1"\n')
    (tmp_path / "run").mkdir(mode=0o700)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "NOTIFY_SOCKET": str(manager.path),
        "WATCHDOG_USEC": "3000000", "RUNTIME_DIRECTORY": str(tmp_path / "run"),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "device_agent.cli.main", "run", "--config", str(tmp_path / "agent.toml")],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    log: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        manager.wait_for("READY=1")
        manager.wait_for("STATUS=ready, online")
        manager.wait_for("WATCHDOG=1")
        health = tmp_path / "run" / "health.sock"
        assert stat.S_IMODE(health.stat().st_mode) == 0o600
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(health)), base_url="http://agent") as client:
            assert client.get("/ready").status_code == 200
            told = client.get("/health").json()
            assert (told["phase"], told["session"], told["content"]) == ("ready", "stopped", "verified"), (
                "ClientStart has its time"
            )
            assert 'avatar_agent_phase{phase="ready"} 1' in client.get("/metrics").text
            assert client.get("/state").status_code == 404
        with (tmp_path / "agent.toml").open("a") as file:
            file.write("nonsense = 1\n")
        process.send_signal(signal.SIGHUP)
        manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
        assert process.poll() is None, "settings that are wrong stop nothing"
        process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(5)
    assert [seat["device_id"] for seat in platform.seats()] == ["kiosk-1"], "stopping gives no seat back"
    assert not health.exists()
    facts = [json.loads(line) for line in log]
    assert {"step", "phase"} <= {fact["event"] for fact in facts}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert [number for number, fact in enumerate(facts) if fact["event"] in ("start", "stop")] == [0, len(facts) - 1]
    started, stopped = facts[0], facts[-1]
    assert (started["event"], started["version"], started["phase"]) == ("start", version, "blank")
    assert (stopped["event"], stopped["version"], stopped["phase"]) == ("stop", version, "ready")
    assert (stopped["reason"], stopped["level"], stopped["cut"]) == ("SIGTERM", "info", False)
    assert 0 < stopped["uptime_s"] < 600
    assert any(fact["event"].startswith("settings are not read again") and fact["hint"] for fact in facts)
    licence = json.loads(Path(platform.ready.license_file).read_text())["License"]
    for canary in (platform.ready.access_key_secret, licence[:64], licence[64:128]):
        assert canary not in "".join(log) + "".join(manager.heard)


def test_a_service_that_nobody_manages_runs_all_the_same(tmp_path: Path) -> None:
    for address in ("", "relative", str(tmp_path / "nobody"), "@nobody"):
        notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "soon"})
        notifier.ready("x")
        assert notifier.watchdog_s == 0


def test_liveness_is_the_worker_s_and_not_the_network_s(site: Site) -> None:
    """V12: a step that waits for an answer is alive; one that takes longer than any may is not."""
    daemon = Daemon(
        keeper=site.keeper, report=site.report, notifier=Notifier({}), clock=site.time, reload=site.settings
    )
    limit = site.keeper.settings.download_deadline_s
    assert daemon.is_alive()
    site.time.now += limit
    assert daemon.is_alive()
    site.time.now += 301
    assert not daemon.is_alive()


def test_a_network_that_drips_is_no_dead_worker(managed: ManagedSite) -> None:
    """V12: every call takes nearly as long as it may, and succeeds; a step has several of them."""
    managed.overrides["download_deadline_s"] = "60"
    alive: list[bool] = []

    def drips(point: Point) -> None:
        if point.endswith("answered"):
            managed.time.now += 900.0
        alive.append(daemon.is_alive())
        daemon.moved(point)

    hardware = Hardware(serial_files=[], random_bytes=os.urandom)
    keeper = Keeper(
        settings=managed.settings(), clock=managed.time, dice=lambda: 0.5, report=managed.report,
        open_engine=lambda settings, observer: open_for_service(
            settings, observer, machine=lambda _tpm: hardware, clock=managed.time, client_options={"environ": {}},
            reach=drips,
        ),
    )  # fmt: skip
    daemon = Daemon(
        keeper=keeper, report=managed.report, notifier=Notifier({}), clock=managed.time, reload=managed.settings
    )
    began = managed.time.now
    while managed.report.snapshot.phase is not Phase.READY:
        daemon.moved()
        wait = keeper.step()
        managed.time.now += wait + 1e-3
        assert managed.time.now - began < 86400
    assert managed.time.now - began > 4 * 900
    assert all(alive)


class Resting(Keeper):
    """A first step and a long rest; the second step ends it all."""

    daemon: Daemon
    steps = 0

    def step(self) -> float:
        self.steps += 1
        if self.steps == 2:
            self.alive = self.daemon.is_alive()
            self.daemon.order("SIGTERM")
        return 1800.0


def test_a_machine_that_slept_is_alive_and_does_at_once_what_is_due(site: Site) -> None:
    """The rest of the worker is by a clock that sleeps with the machine; the watchdog must not take that for a hang."""
    keeper = Resting(
        settings=site.settings(), open_engine=site.engine, clock=site.time, dice=lambda: 0.5, report=site.report
    )
    notes: list[str] = []

    class Notes(Notifier):
        def alive(self) -> None:
            if not notes:
                site.time.now += 8 * 3600.0
            notes.append("alive")

    daemon = keeper.daemon = Daemon(
        keeper=keeper, report=site.report, notifier=Notes({}), clock=site.time, reload=site.settings
    )
    assert daemon.run(beat_s=0.01) == 0
    assert keeper.steps == 2
    assert keeper.alive


class Broken(Keeper):
    def step(self) -> float:
        raise RuntimeError("a defect")


def test_a_defect_ends_the_process_so_that_it_is_started_again(site: Site) -> None:
    keeper = Broken(
        settings=site.settings(), open_engine=site.engine, clock=site.time, dice=lambda: 0.5, report=site.report
    )
    written = io.StringIO()
    daemon = Daemon(
        keeper=keeper, report=site.report, notifier=Notifier({}), clock=site.time, reload=site.settings,
        log=Lines(stream=written),
    )  # fmt: skip
    with daemon.logged():
        assert daemon.run(beat_s=0.01) == 1
        site.time.now += 90
    assert not daemon.is_alive()
    started, stopped = map(json.loads, written.getvalue().splitlines())
    assert started["event"] == "start"
    assert (stopped["event"], stopped["reason"], stopped["failure"]) == ("stop", "defect", "RuntimeError")
    assert (stopped["level"], stopped["uptime_s"], "a defect" in written.getvalue()) == ("error", 90.0, False)


class Told(Keeper):
    """Told to stop in the middle of a step."""

    daemon: Daemon

    def step(self) -> float:
        self.daemon.order("SIGINT")
        self.daemon.order("SIGTERM")
        return super().step()


def test_the_log_says_who_stopped_it_and_how_far_the_device_was(site: Site) -> None:
    site.live(60)
    written = io.StringIO()
    keeper = Told(
        settings=site.settings(), open_engine=site.engine, clock=site.time, dice=lambda: 0.5, report=site.report
    )
    daemon = keeper.daemon = Daemon(
        keeper=keeper, report=site.report, notifier=Notifier({}), clock=site.time, reload=site.settings,
        log=Lines(stream=written),
    )  # fmt: skip
    with daemon.logged():
        assert daemon.run(beat_s=0.01) == 0
    started, stopped = map(json.loads, written.getvalue().splitlines())
    assert (started["phase"], stopped["phase"], stopped["reason"]) == ("ready", "ready", "SIGINT")


def test_a_service_that_cannot_begin_says_why_in_its_log(site: Site, tmp_path: Path) -> None:
    written = io.StringIO()
    daemon = Daemon(
        keeper=site.keeper, report=site.report, notifier=Notifier({}), clock=site.time, reload=site.settings,
        log=Lines(stream=written),
    )  # fmt: skip
    with pytest.raises(ConfigurationError), daemon.logged(), serving(Report(), path=tmp_path / "none" / "s", port=0):
        pass
    started, stopped = map(json.loads, written.getvalue().splitlines())
    assert (started["event"], stopped["reason"], stopped["level"]) == ("start", "service.health_socket", "error")


@pytest.mark.parametrize(("changed", "waiting"), [({"health_port": "4711"}, ["health_port"]), ({"avatar": "CH_x"}, [])])
def test_settings_that_wait_for_the_next_start_are_named(
    site: Site, changed: dict[str, str], waiting: list[str]
) -> None:
    written = io.StringIO()
    daemon = Daemon(
        keeper=site.keeper, report=site.report, notifier=Notifier({}), clock=site.time, reload=site.settings,
        log=Lines(stream=written),
    )  # fmt: skip
    site.overrides |= changed
    daemon.order("reload")
    daemon.order("SIGTERM")
    assert daemon.run(beat_s=0.01) == 0
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines].count("settings are read again") == 1
    assert [name for line in lines if line["event"] == "settings wait" for name in line["names"]] == waiting


class Hours:
    """A clock by which each look at it costs a second."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1.0
        return self._now


@pytest.mark.parametrize("drip", [b"x", b"GET /health HTTP/1.1\r\na: b\r\n", b"x" * 4096])
def test_nobody_holds_health_up_with_a_request_that_has_no_end(tmp_path: Path, drip: bytes) -> None:
    """By its clock five seconds are five looks: the request is dropped, however lively it drips."""
    with serving(Report(), path=tmp_path / "s", port=0, steady=Hours()), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        client.settimeout(20)
        answered = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(100_000):
                client.sendall(drip)
        with contextlib.suppress(ConnectionResetError):
            answered = client.recv(100)
        assert answered == b""


def test_idle_connections_use_up_no_threads(tmp_path: Path) -> None:
    with serving(Report(), path=tmp_path / "s", port=0):

        def knock() -> socket.socket:
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(20)
            client.connect(str(tmp_path / "s"))
            return client

        held = [knock() for _ in range(MAX_ASKING)]
        with knock() as one_more:
            assert one_more.recv(1) == b"", "hung up on at once"
        assert sum(thread.name.startswith("Thread-") for thread in threading.enumerate()) <= MAX_ASKING + 2
        for client in held:
            client.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
            while client.recv(4096):
                pass
            client.close()
        for _ in range(2 * MAX_ASKING):
            again = b""
            while not again:  # the last thread may still be on its way out
                with knock() as client, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    client.sendall(b"GET /ready HTTP/1.1\r\n\r\n")
                    again = client.recv(12)
            assert again == b"HTTP/1.1 503"


def test_many_codes_are_few_numbers() -> None:
    """A platform that makes a code up each time does not fill the memory of a device that runs for years."""
    report = Report()
    for number in range(5000):
        report.count("ClientStart", f"Strange.{number}")
    report.count("ClientStart", "x" * 500)
    report.count("ClientStart", 'a"b\r\n# HELP evil')
    text = report.metrics()
    lines = [line for line in text.splitlines() if line.startswith("avatar_agent_steps_total")]
    assert len(lines) <= MAX_RESULTS + 1
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == 5002
    assert 'result="other"} 4' in text
    assert not any(line.startswith("# HELP evil") for line in text.split("\r"))


def test_health_on_loopback_only_when_it_was_asked_for(tmp_path: Path) -> None:
    report = Report()
    report.put(Snapshot(may_show=False))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving(report, path=None, port=port):
        assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 503
        health = httpx.get(f"http://127.0.0.1:{port}/health")
        assert (health.status_code, health.text[-1]) == (200, "\n"), "a shell's prompt comes on a line of its own"
    (tmp_path / "dead.sock").touch()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "left.sock"))
    left.close()
    with serving(report, path=tmp_path / "left.sock", port=0):
        assert (tmp_path / "left.sock").is_socket()
    assert not (tmp_path / "left.sock").exists()

"""docs/kiosk.md on a machine of its own, under a real systemd: installed, set up, killed, hung, removed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.display.confinement import version
from tests.e2e.systemd_machine import CannotBoot, Machine, booted

ROOT = Path(__file__).resolve().parents[2]
SECRETS = "/var/lib/avatar-agent/secrets"
pytestmark = pytest.mark.slow


@dataclass
class Kiosk:
    machine: Machine
    ready: dict[str, Any]

    def health(self) -> dict[str, Any]:
        said = self.machine.run(
            "curl -s --unix-socket /run/avatar-agent/health.sock http://localhost/health", check=False
        )
        return dict(json.loads(said)) if said.startswith("{") else {}

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.machine.run("avatar-agent status --json")))

    def pid(self, unit: str = "avatar-agent") -> int:
        return int(self.machine.run(f"systemctl show -p MainPID --value {unit}"))

    def journal(self, unit: str = "avatar-agent") -> str:
        return self.machine.run(f"journalctl -u {unit} -o cat --no-pager")

    def seats(self) -> list[str]:
        return [seat["device_id"] for seat in httpx.get(f"{self.ready['admin_url']}/seats").json()]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is handed out, of the last commit."""
    clone = tmp_path_factory.mktemp("systemd") / "clone"
    for command in (
        ["git", "clone", "-q", str(ROOT), str(clone)],
        [str(clone / "scripts/setup.sh"), "dist"],
        [str(clone / "build/dist-tools/bin/python"), str(clone / "scripts/dist.py"), "--out", str(clone / "out")],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return clone / "out"


@pytest.fixture(scope="module")
def kiosk(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    folder = tmp_path_factory.mktemp("machine")
    settings = folder.parent / "agent.toml"
    command = [sys.executable, "-m", "device_agent.cli.main", "harness", "serve", "--office", "--seats", "2"]
    with subprocess.Popen(
        [*command, "--settings", str(settings)], stdout=subprocess.PIPE, text=True, cwd=folder.parent
    ) as harness:
        try:
            assert harness.stdout is not None
            ready = json.loads(harness.stdout.readline())
            try:
                with booted(folder) as machine:
                    _install(machine, dist)
                    _fill_in(machine, settings.read_text(encoding="utf-8"))
                    yield Kiosk(machine, ready)
            except CannotBoot as reason:
                pytest.skip(f"no machine can be booted here: {reason}")
        finally:
            harness.terminate()


def _install(machine: Machine, dist: Path) -> None:
    target = machine.root / "srv/dist"
    target.mkdir(parents=True)
    for path in dist.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    machine.run(
        "cd /srv/dist && sha256sum --check --strict --quiet SHA256SUMS && /usr/bin/python3 -m venv /opt/avatar-agent"
        " && /opt/avatar-agent/bin/pip install -q --require-hashes --only-binary :all: -r requirements-base.txt"
        " && /opt/avatar-agent/bin/pip install -q --no-deps --no-index avatar_device_agent-*.whl"
        " && ln -sf /opt/avatar-agent/bin/avatar-agent /usr/local/bin/ && avatar-agent install --systemd"
    )


def _fill_in(machine: Machine, written: str) -> None:
    """The harness's settings as an operator has them on a kiosk: files beside, no folders."""
    facts = dict(re.findall(r'^(\w+) = "?(.*?)"?$', written, re.MULTILINE))
    config = machine.root / "etc/avatar-agent"
    names = {"license_file": "license.json", "order_keys": "operator.pub", "ca_file": "ca.pem"}
    lines = ['avatar = "CH_3d_sample"']
    for setting, name in names.items():
        (config / name).write_bytes(Path(facts[setting]).read_bytes())
        machine.run(f"cd /etc/avatar-agent && chown root:avatar-agent {name} && chmod 640 {name}")
        lines.append(f'{setting} = "/etc/avatar-agent/{name}"')
    kept = [line for line in written.splitlines() if line.split(" ")[0] not in {*names, "state_dir", "cache_dir"}]
    with (config / "config.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join([*lines, *kept]) + "\n")


def test_one_kiosk_s_life(kiosk: Kiosk) -> None:
    """In one go: each part begins where the one before has left the machine."""
    machine = kiosk.machine
    assert kiosk.health()["problem"] == "config.missing", "it waits for settings"
    assert "mode is different" not in kiosk.journal()
    machine.run("systemctl reload avatar-agent")
    machine.until(lambda: kiosk.health().get("drive") == "connected")
    told = kiosk.health()
    assert (told["phase"], told["link"], told["session"], told["content"]) == ("ready", "online", "started", "verified")
    device_id = kiosk.status()["device_id"]
    assert kiosk.seats() == [device_id]
    _root_s_commands_leave_nothing_of_root_s(machine)
    _scores(machine)
    _killed_and_hung(kiosk, device_id)
    _on_the_screen(kiosk)
    _removed_by_headquarters(kiosk, device_id)


def _root_s_commands_leave_nothing_of_root_s(machine: Machine) -> None:
    assert "!!" not in machine.run("avatar-agent doctor")
    machine.run("avatar-agent fetch CH_3d_sample && avatar-agent certs show")
    owners = machine.run("find /var/lib/avatar-agent /var/cache/avatar-agent -printf '%u %m %y\\n' | sort -u")
    assert {line.split()[0] for line in owners.splitlines()} == {"avatar-agent"}
    assert machine.run(f"find {SECRETS} -type f -name key.pem | wc -l").strip() == "1"


def _scores(machine: Machine) -> None:
    for unit in ("avatar-agent", "avatar-display"):
        said = machine.run(f"systemd-analyze security {unit} --no-pager")
        score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
        assert score is not None
        assert float(score[1]) <= 2.0, said


def _killed_and_hung(kiosk: Kiosk, device_id: str) -> None:
    """Systemd starts it again; the same device, the same seat."""
    machine = kiosk.machine
    machine.run("mkdir -p /run/systemd/system/avatar-agent.service.d")
    drop_in = "[Service]\\nRestartSec=0.2\\nWatchdogSec=4\\n"
    machine.run(
        f"printf '{drop_in}' > /run/systemd/system/avatar-agent.service.d/quick.conf && systemctl daemon-reload"
    )
    machine.run("systemctl restart avatar-agent")
    for signal_ in (signal.SIGKILL, signal.SIGSTOP):
        machine.until(lambda: kiosk.health().get("drive") == "connected")
        before = kiosk.pid()
        machine.run(f"kill -{signal_.value} {before}")
        machine.until(lambda before=before: kiosk.pid() not in (0, before))  # type: ignore[misc]
    assert "Watchdog timeout" in kiosk.journal()
    machine.until(lambda: kiosk.health().get("drive") == "connected")
    assert kiosk.seats() == [device_id]


def _on_the_screen(kiosk: Kiosk) -> None:
    machine = kiosk.machine
    machine.run("setsid Xvfb :0 -screen 0 360x640x24 -ac >/dev/null 2>&1 &")
    machine.until(lambda: machine.run("test -S /tmp/.X11-unix/X0 && echo there", check=False) != "")
    machine.run("systemctl start avatar-display")
    machine.until(lambda: '"event": "avatar shown"' in kiosk.journal("avatar-display"))
    assert machine.run("systemctl show -p StatusText --value avatar-display").strip() == "avatar"
    if version():
        assert '"event": "display confined"' in kiosk.journal("avatar-display"), "its unit lets it give up rights"


def _removed_by_headquarters(kiosk: Kiosk, device_id: str) -> None:
    machine = kiosk.machine
    httpx.put(f"{kiosk.ready['admin_url']}/devices/{device_id}", json={"removed": True}).raise_for_status()
    machine.run("systemctl reload avatar-agent")
    machine.until(lambda: kiosk.status()["phase"] == "decommissioned")
    machine.until(lambda: '"scene": "removed"' in kiosk.journal("avatar-display"))
    assert machine.run(f"ls -d {SECRETS}", check=False).endswith("No such file or directory\n")
    machine.run("systemctl stop avatar-agent avatar-display")
    stop = json.loads([line for line in kiosk.journal().splitlines() if '"event": "stop"' in line][-1])
    assert (stop["reason"], stop["phase"], stop["cut"]) == ("SIGTERM", "decommissioned", False)

"""A machine whose power fails where a test says, a harness in this process, and the rules that must hold afterwards."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.license import License
from device_agent.avatars.cache import AvatarCache
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.identity import derive
from device_agent.lifecycle.journal import Loaded, load
from device_agent.lifecycle.keyring import Keyring
from device_agent.lifecycle.machine import HOLDS_SEAT, Phase
from device_agent.lifecycle.token import kept_token
from device_agent.lifecycle.vault import AVATARS, Vault
from device_agent.tpm.sealing import Sealer

CODE = "CH_3d_test"
SERIAL = "board-1"
WINDOW_S = 1000.0
LIFE = ("bind", "start", "fetch", "unbind")
MANAGED_LIFE = ("bind", "start", "fetch", "renew", "unbind")
"""Stages of a whole life, with an access key and without one."""

FILES = {
    "character.glb": bytes(range(256)) * 80,
    "animation.glb": b"glTF animation",
    "character.config.json": b"{}",
    "animation.config.json": b"{}",
    "motion.config.json": b"{}",
}


@dataclass
class Machine:
    """One machine and the platform it works with; ``run`` is one time that it has power."""

    folder: Path
    harness: RunningHarness
    zygote: subprocess.Popen[str]
    overrides: dict[str, str] = field(default_factory=dict)
    office: Enrolment | None = None
    secret: str = ""
    moved: float = 0.0
    killed: int = 0
    checked: int = 0
    has_license_file: bool = True
    tpm: Path | None = None
    id_from_tpm: bool = False

    def run(self, *stages: str, kill: dict[str, Any] | None = None) -> bool:
        """Live these stages; whether the power failed on the way."""
        ready = self.harness.ready
        license_file = {"license_file": ready.license_file} if self.has_license_file else {}
        order = {
            "stages": stages,
            "kill": kill,
            "moved": self.moved,
            "code": CODE,
            "log": str(self.folder / "log"),
            "disk": str(self.disk),
            "serial": str(self.folder / "serial"),
            "id_from_tpm": self.id_from_tpm,
            "environ": self._credentials(),
            "overrides": {
                "endpoint": ready.endpoint,
                "tenant_id": str(ready.tenant_id),
                "app_id": ready.app_id,
                "state_dir": str(self.state),
                "cache_dir": str(self.disk / "cache"),
                "blank_window_s": "960",
                "timeout_s": "5",
                **self._office(),
                **license_file,
                **({"tpm": str(self.tpm)} if self.tpm else {}),
                **self.overrides,
            },
        }
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        self.zygote.stdin.write(json.dumps(order) + "\n")
        self.zygote.stdin.flush()
        ended = json.loads(self.zygote.stdout.readline())
        assert ended["killed"] or ended["status"] == 0, f"the program failed: {self.lines()[-5:]}"
        self.killed += bool(ended["killed"])
        return bool(ended["killed"])

    def _credentials(self) -> dict[str, str]:
        """An access key; with an office, the secret for a certificate instead."""
        if self.office is not None:
            return {"AVATAR_AGENT_ENROLL_SECRET": self.secret}
        ready = self.harness.ready
        return {
            "AVATAR_AGENT_ACCESS_KEY_ID": ready.access_key_id,
            "AVATAR_AGENT_ACCESS_KEY_SECRET": ready.access_key_secret,
        }

    def _office(self) -> dict[str, str]:
        office = self.office
        if office is None:
            return {}
        return {"enroll_url": office.est_url, "broker_url": office.broker_url, "ca_file": str(office.ca_file)}

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def state(self) -> Path:
        return self.disk / "state"

    def restore_what_was_sure(self) -> None:
        """Put in place what the power failure left, as the program worked it out before it was killed."""
        image = json.loads(Path(f"{self.disk}.image").read_text())
        self.lose_the_disk()
        for name in sorted(image):
            path = self.disk / name
            if image[name] is None:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in image.items():
            if data is not None and data.startswith("link to "):
                (self.disk / name).symlink_to(data.removeprefix("link to "))
            elif data is not None:
                (self.disk / name).write_bytes(base64.b64decode(data))
                (self.disk / name).chmod(0o600)

    @property
    def device_id(self) -> str:
        return derive(SERIAL.encode(), tenant_id=self.harness.ready.tenant_id, app_id=self.harness.ready.app_id)

    def lines(self) -> list[str]:
        """What the program wrote down, over all its lives."""
        return (self.folder / "log").read_text().splitlines()

    def record(self) -> Loaded:
        return load(self.state)

    def vault(self) -> Vault:
        sealer = Sealer(self.tpm) if self.tpm else None
        return Vault(self.state, cover=Keyring(self.state, sealer=sealer))

    def seats(self) -> list[Any]:
        return [seat["device_id"] for seat in self.harness.seats()]

    def pass_the_window(self) -> None:
        """Let the window of every signature end, for both sides."""
        self.moved += WINDOW_S
        self.harness.move_time(WINDOW_S)

    def renew(self, **rules: str) -> None:
        """A blank disk and a platform that knows nothing of this device."""
        self.lose_the_disk()
        (self.folder / "log").unlink(missing_ok=True)
        self.moved = 0.0
        self.harness.reset()
        if self.office is not None:
            self.secret = self.office.office.invite(self.device_id)
        if rules:
            self.harness.rules(**rules)

    def lose_the_disk(self) -> None:
        for name in ("state", "cache"):
            shutil.rmtree(self.disk / name, ignore_errors=True)

    def check(self, *, one_seat: bool = True) -> None:
        """The rules that hold at every moment; numbers as in docs/security.md."""
        self.checked += 1
        held = self.seats()
        assert set(held) <= {self.device_id}, "V2: a seat that the machine cannot name"
        if one_seat:
            assert len(held) <= 1, "V1: more than one seat for one machine"
        record = self.record().record
        if record.phase is Phase.DECOMMISSIONED:
            assert held == [], "V4: removed, and holds a seat"
        if record.phase not in (Phase.BLANK, Phase.DECOMMISSIONED) and record.tombstone is None:
            assert record.device_id == self.device_id
        for call in self.harness.calls(operation="ClientUnbindDevice"):
            assert call.parameters["DeviceId"] == self.device_id, "V6"
        if record.phase in HOLDS_SEAT:
            assert kept_token(self.vault()) is not None, "V7: the token is gone while it is needed"
        if record.phase is Phase.READY:
            package = AvatarCache(self.disk / "cache" / AVATARS).cached(record.content.active)
            assert package is not None, "V13: what is active is not here"
            kept = self.vault().license()
            assert kept is not None, "V7: the licence is gone while it is needed"
            assert package.open(License.parse(kept.reveal()))["character.glb"] == FILES["character.glb"], "V13"

    def check_erased(self) -> None:
        """V5: nothing secret is left in any file, whole, finished or not."""
        licence = License.load(Path(self.harness.ready.license_file)).reveal()
        secrets = [licence[64:128], licence[:64], self.device_id, self.harness.ready.access_key_secret]
        for name in ("state", "cache"):
            for path in (self.disk / name).rglob("*"):
                content = path.read_bytes() if path.is_file() else b""
                for secret in secrets:
                    assert secret.encode() not in content, path
                assert b"PK\x03\x04" not in content, path
                assert b"PRIVATE KEY" not in content, path
            assert not sealed_key.is_there(self.state)

    def finish(self, *, one_seat: bool = True) -> None:
        """Live on with nothing in the way, to the end of the device's life."""
        assert not self.run("bind", "start", "fetch", *(["renew"] if self.office else []), "unbind")
        self.check(one_seat=one_seat)
        for _ in range(2):
            self.pass_the_window()
            assert not self.run("unbind")
        self.check(one_seat=one_seat)
        assert self.record().record.phase in (Phase.DECOMMISSIONED, Phase.BLANK)
        assert self.seats() == []
        self.check_erased()


@pytest.fixture(scope="session")
def killed_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@contextmanager
def alive_machine(
    folder: Path, keys: Callable[[], rsa.RSAPrivateKey], *, authority: Path, managed: bool
) -> Iterator[Machine]:
    """A machine that trusts one public authority, the platform, and for a managed one the office."""
    (folder / "disk").mkdir(mode=0o700)
    (folder / "serial").write_text(SERIAL, encoding="ascii")
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    child = [sys.executable, str(Path(__file__).with_name("child.py")), str(authority)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (
        RunningHarness.start(avatars=[package], seats=2, keys=keys) as harness,
        open_office(harness, folder / "office") if managed else nullcontext() as office,
        subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as zygote,
    ):
        alive = Machine(folder=folder, harness=harness, zygote=zygote, office=office)
        yield alive
        if "AVATAR_KILL_REPORT" in os.environ:
            with Path(os.environ["AVATAR_KILL_REPORT"]).open("a") as report:
                report.write(json.dumps({"killed": alive.killed, "checked": alive.checked}) + "\n")
        assert zygote.stdin is not None
        zygote.stdin.close()
        assert zygote.wait(10) == 0


@pytest.fixture(scope="module")
def machine(
    tmp_path_factory: pytest.TempPathFactory, killed_key: rsa.RSAPrivateKey, one_authority: Path
) -> Iterator[Machine]:
    """A machine that signs with an access key."""
    folder = tmp_path_factory.mktemp("machine")
    with alive_machine(folder, lambda: killed_key, authority=one_authority, managed=False) as alive:
        yield alive


@pytest.fixture(scope="module")
def managed(
    tmp_path_factory: pytest.TempPathFactory, killed_key: rsa.RSAPrivateKey, one_authority: Path
) -> Iterator[Machine]:
    """A machine without an access key: its certificate opens a broker."""
    folder = tmp_path_factory.mktemp("managed")
    with alive_machine(folder, lambda: killed_key, authority=one_authority, managed=True) as alive:
        yield alive


@pytest.fixture(scope="module")
def whole_life(machine: Machine) -> Callable[[], list[str]]:
    """What an uninterrupted life passes, line by line."""
    passed: list[str] = []

    def once() -> list[str]:
        if not passed:
            machine.renew()
            machine.finish()
            passed.extend(machine.lines())
        return passed

    return once


def live_and_die(machine: Machine, kill: dict[str, object], *, life: tuple[str, ...] = LIFE) -> bool:
    """A whole life with one failure of power; the window passes before the second unbind. Whether it was killed."""
    if machine.run(*life, kill=kill):
        return True
    machine.pass_the_window()
    return machine.run("unbind", kill=kill)


def operations(lines: list[str]) -> int:
    """How many operations of disk and network a life did."""
    return max(int(line.split()[1]) for line in lines if line.startswith("op "))


def passed(lines: list[str]) -> set[str]:
    """The named points that a life passed."""
    return {line.split()[1].partition("#")[0] for line in lines if line.startswith("point ")}

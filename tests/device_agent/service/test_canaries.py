"""No secret in any sink, in any form: logs, messages, arguments, environment, health, status, bundle, tracebacks, core.

The program runs as its users run it, each command a process, with secrets that are looked for afterwards wherever it
wrote or can be seen.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.license import License
from device_agent.config import Secret, Settings
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.token import kept_token
from device_agent.lifecycle.vault import Vault
from tests.canaries import forms, showing
from tests.commands import avatar_agent

CODE = "CH_3d_test"
FILES = {"character.glb": b"x" * 5000, "character.config.json": b"{}"}
PLANTED = {
    "proxy password": 'pr0xy /"ü&=canary',
    "enrolment secret": "enr0l +%\\é canary",
}


@pytest.mark.parametrize("form", forms("x"))
def test_every_form_is_found_where_it_is(form: str) -> None:
    secret = PLANTED["proxy password"]
    assert showing(b"noise" + forms(secret)[form] + b"noise", {"it": secret}), form
    shown = base64.b64encode(b"user:" + secret.encode() + b"\n")
    assert showing(shown, {"it": secret})
    assert not showing(b"noise" * 1000, {"it": secret})


class Kiosk:
    """Folders, settings with secrets in them, and processes whose every word is kept."""

    def __init__(self, folder: Path, harness: RunningHarness) -> None:
        self.folder, self.harness = folder, harness
        ready = harness.ready
        licence = License.load(Path(ready.license_file)).reveal()
        self.canaries = {
            **PLANTED,
            "access key": ready.access_key_secret,
            "licence's head": licence[:60],
            "licence's middle": licence[200:260],
            "licence's end": licence[-60:],
        }
        self.sinks: dict[str, bytes] = {}
        self.config = folder / "agent.toml"
        self.put()

    def put(self, **changes: object) -> None:
        ready = self.harness.ready
        settings: dict[str, object] = {
            "endpoint": ready.endpoint, "access_key_id": ready.access_key_id, "tenant_id": ready.tenant_id,
            "access_key_secret": ready.access_key_secret, "app_id": ready.app_id, "license_file": ready.license_file,
            "proxy": f"http://agent:{quote(PLANTED['proxy password'], safe='')}@proxy.example:3128",
            "enroll_secret": PLANTED["enrolment secret"], "avatar": CODE, "device_id": "kiosk-1", "timeout_s": 5,
            "state_dir": str(self.folder / "state"), "cache_dir": str(self.folder / "cache"), **changes,
        }  # fmt: skip
        self.config.touch(mode=0o600)
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in settings.items())
        self.config.write_text("".join(lines), encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "AVATAR_AGENT_CONFIG": str(self.config),
            "RUNTIME_DIRECTORY": str(self.folder / "run"),
        }  # fmt: skip

    def run(self, *arguments: str, status: int | None = None, program: str = "", **environment: str) -> str:
        environ = {**self.environment, **environment}
        if program:
            start = [sys.executable, "-c", program, *arguments]
            done = subprocess.run(start, capture_output=True, text=True, timeout=60, check=False, env=environ)
        else:
            done = avatar_agent(*arguments, environ=environ)
        self.sinks[" ".join(("avatar-agent", *arguments, program[:40]))] = (done.stdout + done.stderr).encode()
        if status is not None:
            assert done.returncode == status, done.stderr
        return done.stderr

    def collect(self) -> None:
        """What lies on the disk beside the secrets' own files."""
        state = self.folder / "state"
        for path in (*state.glob("state.*"), *state.glob("lock*")):
            self.sinks[f"file {path.name}"] = path.read_bytes()

    def also(self, name: str, secret: str) -> None:
        assert len(secret) > 11
        self.canaries[name] = secret

    def tokens(self) -> list[str]:
        """Those of LicenseAuth that are kept: the new one and the one before."""
        kept = kept_token(Vault(self.folder / "state"))
        return [token.reveal() for token in kept.to_try] if kept is not None else []

    def check(self) -> None:
        self.collect()
        for number, token in enumerate(self.tokens()):
            self.also(f"token {number}", token)
        shown = {sink: showing(data, self.canaries) for sink, data in self.sinks.items()}
        assert {sink: found for sink, found in shown.items() if found} == {}


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningHarness]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with RunningHarness.start(avatars=[package], seats=2, keys=lambda: key) as harness:
        yield harness


@pytest.fixture
def kiosk(platform: RunningHarness, tmp_path: Path) -> Iterator[Kiosk]:
    (tmp_path / "run").mkdir(mode=0o700)
    platform.reset()
    made = Kiosk(tmp_path, platform)
    yield made
    platform.lift_faults()


def test_a_whole_life_of_commands(kiosk: Kiosk) -> None:
    for command in (
        "bind",
        "start",
        f"fetch {CODE}",
        "status",
        "status --json",
        "doctor",
        "doctor --json",
        "certs show",
    ):
        kiosk.run(*command.split())
    (token,) = kiosk.tokens()
    kiosk.also("token", token)
    bundle = kiosk.folder / "bundle.tar.gz"
    kiosk.run("doctor", "--bundle", str(bundle))
    with tarfile.open(bundle) as archive:
        kiosk.sinks["bundle"] = b"".join(
            (archive.extractfile(member) or io.BytesIO()).read() for member in archive.getmembers()
        )
    assert b"proxy.example" in kiosk.sinks["bundle"], "the setting is there, its login is not"
    kiosk.run("unbind", status=0)
    kiosk.check()


@pytest.mark.parametrize("fault", ["http_500", "captive", "redirect", "drop_before", "drop_after", "wrong_bytes"])
def test_what_a_failed_call_says(kiosk: Kiosk, fault: str) -> None:
    kiosk.harness.fault(fault, times=None)
    for command in ("bind", "doctor"):
        kiosk.run(command, AVATAR_AGENT_TRACEBACK="1")
        kiosk.run(command, "--json")
    kiosk.check()


def test_what_wrong_settings_say(kiosk: Kiosk) -> None:
    secret = PLANTED["enrolment secret"]
    for changes in (
        {"access_key_secret": [kiosk.harness.ready.access_key_secret]},
        {"enroll_secret": {"value": secret}},
        {"proxy": f"socks5://agent:{secret}@proxy.example"},
        {"endpoint": f"https://agent:{secret}@platform.example"},
        {"crl_urls": {"a.example": f"http://a:{secret}@x/"}},
        {"broker_url": f"http://a:{quote(secret)}@broker.example/"},
        {"license_file": str(kiosk.config)},
    ):
        kiosk.put(**changes)
        for command in ("bind", "doctor"):
            kiosk.run(command, "--json", AVATAR_AGENT_TRACEBACK="1")
    kiosk.put()
    kiosk.config.chmod(0o644)
    assert "config.open_secret" in kiosk.run("bind", status=3)
    kiosk.config.chmod(0o600)
    kiosk.config.write_text(f"access_key_secret = {kiosk.harness.ready.access_key_secret}\n")
    kiosk.run("bind", status=3)
    kiosk.check()


def test_the_traceback_of_a_defect(kiosk: Kiosk) -> None:
    """The worst defect: an error whose text is the request's whole address, licence and all."""
    program = (
        "import sys; from device_agent.api.network import Network\n"
        "def send(self, exchange): raise RuntimeError(f'GET {exchange.url} {dict(exchange.headers)} failed')\n"
        "Network.send = send\n"
        "from device_agent.cli.main import main; sys.argv[1:] = ['bind']; main()\n"
    )
    said = kiosk.run(program=program, AVATAR_AGENT_TRACEBACK="1", status=1)
    assert "Traceback" in said
    assert "RuntimeError" in said
    assert "Traceback" not in kiosk.run(program=program, status=1)
    kiosk.check()


@contextmanager
def running(kiosk: Kiosk) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon; its log becomes a sink when it has ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "device_agent.cli.main", "run"], stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**kiosk.environment, "AVATAR_AGENT_TRACEBACK": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    log: list[bytes] = []
    reader = threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        reader.join()
        kiosk.sinks["log of run"] = b"".join(log)


def asked(path: Path, target: str) -> bytes:
    """An answer of the health socket; empty while nobody answers."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(path))
            line.sendall(f"GET {target} HTTP/1.1\r\n\r\n".encode())
            return line.makefile("rb").read()
        except OSError:
            return b""


def wait_until_ready(kiosk: Kiosk) -> None:
    """Until the avatar may be shown: the harness says when something happened, so this asks as often as it can."""
    for _ in range(100_000):
        if b'"may_show": true' in asked(kiosk.folder / "run" / "health.sock", "/ready"):
            return
    raise AssertionError("the daemon did not get ready")


def test_the_daemon_in_every_place_where_it_can_be_seen(kiosk: Kiosk) -> None:
    with running(kiosk) as process:
        wait_until_ready(kiosk)
        proc = Path(f"/proc/{process.pid}")
        for name in ("cmdline", "environ", "status", "limits", "comm"):
            kiosk.sinks[f"/proc {name}"] = (proc / name).read_bytes()
        for target in ("/health", "/ready", "/metrics", "/other"):
            kiosk.sinks[f"health {target}"] = asked(kiosk.folder / "run" / "health.sock", target)
        kiosk.put(access_key_secret=[kiosk.harness.ready.access_key_secret])
        process.send_signal(signal.SIGHUP)
        kiosk.put(endpoint="http://127.0.0.1:1")
        process.send_signal(signal.SIGHUP)
    limits = kiosk.sinks["/proc limits"].decode().splitlines()
    (core,) = (line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], "no core file: it would hold the licence's key"
    assert b'"phase"' in kiosk.sinks["health /health"]
    assert b'"event"' in kiosk.sinks["log of run"]
    kiosk.check()


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(kiosk: Kiosk) -> None:
    for option in ("--access-key-secret", "--enroll-secret", "--pass", "--license"):
        kiosk.run("bind", option, PLANTED["enrolment secret"])
    del kiosk.sinks[f"avatar-agent bind --license {PLANTED['enrolment secret']} "]  # a file's name, which is told
    kiosk.check()


def test_values_that_hold_secrets_do_not_show_them(kiosk: Kiosk) -> None:
    settings = Settings.load(kiosk.config, environ={}, overrides={}, system_file=kiosk.config)
    licence = License.load(Path(kiosk.harness.ready.license_file))
    texts = [repr(settings.enroll_secret), f"{settings.access_key_secret}", repr(licence), str(licence)]
    texts += [repr([Secret(secret) for secret in kiosk.canaries.values()])]
    kiosk.sinks["repr"] = "".join(texts).encode()
    for hidden in (settings.enroll_secret, licence):
        with pytest.raises(TypeError):
            pickle.dumps(hidden)
    kiosk.check()


def test_what_is_to_be_said_is_nowhere_afterwards(kiosk: Kiosk) -> None:
    """A text for an avatar to speak may be an answer to a visitor: it is sent, and kept nowhere."""
    utterance = "Utterance canary: Zimmer 12, Frau \u00dcbel"
    kiosk.also("utterance", utterance)
    arguments = ("api", "SendText", "--param", "SessionId=none", "--param", f"TenantId={kiosk.harness.ready.tenant_id}")
    text = ("--param", f"Text={utterance}", "--param", "UniqueCode=1")
    kiosk.run("bind", status=0)
    assert "[10010014]" in kiosk.run(*arguments, *text, status=6), "it went to the platform, which has no such session"
    kiosk.sinks = {name.replace(utterance, "(argument)"): data for name, data in kiosk.sinks.items()}
    (sent,) = kiosk.harness.calls(operation="SendText")
    assert utterance not in str(sent)
    for path in kiosk.folder.rglob("*"):
        if path.is_file():
            kiosk.sinks[str(path.relative_to(kiosk.folder))] = path.read_bytes() if path != kiosk.config else b""
    kiosk.collect()
    assert [sink for sink, data in kiosk.sinks.items() if showing(data, {"utterance": utterance})] == []

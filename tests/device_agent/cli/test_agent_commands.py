"""The agent's commands as a person or a script runs them: each a process of its own, against a real harness."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.harness.packages.source import PackageSource
from device_agent.harness.ready import write_settings
from device_agent.harness.serve import RunningHarness
from tests.commands import avatar_agent

CODE = "CH_3d_test"
FILES = {"character.glb": os.urandom(300_000), "character.config.json": b"{}", "animation.glb": b"x"}


@dataclass
class Shell:
    """Runs commands as a user would, with the settings file that the harness writes."""

    folder: Path
    harness: RunningHarness

    def __call__(self, *arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        config = self.folder / "agent.toml"
        if not config.exists():
            write_settings(config, self.harness.ready)
        return avatar_agent(
            *arguments,
            environ={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "AVATAR_AGENT_CONFIG": str(config),
                "AVATAR_AGENT_DEVICE_ID": "kiosk-1",
                **(environ or {}),
            },
        )

    def json(self, *arguments: str, **more: Any) -> dict[str, Any]:
        done = self(*arguments, "--json", **more)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        (line,) = done.stdout.splitlines()
        facts = json.loads(line)
        assert facts["ok"] is True
        return dict(facts)

    def fails(self, *arguments: str, status: int, says: str, **more: Any) -> str:
        """The one line on stderr of a command that must fail."""
        done = self(*arguments, **more)
        assert done.returncode == status, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("avatar-agent: ")
        assert says in line
        assert "Traceback" not in done.stdout + done.stderr
        assert self.harness.ready.access_key_secret not in done.stdout + done.stderr
        return line

    def seats(self) -> list[Any]:
        return [seat["device_id"] for seat in self.harness.seats()]

    def phase(self) -> str:
        return str(self.json("status")["phase"])


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def shell(tmp_path: Path, key: rsa.RSAPrivateKey) -> Iterator[Shell]:
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with RunningHarness.start(avatars=[package], seats=1, keys=lambda: key) as harness:
        yield Shell(folder=tmp_path, harness=harness)


def test_from_blank_to_ready_and_back_with_json(shell: Shell) -> None:
    assert shell.json("status")["phase"] == "blank"
    bound = shell.json("bind")
    assert (bound["phase"], bound["already_bound"], bound["device_id"]) == ("bound", False, "kiosk-1")
    assert bound["request_id"]
    assert shell.seats() == ["kiosk-1"]
    assert shell.json("bind")["already_bound"] is True
    assert shell.json("start")["token_received"] is True
    fetched = shell.json("fetch", CODE)
    assert (fetched["phase"], fetched["avatar"], fetched["transferred"]) == ("ready", CODE, fetched["size"])
    assert shell.json("fetch", CODE)["transferred"] == 0
    status = shell.json("status")
    assert (status["phase"], status["avatar"], status["avatars"]) == ("ready", CODE, [CODE])
    assert status["license"] == bound["license"]
    assert shell.json("unbind")["phase"] == "decommissioned"
    assert shell.json("unbind")["nothing_to_do"] is True
    assert shell.seats() == []
    assert shell.json("status")["device_id"] is None


def test_from_blank_to_ready_and_back_for_a_person(shell: Shell) -> None:
    told = []
    for command in (["bind"], ["start"], ["fetch", CODE], ["status"], ["unbind"], ["status"]):
        done = shell(*command)
        assert (done.returncode, done.stderr) == (0, "")
        told.append(done.stdout)
    bind, start, fetch, ready, unbind, gone = told
    assert [line.split()[1] for line in bind.splitlines() if line.startswith("ok")] == [
        "identity", "LicenseAuth", "ClientAuth",
    ]  # fmt: skip
    assert "Bound: device kiosk-1" in bind
    assert "Started" in start
    assert f"Avatar {CODE} is on this device" in fetch
    assert "ready (bound, and an avatar is here)" in ready
    assert "hold nothing of the licence" in unbind
    assert "decommissioned" in gone


def test_status_sees_that_the_cache_was_emptied_by_hand(shell: Shell) -> None:
    shell.json("bind")
    shell.json("fetch", CODE)
    (sealed,) = (shell.folder / "cache").rglob("*.sealed")
    here = shell.json("status")
    assert (here["may_show"], here["content"], here["session_started_at"]) == (True, "verified", None)
    shell.json("start")
    assert shell.json("status")["session_started_at"]
    shutil.rmtree(shell.folder / "cache")
    status = shell.json("status")
    assert status["content"] == "fallback"
    assert (status["avatar"], status["avatars"], status["may_show"]) == (CODE, [], False)
    told = shell("status").stdout
    assert "an avatar is here" not in told
    assert f"avatar-agent fetch {CODE}" in told
    shell.json("fetch", CODE)
    assert shell.json("status")["avatars"] == [CODE]
    sealed.write_bytes(b"cut")
    assert shell.json("status")["avatars"] == []


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_settings_that_are_no_file_are_told_at_once(shell: Shell, kind: str) -> None:
    path = shell.folder / "settings"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    line = shell.fails("status", "--config", str(path), status=3, says=f"it is a {kind}, and no plain file")
    assert line.endswith("[config.file]")


def test_nobody_at_the_address(shell: Shell) -> None:
    licence = shell.folder / "licence.json"
    shutil.copy(shell.harness.ready.license_file, licence)
    shell.harness.stop()
    line = shell.fails("bind", "--license", str(licence), status=5, says="nothing answers at this address")
    assert shell.harness.ready.endpoint in line
    assert "avatar-agent harness serve" in line
    assert shell.phase() == "identified"


def test_a_wrong_licence(shell: Shell) -> None:
    wrong = shell.folder / "wrong.txt"
    wrong.write_text("y" * 64 + "QUFB", encoding="ascii")
    line = shell.fails("bind", "--license", str(wrong), status=4, says="does not accept this licence")
    assert "RequestId" in line
    assert "QUFB" not in line
    shell.fails("bind", "--license", str(shell.folder / "none"), status=4, says="cannot be read")
    assert (shell.phase(), shell.seats()) == ("identified", [])


def test_the_licence_of_another_application(shell: Shell) -> None:
    other = shell.harness.issue_license(app_id="OTHERAPP")
    shell.fails("bind", "--license", other["license_file"], status=4, says="another application")
    assert (shell.phase(), shell.seats()) == ("blank", [])


def test_every_seat_taken(shell: Shell) -> None:
    shell.json("bind", "--state-dir", str(shell.folder / "other"), environ={"AVATAR_AGENT_DEVICE_ID": "kiosk-0"})
    shell.fails("bind", status=4, says="every seat of the licence is taken")
    assert (shell.phase(), shell.seats()) == ("seat-full", ["kiosk-0"])


def test_after_a_renewed_licence_status_knows_the_avatar_of_before(shell: Shell) -> None:
    shell.json("bind")
    shell.json("fetch", CODE)
    shell.harness.fault("license_expired")
    shell.fails("start", status=4, says="renew the order")
    assert "license-blocked (the licence was refused)" in shell("status").stdout
    shell.json("bind")
    told = shell("status").stdout
    assert "no avatar yet" not in told
    assert f"avatar-agent fetch {CODE} takes it up again" in told
    shell.json("fetch", CODE)
    assert "ready (bound, and an avatar is here)" in shell("status").stdout


def test_an_unknown_avatar(shell: Shell) -> None:
    shell.json("bind")
    shell.fails("fetch", "CH_nobody", status=6, says="check the avatar's code")
    assert shell.phase() == "bound"


def test_a_cut_download_is_resumed(shell: Shell) -> None:
    shell.json("bind")
    shell.harness.fault("cut", on="assets", bytes=100_000)
    shell.fails("fetch", CODE, status=5, says="")
    assert shell.phase() == "bound"
    fetched = shell.json("fetch", CODE)
    assert fetched["transferred"] == fetched["size"] - 100_000


def test_one_flipped_byte(shell: Shell) -> None:
    shell.json("bind")
    shell.harness.fault("wrong_bytes", on="assets", bytes=150_000)
    shell.fails("fetch", CODE, status=7, says="")
    assert shell.phase() == "bound"
    assert shell.json("fetch", CODE)["phase"] == "ready"


def test_a_clock_20_minutes_off(shell: Shell) -> None:
    shell.harness.fault("clock", seconds=1200, times=None)
    assert shell.json("bind")["phase"] == "bound"
    assert shell.json("status")["clock_offset_s"] == pytest.approx(1200, abs=5)
    assert [call.operation for call in shell.harness.calls()] == ["LicenseAuth", "LicenseAuth", "ClientAuth"]


@pytest.mark.parametrize(
    ("arguments", "environ", "status", "says"),
    [
        (["start"], {}, 3, "not bound"),
        (["fetch", CODE], {}, 3, "avatar-agent bind"),
        (["bind", "--config", "/nowhere.toml"], {}, 3, "settings file cannot be read"),
        (["bind", "--tenant-id", "x"], {}, 3, "tenant_id"),
        (["bind", "--endpoint", "http://example.com"], {}, 3, "plain http"),
        (["bind", "--state-dir", "/proc/x"], {}, 3, ""),
        (["status"], {"AVATAR_AGENT_TENNANT_ID": "1"}, 3, "did you mean AVATAR_AGENT_TENANT_ID?"),
        (["status"], {"AVATAR_AGENT_TENANT_ID": "x"}, 3, "environment AVATAR_AGENT_TENANT_ID"),
        (["bind", "--device-id", "a b"], {}, 3, "device id"),
    ],
)
def test_wrong_settings(shell: Shell, arguments: list[str], environ: dict[str, str], status: int, says: str) -> None:
    shell.fails(*arguments, environ=environ, status=status, says=says)
    assert shell.harness.calls() == []


def test_an_error_with_json_is_one_object_too(shell: Shell) -> None:
    done = shell("fetch", CODE, "--json")
    assert done.returncode == 3
    facts = json.loads(done.stdout)
    assert (facts["ok"], facts["code"], facts["exit_status"]) == (False, "state.not_bound", 3)


def test_wrong_use_is_status_2(shell: Shell) -> None:
    assert shell("fetch").returncode == 2
    assert shell("bind", "--access-key-secret", "x").returncode == 2


def test_the_drive_channel_before_somebody_s_eyes(shell: Shell) -> None:
    shell.json("bind")
    assert shell.json("start", "--drive", "--seconds", "0.5")["drive"] == {"connected": 1, "lost": 0, "messages": 0}
    done = shell("start", "--drive", "--seconds", "0.5")
    assert done.returncode == 0
    assert [line.split()[2:] for line in done.stdout.splitlines() if " s  " in line] == [["connected"]]
    shell.fails("start", "--seconds", "1", status=2, says="--drive")
    plain = {"AVATAR_AGENT_DRIVE_URL": "ws://im.example/ws"}
    shell.fails("start", "--drive", environ=plain, status=3, says="drive_url")


def test_status_starts_light(shell: Shell) -> None:
    """A kiosk's storage is slow: what status needs is all that it loads."""
    code = (
        "import sys\nfrom device_agent.cli import main\nsys.argv = ['avatar-agent', 'status', '--json']\n"
        "try:\n    main.main()\nexcept SystemExit:\n    pass\n"
        "heavy = ('numpy', 'moderngl', 'glfw', 'starlette', 'uvicorn', 'httpx', 'cryptography', 'OpenSSL', 'PIL',"
        " 'av', 'typer', 'rich', 'pydantic', 'ssl', 'asyncio')\n"
        "sys.stderr.write(' '.join(sorted(name for name in heavy if name in sys.modules)))\n"
    )
    nothing = shell.folder / "nothing.toml"  # this machine may be a kiosk with settings of its own
    nothing.touch(mode=0o600)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(shell.folder), "AVATAR_AGENT_CONFIG": str(nothing)},
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["phase"] == "blank"
    assert done.stderr == ""


def test_a_device_that_has_fetched_carries_no_second_http_library(shell: Shell) -> None:
    """What the service has loaded it keeps for as long as it lives."""
    shell("status")  # writes the settings
    code = (
        "import sys\nfrom device_agent.cli.given import load_settings\n"
        "from device_agent.lifecycle.engine import Engine\n"
        "with Engine.open(load_settings(None)) as engine:\n"
        f"    engine.bind()\n    engine.start()\n    engine.fetch({CODE!r})\n"
        "print(sorted(name for name in ('httpx', 'httpcore', 'click', 'rich', 'typer') if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(shell.folder), "AVATAR_AGENT_DEVICE_ID": "kiosk-1",
             "AVATAR_AGENT_CONFIG": str(shell.folder / "agent.toml")},
        timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"

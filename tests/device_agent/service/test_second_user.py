"""Another user on the same machine: a child that gives up root tries all that such a user can try on a running agent.

Needs root, because only root can become somebody else; without it the test is skipped and says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.license import License
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.ready import write_settings
from device_agent.harness.serve import RunningHarness
from tests.canaries import showing

NOBODY = 65534
CODE = "CH_3d_test"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a second user")


def as_nobody(act: Callable[[], Any]) -> Any:
    """What ``act`` gives to a child process that is user and group 65534 and nothing else."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.write(write, json.dumps(act()).encode())
        except BaseException as error:  # noqa: BLE001 -- told to the parent, who fails
            os.write(write, json.dumps({"failed": repr(error)}).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert not (isinstance(told, dict) and "failed" in told), told
    return told


class Victim:
    """An agent at work, in folders whose parents everybody may enter."""

    def __init__(self, folder: Path, harness: RunningHarness) -> None:
        self.folder = folder
        write_settings(folder / "agent.toml", harness.ready)
        with (folder / "agent.toml").open("a") as file:
            file.write(f'avatar = "{CODE}"\ndevice_id = "kiosk-1"\nenroll_secret = "enr0lment-canary"\n')
        (folder / "run").mkdir(mode=0o755)
        (folder / "run").chmod(0o755)
        licence = License.load(Path(harness.ready.license_file)).reveal()
        self.canaries = {
            "access key": harness.ready.access_key_secret, "enrolment": "enr0lment-canary",
            "licence": licence[200:260], "licence's head": licence[:60],
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "device_agent.cli.main", "run", "--config", str(folder / "agent.toml")],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "RUNTIME_DIRECTORY": str(folder / "run")},
            stderr=subprocess.PIPE,
        )  # fmt: skip
        self._await_ready()

    def _await_ready(self) -> None:
        """Its log says when it shows its avatar."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if b'"after": "ready"' in line:
                return
        raise AssertionError("the agent ended")

    @property
    def socket(self) -> Path:
        return self.folder / "run" / "health.sock"


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    package = PackageSource(
        code=CODE, name="test", read=lambda: {"character.glb": b"x", "character.config.json": b"{}"}
    )
    folder = Path(tempfile.mkdtemp(prefix="second-user-"))
    folder.chmod(0o755)
    try:
        with RunningHarness.start(avatars=[package], seats=1, keys=lambda: key) as harness:
            alive = Victim(folder, harness)
            try:
                yield alive
            finally:
                alive.process.terminate()
                alive.process.communicate(timeout=60)
    finally:
        shutil.rmtree(folder)


def reachable(folder: Path) -> list[str]:
    """Which files and folders below can be read or written, however it is tried."""
    found = []
    for path in (folder, *folder.rglob("*")):
        for flags in (os.O_RDONLY, os.O_WRONLY):
            with contextlib.suppress(OSError):
                os.close(os.open(path, flags | os.O_NONBLOCK))
                found.append(f"{path} {flags}")
    return found


def test_the_child_really_is_somebody_else(victim: Victim) -> None:
    assert as_nobody(lambda: [*os.getresuid(), *os.getresgid(), os.getgroups()]) == [NOBODY] * 6 + [[]]
    assert as_nobody(lambda: os.listdir(victim.folder)), "the way to the folders is open: only their own modes protect"


def test_nothing_of_the_device_can_be_read_or_written(victim: Victim) -> None:
    paths = [victim.folder / name for name in ("state", "cache", "agent.toml")]
    inside = [path for path in victim.folder.rglob("*") if not path.is_socket() and path != victim.folder / "run"]
    assert len(inside) > 8

    def attempt() -> list[str]:
        found = [what for path in paths for what in reachable(path)]
        for path in inside:  # names that were guessed
            with contextlib.suppress(OSError):
                path.read_bytes()
                found.append(str(path))
        for folder in (*paths[:2], victim.folder / "run"):
            with contextlib.suppress(OSError):
                (folder / "planted").touch()
                found.append(f"planted in {folder}")
            with contextlib.suppress(OSError):
                os.rename(folder, f"{folder}.moved")
                found.append(f"moved {folder}")
        return found

    assert as_nobody(attempt) == []


def test_the_health_socket_answers_its_owner_only(victim: Victim) -> None:
    def attempt() -> str:
        # OSError: the door is shut, or the other side hangs up at once.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.connect(str(victim.socket))
            line.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            return line.makefile().read()
        return ""

    assert as_nobody(attempt) == ""
    victim.socket.chmod(0o666)  # as if the mode were lost: the caller's uid is asked for as well
    try:
        assert as_nobody(attempt) == ""
    finally:
        victim.socket.chmod(0o600)
    assert '"alive": true' in attempt(), "and root is answered"


def test_no_secret_is_in_proc_and_the_process_is_out_of_reach(victim: Victim) -> None:
    pid = victim.process.pid

    def attempt() -> dict[str, Any]:
        shown: dict[str, str] = {}
        for path in Path(f"/proc/{pid}").rglob("*"):
            if "/task/" in str(path):
                continue
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                try:
                    shown[path.name] = os.read(descriptor, 1 << 20).decode("latin-1")
                finally:
                    os.close(descriptor)
        done = []
        for number in (0, signal.SIGTERM, signal.SIGSTOP):
            with contextlib.suppress(PermissionError):
                os.kill(pid, number)
                done.append(int(number))
        for name in ("mem", "environ", "maps"):
            with contextlib.suppress(OSError):
                os.close(os.open(f"/proc/{pid}/{name}", os.O_RDWR if name == "mem" else os.O_RDONLY))
                done.append(name)
        return {"shown": shown, "done": done}

    told = as_nobody(attempt)
    assert "cmdline" in told["shown"], "the child did see what everybody sees"
    assert told["done"] == []
    everything = "\n".join(told["shown"].values()).encode("latin-1")
    assert showing(everything, victim.canaries) == []


def test_no_port_is_open(victim: Victim) -> None:
    inodes = set()
    for entry in Path(f"/proc/{victim.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            listening = fields[3] == ("0A" if table.startswith("tcp") else "07")
            assert not (listening and fields[9] in inodes), f"{table} {fields[1]}"

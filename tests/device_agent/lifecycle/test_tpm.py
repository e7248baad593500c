"""The TPM's endorsement key as the root of the id: a software TPM, tpm2-tools beside it, and TPMs that lie.

Without swtpm (apt-get install swtpm tpm2-tools) the live tests are skipped and say so; the others are not.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError, StateError
from device_agent.lifecycle import clone
from device_agent.lifecycle.engine import Engine, this_machine
from device_agent.lifecycle.identity import Hardware, derive, identify
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.tpm import EndorsementKey, Refused, endorsement_public

from .conftest import Kiosk

POINT = bytes(range(1, 33)), bytes(range(101, 133))
FIXED = bytes.fromhex(
    "0023000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa000600800043001000030010"
)


def public_area(x: bytes = POINT[0], y: bytes = POINT[1]) -> bytes:
    return FIXED + struct.pack(">H", len(x)) + x + struct.pack(">H", len(y)) + y


def response(public: bytes, *, code: int = 0) -> bytes:
    """Handle, sizes, the public area, and what follows it (creation data, hash, ticket, name): not looked at."""
    if code:
        return struct.pack(">HII", 0x8001, 10, code)
    parameters = struct.pack(">H", len(public)) + public + b"creation data and so on"
    body = struct.pack(">II", 0x80000000, len(parameters)) + parameters + b"\0\0\1\0\0"
    return struct.pack(">HII", 0x8002, 10 + len(body), 0) + body


class Chip:
    """Answers from a list, and keeps what it was sent."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.heard: list[bytes] = []

    def __call__(self, command: bytes) -> bytes:
        self.heard.append(command)
        if command[6:10] == bytes.fromhex("00000165"):  # FlushContext
            return struct.pack(">HII", 0x8001, 10, 0)
        return self.answers.pop(0)


def test_the_command_is_the_specification_s() -> None:
    chip = Chip(response(public_area()))
    assert endorsement_public(chip) == public_area()
    create, flush = chip.heard
    assert create[:10] == struct.pack(">HII", 0x8002, len(create), 0x131)
    assert create[10:14] == bytes.fromhex("4000000b"), "the endorsement hierarchy"
    assert create[14:27] == bytes.fromhex("00000009 40000009 0000 00 0000"), "an empty password"
    assert FIXED in create, "template L-2, with the policy that the profile prints"
    assert flush == bytes.fromhex("8001 0000000e 00000165 80000000"), "nothing stays in the TPM"


def test_the_name_is_the_one_that_tpm2_tools_show(tmp_path: Path) -> None:
    """The public numbers of a software TPM and the Name that ``tpm2_readpublic`` shows of its endorsement key, written
    down once: every device id with a TPM comes from it, also where no TPM is there to be asked.
    """
    x = bytes.fromhex("5d8ba6871b058a63d526787bae82f7299916ea4dd37924701f4c7e784c391c8d")
    y = bytes.fromhex("7a663d53627f8a1697887532498829de44fd291b6b8ec746b419aa12b881a4cb")
    chip, path = Chip(response(public_area(x, y))), tmp_path / "tpm"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            line, _ = listening.accept()
            with line:
                while command := line.recv(4096):
                    line.sendall(chip(command))

        threading.Thread(target=answer, daemon=True).start()
        name = EndorsementKey(path).name()
    assert name.hex() == "9c8a37609d489ecfc43d4c405dfcf5fdb1f2542ebc2f5286b70c63af45b30813"


def test_a_tpm_without_the_curve_is_asked_for_rsa() -> None:
    chip = Chip(response(b"", code=0x2E6), response(b"", code=0x101))
    with pytest.raises(Refused) as caught:
        endorsement_public(chip)
    assert caught.value.code == 0x101
    elliptic, rsa = chip.heard
    assert bytes.fromhex("0023 000b") in elliptic
    assert bytes.fromhex("0001 000b") in rsa


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x80", response(public_area())[:9], response(public_area())[:-7], response(public_area()) + b"x",
     response(public_area())[:60], response(b"\0" * 90), response(public_area()[:30]), response(b"", code=0x9A2)],
    ids=["nothing", "a byte", "half a head", "cut", "long", "cut early", "another key", "short key", "refused"],
)  # fmt: skip
def test_answers_that_make_no_sense(answer: bytes) -> None:
    with pytest.raises(OSError, match="answer"):
        endorsement_public(Chip(answer))


@pytest.fixture(scope="module")
def software_tpm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Path]]:
    """Starts TPMs, each with a seed of its own; their sockets."""
    if shutil.which("swtpm") is None:
        pytest.skip("swtpm is not installed (apt-get install swtpm)")
    started: list[int] = []

    def start() -> Path:
        folder = tmp_path_factory.mktemp("tpm")
        subprocess.run(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server", f"type=unixio,path={folder}/s",
             "--ctrl", f"type=unixio,path={folder}/s.ctrl", "--flags", "not-need-init,startup-clear",
             "--daemon", "--pid", f"file={folder}/pid"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        started.append(int((folder / "pid").read_text()))
        return folder / "s"

    yield start
    for pid in started:
        os.kill(pid, signal.SIGTERM)


def test_the_same_machine_has_the_same_key_and_another_has_another(software_tpm: Callable[[], Path]) -> None:
    one, other = software_tpm(), software_tpm()
    names = [EndorsementKey(path).name() for path in (one, one, other)]
    assert names[0] == names[1] != names[2]
    assert all(len(name) == 32 for name in names)


def test_tpm2_tools_show_the_same_name(software_tpm: Callable[[], Path], tmp_path: Path) -> None:
    if shutil.which("tpm2_createek") is None:
        pytest.skip("tpm2-tools are not installed (apt-get install tpm2-tools)")
    path = software_tpm()

    def tool(*command: str) -> str:
        environment = {"PATH": os.environ["PATH"], "TPM2TOOLS_TCTI": f"swtpm:path={path}"}
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment
        ).stdout

    tool("tpm2_createek", "-G", "ecc", "-c", "ek.ctx", "-u", "ek.pub")
    shown = tool("tpm2_readpublic", "-c", "ek.ctx")
    assert f"name: 000b{EndorsementKey(path).name().hex()}\n" in shown


def machine(path: Path, serial: Path) -> Hardware:
    return Hardware(serial_files=[serial], random_bytes=os.urandom, tpm=EndorsementKey(path))


def test_the_id_comes_from_the_tpm_and_a_copied_disk_is_noticed(
    kiosk: Kiosk, software_tpm: Callable[[], Path], tmp_path: Path
) -> None:
    path = software_tpm()
    serial = tmp_path / "serial"
    serial.write_text("board-1")
    settings = kiosk.settings(tpm=str(path))
    options = {"environ": {}}
    with Engine.open(settings, hardware=machine(path, serial), client_options=options) as engine:
        engine.bind()
        record = engine.record
    name = EndorsementKey(path).name()
    assert record.id_source == "tpm"
    assert record.device_id == derive(name, tenant_id=record.tenant_id, app_id=record.app_id)
    assert name.hex().encode() not in b"".join(kiosk.files().values()), "the number itself is nowhere"
    serial.write_text("board-2")  # another board is no news where the id hangs on the TPM
    with Engine.open(settings, hardware=machine(path, serial), client_options=options) as engine:
        assert engine.record.phase is Phase.BOUND
    with Engine.open(settings, hardware=machine(software_tpm(), serial), client_options=options) as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        with pytest.raises(StateError):
            engine.start()


class Silent(EndorsementKey):
    """Is there, and cannot be asked."""

    def name(self) -> bytes:
        raise ConfigurationError("no", code="identity.tpm")


def prints(root: str, **parts: str) -> tuple[str, ...]:
    values = {part: parts.get(part, part) for part in clone.PARTS[1:]}
    readers = {part: functools.partial(values.get, part, "") for part in values}
    return clone.hw_print("ID", root=root, parts=clone.PartReaders(readers=readers))


def test_a_tpm_that_cannot_be_asked_is_no_alarm_and_one_that_is_gone_is(tmp_path: Path) -> None:
    there, gone = tmp_path / "tpm", tmp_path / "gone"
    there.touch()

    def root(path: Path) -> str | None:
        return Hardware(serial_files=[], random_bytes=os.urandom, tpm=Silent(path)).root("tpm")

    assert (root(there), root(gone)) == (None, "")
    kept = prints("ek")
    assert not clone.is_clone(kept, prints(""), id_source="tpm", is_root_known=False)
    assert clone.is_clone(kept, prints("", nic="x", cpu="y"), id_source="tpm", is_root_known=False), "the rest decides"
    assert clone.is_clone(kept, prints(""), id_source="tpm")
    assert clone.is_clone(kept, prints("other"), id_source="tpm")


@pytest.mark.parametrize("kind", ["missing", "file", "link", "silent socket"])
def test_a_tpm_that_is_set_and_cannot_be_asked_makes_no_other_id(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tpm"
    if kind == "file":
        path.write_bytes(b"\0" * 100)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "silent socket":
        import socket

        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(ConfigurationError) as caught:
        identify("", tenant_id=1, app_id="a", hardware=this_machine(str(path)))
    assert caught.value.code == "identity.tpm"
    assert caught.value.hint
    assert identify("mine", tenant_id=1, app_id="a", hardware=this_machine(str(path))).source == "assigned"


def test_the_name_is_of_the_public_area() -> None:
    area = endorsement_public(Chip(response(public_area())))
    assert hashlib.sha256(area).hexdigest() != hashlib.sha256(public_area(x=b"\2" * 32)).hexdigest()

"""The TPM's endorsement key: the command, its answers, a software TPM with tpm2-tools beside it, and TPMs that lie."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from device_agent.tpm.endorsement import EndorsementKey, endorsement_public
from device_agent.tpm.wire import Refused
from tests.tpms import HAS_TOOLS, tool, tpms

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


@pytest.mark.parametrize("code", [0x2C1, 0x2C4, 0x2CA, 0x2E6])
def test_a_tpm_without_the_curve_is_asked_for_rsa(code: int) -> None:
    chip = Chip(response(b"", code=code), response(b"", code=0x101))
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


def test_the_same_machine_has_the_same_key_and_another_has_another(new_tpm: Callable[[], Path]) -> None:
    one, other = new_tpm(), new_tpm()
    names = [EndorsementKey(path).name() for path in (one, one, other)]
    assert names[0] == names[1] != names[2]
    assert all(len(name) == 32 for name in names)


@pytest.mark.skipif(not HAS_TOOLS, reason="swtpm and tpm2-tools are not installed; their word is written down above")
def test_tpm2_tools_show_the_same_name(tmp_path: Path) -> None:
    with tpms("swtpm", tmp_path) as start:
        path = start()
        tool(path, tmp_path, "tpm2_createek", "-G", "ecc", "-c", "ek.ctx", "-u", "ek.pub")
        shown = tool(path, tmp_path, "tpm2_readpublic", "-c", "ek.ctx")
        assert f"name: 000b{EndorsementKey(path).name().hex()}\n" in shown


@pytest.mark.parametrize(
    ("x", "y"),
    [(b"", b"\1" * 32), (b"\1" * 32, b""), (b"\1" * 33, b"\1" * 32), (b"\1" * 32, b"\1" * 48)],
    ids=["no x", "no y", "long x", "long y"],
)
def test_a_key_of_another_length_is_no_key(x: bytes, y: bytes) -> None:
    with pytest.raises(OSError, match="length"):
        endorsement_public(Chip(response(public_area(x, y))))


@pytest.mark.parametrize("area", [public_area() + b"x", public_area()[:-1], FIXED + b"\0\x20" + POINT[0]])
def test_a_public_area_is_neither_longer_nor_shorter_than_its_parts(area: bytes) -> None:
    with pytest.raises(OSError, match="answer"):
        endorsement_public(Chip(response(area)))


def test_leading_zeros_that_a_tpm_leaves_out_are_its_own_affair() -> None:
    area = public_area(POINT[0][1:], POINT[1])
    assert endorsement_public(Chip(response(area))) == area


def test_an_rsa_key_has_the_length_that_was_asked_for() -> None:
    for length, fits in ((256, True), (255, False), (257, False)):
        chip = Chip(response(b"", code=0x2E6))
        asked = []

        def answers(command: bytes, chip: Chip = chip, asked: list[bytes] = asked, length: int = length) -> bytes:
            asked.append(command)
            if bytes.fromhex("0001 000b") in command:
                at = command.index(bytes.fromhex("0001 000b"))
                fixed = command[at : at + 8 + 34 + 6 + 2 + 2 + 4]
                return response(fixed + struct.pack(">H", length) + b"\1" * length)
            return chip(command)

        if fits:
            assert len(endorsement_public(answers)) == 8 + 34 + 6 + 8 + 2 + 256
        else:
            with pytest.raises(OSError, match="length"):
                endorsement_public(answers)


def test_the_name_is_of_the_public_area() -> None:
    area = endorsement_public(Chip(response(public_area())))
    assert hashlib.sha256(area).hexdigest() != hashlib.sha256(public_area(x=b"\2" * 32)).hexdigest()

"""Bytes that only one TPM gives back: with a stand-in, with swtpm, and looked at with tpm2-tools."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from device_agent.errors import ConfigurationError
from device_agent.tpm import wire
from device_agent.tpm.sealing import LONGEST, AnotherTpm, SealedObject, Sealer, seal, unseal
from device_agent.tpm.wire import Refused
from tests.stand_in_tpm import CREATE, CREATE_PRIMARY, FLUSH, LOAD, UNSEAL, StandInTpm
from tests.tpms import HAS_TOOLS, tool, tpms

SECRET = bytes(range(96))


@pytest.mark.parametrize("length", [16, 32, 96, LONGEST])
def test_what_was_sealed_comes_back(new_tpm: Callable[[], Path], length: int) -> None:
    path, data = new_tpm(), os.urandom(length)
    sealed = Sealer(path).seal(data)
    assert Sealer(path).unseal(sealed) == data
    assert data not in sealed.public + sealed.private


def test_another_tpm_and_changed_bytes_open_nothing(new_tpm: Callable[[], Path]) -> None:
    one, other = new_tpm(), new_tpm()
    sealed = Sealer(one).seal(SECRET)
    with pytest.raises(AnotherTpm):
        Sealer(other).unseal(sealed)
    elsewhere = Sealer(other).seal(SECRET)
    with pytest.raises(AnotherTpm):  # the right parent's name and another parent's halves
        Sealer(one).unseal(SealedObject(parent=sealed.parent, public=elsewhere.public, private=elsewhere.private))
    for tpm, cleared in ((other, False), (one, True)):
        with pytest.raises(AnotherTpm) as caught:
            Sealer(tpm).unseal(replace(sealed, private=elsewhere.private))
        assert caught.value.cleared is cleared, "the endorsement key tells"
    for part in ("public", "private"):
        whole = getattr(sealed, part)
        for position in range(0, len(whole), 7):
            changed = bytearray(whole)
            changed[position] ^= 1
            fields = {"parent": sealed.parent, "public": sealed.public, "private": sealed.private, part: bytes(changed)}
            with pytest.raises(AnotherTpm):
                Sealer(one).unseal(SealedObject(**fields))
    assert Sealer(one).unseal(sealed) == SECRET


def test_what_was_just_sealed_is_not_asked_for(tmp_path: Path) -> None:
    chip = StandInTpm()
    with chip.serving(tmp_path / "tpm") as path:
        sealer = Sealer(path)
        sealed = sealer.seal(SECRET)
        chip.heard.clear()
        assert (sealer.unseal(sealed), chip.heard) == (SECRET, [])


def test_a_tpm_that_was_cleared_is_another_one() -> None:
    chip = StandInTpm()
    sealed = seal(chip, SECRET)
    chip.clear()
    chip.heard.clear()
    with pytest.raises(AnotherTpm):
        unseal(chip, sealed)
    assert chip.heard == [CREATE_PRIMARY, FLUSH], "the parent's name tells; a refusal to load is not waited for"


@pytest.mark.skipif(not HAS_TOOLS, reason="swtpm and tpm2-tools are not installed; the stand-in is cleared above")
def test_tpm2_clear_is_noticed(tmp_path: Path) -> None:
    with tpms("swtpm", tmp_path) as start:
        path = start()
        sealed = Sealer(path).seal(SECRET)
        tool(path, tmp_path, "tpm2_clear", "-c", "l")
        with pytest.raises(AnotherTpm) as caught:
            Sealer(path).unseal(sealed)
        assert caught.value.cleared


@pytest.mark.skipif(not HAS_TOOLS, reason="swtpm and tpm2-tools are not installed; the stand-in compares every byte")
def test_tpm2_tools_find_the_objects_that_the_documents_promise(tmp_path: Path) -> None:
    """The parent is made by them from the documented template, our halves load below it and give the bytes back."""
    with tpms("swtpm", tmp_path) as start:
        path = start()
        sealed = Sealer(path).seal(SECRET)
        half = struct.pack("<H", 32) + bytes(128)  # a TPM2B as the tools have it in memory
        (tmp_path / "unique").write_bytes(half * 2)
        parent = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"
        tool(path, tmp_path, "tpm2_createprimary", "-C", "o", "-g", "sha256", "-G", "ecc256:aes128cfb", "-a", parent,
             "-u", "unique", "-c", "parent.ctx")  # fmt: skip
        shown = tool(path, tmp_path, "tpm2_readpublic", "-c", "parent.ctx")
        assert f"name: 000b{sealed.parent.hex()}\n" in shown
        for name, value in (("public", sealed.public), ("private", sealed.private)):
            (tmp_path / name).write_bytes(struct.pack(">H", len(value)) + value)
        tool(path, tmp_path, "tpm2_flushcontext", "-t")
        tool(path, tmp_path, "tpm2_load", "-C", "parent.ctx", "-u", "public", "-r", "private", "-c", "ours.ctx")
        tool(path, tmp_path, "tpm2_flushcontext", "-t")
        seen = tool(path, tmp_path, "tpm2_readpublic", "-c", "ours.ctx")
        assert "value: fixedtpm|fixedparent|userwithauth|noda\n" in seen
        assert "value: keyedhash\n" in seen
        assert "value: sha256\n" in seen
        assert "authorization policy" not in seen
        tool(path, tmp_path, "tpm2_flushcontext", "-t")
        tool(path, tmp_path, "tpm2_unseal", "-c", "ours.ctx", "-o", "out")
        assert (tmp_path / "out").read_bytes() == SECRET
        tool(path, tmp_path, "tpm2_flushcontext", "-t")
        assert tool(path, tmp_path, "tpm2_getcap", "handles-transient").strip() == ""
        assert tool(path, tmp_path, "tpm2_getcap", "handles-persistent").strip() == "", "nothing stays in the TPM"


def test_the_commands_in_their_order_and_nothing_left_behind() -> None:
    chip = StandInTpm()
    sealed = seal(chip, SECRET)
    assert chip.heard == [CREATE_PRIMARY, CREATE, LOAD, UNSEAL, FLUSH, FLUSH]
    chip.heard.clear()
    assert unseal(chip, sealed) == SECRET
    assert chip.heard == [CREATE_PRIMARY, LOAD, UNSEAL, FLUSH, FLUSH]
    for command in (CREATE, LOAD, UNSEAL):
        chip.refuse = {command: 0x922}
        with pytest.raises(Refused):
            seal(chip, SECRET)
        assert chip.objects == {}


PASSING = [0x922, 0x908, 0x90A, 0x920, 0x921, 0x902, 0x101, 0x100, 0x9A2, 0x98E, 0x185]
"""RETRY, YIELDED, TESTING, NV_RATE, LOCKOUT, OBJECT_MEMORY, FAILURE, INITIALIZE, BAD_AUTH, AUTH_FAIL, HIERARCHY."""


@pytest.mark.parametrize("command", [CREATE_PRIMARY, LOAD, UNSEAL])
@pytest.mark.parametrize("code", PASSING, ids=hex)
def test_what_may_pass_is_never_taken_for_another_tpm(command: int, code: int) -> None:
    chip = StandInTpm()
    sealed = seal(chip, SECRET)
    chip.refuse = {command: code}
    with pytest.raises(Refused) as caught:
        unseal(chip, sealed)
    assert caught.value.code == code
    chip.refuse = {}
    assert unseal(chip, sealed) == SECRET


def test_a_tpm_that_cannot_be_asked_is_told_and_asked_again(tmp_path: Path) -> None:
    chip = StandInTpm()
    with chip.serving(tmp_path / "s") as path:
        sealed = Sealer(path).seal(SECRET)
        fresh = Sealer(path)
        chip.silent = True
        with pytest.raises(ConfigurationError) as caught:
            fresh.unseal(sealed)
        assert (caught.value.code, bool(caught.value.hint)) == ("identity.tpm", True)
        chip.silent = False
        chip.refuse = {CREATE_PRIMARY: 0x9A2}
        with pytest.raises(ConfigurationError) as caught:
            fresh.unseal(sealed)
        assert "tpm2_changeauth" in caught.value.hint
        chip.refuse = {}
        assert fresh.unseal(sealed) == SECRET
        chip.heard.clear()
        assert fresh.unseal(sealed) == SECRET
        assert chip.heard == [], "asked once"
    with pytest.raises(ConfigurationError) as caught:
        Sealer(path).unseal(sealed)
    assert "firmware" in caught.value.hint


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_answers_that_are_cut_short_are_no_answers(cut: int) -> None:
    chip = StandInTpm()
    sealed = seal(chip, SECRET)
    for command in (CREATE_PRIMARY, LOAD, UNSEAL):

        def answers(asked: bytes, command: int = command) -> bytes:
            answer = chip(asked)
            return answer[:cut] if int.from_bytes(asked[6:10], "big") == command else answer

        with pytest.raises(OSError, match="answer"):
            unseal(answers, sealed)
        chip.objects.clear()


def test_a_tpm_that_seals_something_else_is_found_out_at_once() -> None:
    chip = StandInTpm()

    def lies(asked: bytes) -> bytes:
        answer = chip(asked)
        unsealed = int.from_bytes(asked[6:10], "big") == UNSEAL
        return answer.replace(SECRET, bytes(len(SECRET))) if unsealed else answer

    with pytest.raises(OSError, match="give back"):
        seal(lies, SECRET)
    assert chip.objects == {}


def test_a_sealed_object_is_plain_data() -> None:
    sealed = seal(StandInTpm(), SECRET)
    assert msgspec.json.decode(msgspec.json.encode(sealed), type=SealedObject) == sealed


def test_an_answer_that_says_it_is_endless_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "TIMEOUT_S", 2.0)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "tpm"))
        listening.listen()

        def answer() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(4096)
                line.sendall(struct.pack(">HII", 0x8002, 0x7FFFFFFF, 0) + bytes(4096))
                with contextlib.suppress(OSError):
                    line.recv(1)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(ConfigurationError, match="cut short"):
            Sealer(tmp_path / "tpm").seal(SECRET)

"""The way to a TPM: an answer in pieces, a line that ends, and what is no TPM at all."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from device_agent.tpm.wire import _over, opened


def answer_of(length: int) -> bytes:
    return b"\x80\x01" + length.to_bytes(4, "big") + bytes(length - 6)


@pytest.mark.parametrize("cuts", [(), (10,), (12,), (4,), (4, 9, 30)])
def test_an_answer_is_as_long_as_it_says_in_however_many_pieces(cuts: tuple[int, ...]) -> None:
    answer = answer_of(40)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # one piece for each read
    with ours, theirs:
        for first, last in zip((0, *cuts), (*cuts, 40), strict=True):
            theirs.send(answer[first:last])
        assert _over(ours.fileno(), b"command") == answer
        assert theirs.recv(99) == b"command"


def test_a_line_that_ends_early_is_no_answer() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.send(answer_of(40)[:20])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match="hung up"):
            _over(ours.fileno(), b"command")
        theirs.close()


def test_only_a_device_or_a_socket_is_opened_and_it_is_closed_again(tmp_path: Path) -> None:
    plain, link = tmp_path / "plain", tmp_path / "link"
    plain.write_bytes(b"")
    link.symlink_to("/dev/null")
    before = sorted(os.listdir("/proc/self/fd"))
    for path in (plain, link):
        with pytest.raises(OSError, match=r"no device|symbolic"), opened(path):
            pytest.fail("opened")
    with opened(Path("/dev/null")):
        assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    assert sorted(os.listdir("/proc/self/fd")) == before

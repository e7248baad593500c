"""A file that no disk ever holds."""

from __future__ import annotations

import os
from pathlib import Path

from device_agent.api.memory_file import in_memory

CANARY = b"canary" * 20_000


def test_whoever_opens_the_path_reads_the_bytes_from_the_start() -> None:
    with in_memory(CANARY) as path:
        for _ in range(2):
            assert Path(path).read_bytes() == CANARY
        assert "memfd:" in os.readlink(path), "anonymous: no file system has a name for it"
        descriptor = int(path.rpartition("/")[2])
        assert not os.get_inheritable(descriptor)


def test_nothing_is_left_of_it() -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with in_memory(CANARY):
            pass
    assert set(os.listdir("/proc/self/fd")) == before

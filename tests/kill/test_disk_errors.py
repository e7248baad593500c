"""The disk refuses: full, read-only, broken; once, or from there on. Nothing is damaged, nothing escapes."""

from __future__ import annotations

import errno

import pytest

from .conftest import LIFE, Machine, operations

NEVER_AGAIN = 10_000


def refuse(machine: Machine, *, code: int, first: int, last: int) -> None:
    """Live with a disk that refuses; the child says so itself if anything but a told error came out."""
    machine.renew()
    assert not machine.run(*LIFE, kill={"errno": code, "from": first, "until": last})
    machine.check()
    machine.finish()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("forever", [False, True], ids=["once", "for ever"])
def test_a_disk_that_refuses(machine: Machine, code: int, forever: bool) -> None:
    machine.renew()
    machine.run(*LIFE)
    for number in range(1, operations(machine.lines()) + 1, 9):
        refuse(machine, code=code, first=number, last=NEVER_AGAIN if forever else number + 1)


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_that_refuses_everywhere(machine: Machine, code: int) -> None:
    machine.renew()
    machine.run(*LIFE)
    for number in range(1, operations(machine.lines()) + 1):
        for last in (number + 1, number + 4, NEVER_AGAIN):
            refuse(machine, code=code, first=number, last=last)

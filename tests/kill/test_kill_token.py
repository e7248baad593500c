"""Power fails while a token of LicenseAuth gives way to a new one: the one that worked stays until the new one has."""

from __future__ import annotations

import errno

import pytest

from certs.files import write_private
from device_agent.config import Secret
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.token import Token, kept_token
from device_agent.lifecycle.vault import BARE_TOKENS

from .conftest import Machine, operations

POINTS = (Point.LICENSE_AUTH_SEND, Point.LICENSE_AUTH_ANSWERED, Point.SECRET_WRITE, Point.SECRET_WRITTEN)
LAYOUTS = ("present", "older")


def kept(machine: Machine) -> Token:
    token = kept_token(machine.vault())
    assert token is not None, "V7"
    return token


def begin(machine: Machine, layout: str) -> Secret:
    """Bound, with a token that has worked; an older layout says nothing of that."""
    machine.renew()
    assert not machine.run("bind", "worked")
    token = kept(machine).token
    if layout == "older":
        folder = machine.state / "secrets"
        write_private(folder / "token", token.reveal().encode())
        write_private(folder / "token.previous", b"the one before")
        (folder / "token.json").unlink()
    (machine.folder / "log").unlink()
    return token


def check_and_go_on(machine: Machine, worked: Secret) -> None:
    """Now and after one more renewal, which nobody has used either."""
    machine.check()
    assert machine.record().record.phase is Phase.BOUND
    assert worked in kept(machine).to_try, "R5"
    before = kept(machine).token
    assert not machine.run("refresh")
    renewed = kept(machine)
    assert renewed.token not in (worked, before)
    assert renewed.before in (worked, before), "what was kept before, or what worked"
    assert not any((machine.state / "secrets" / name).exists() for name in BARE_TOKENS)
    assert not machine.run("worked")
    assert kept(machine).to_try == (renewed.token,)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_point_of_a_renewal(machine: Machine, point: Point, layout: str) -> None:
    for occurrence in range(1, 9):
        worked = begin(machine, layout)
        if not machine.run("refresh", kill={"point": point.value, "from": occurrence}):
            assert occurrence > 1, "the point was never passed"
            break
        check_and_go_on(machine, worked)
    machine.finish()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("lose", [None, "old", "zeros", "half", "some"])
def test_killed_before_every_operation_of_a_renewal(machine: Machine, layout: str, lose: str | None) -> None:
    begin(machine, layout)
    assert not machine.run("refresh")
    last = operations(machine.lines())
    assert last >= 8
    for number in range(1, last + 1):
        worked = begin(machine, layout)
        first = {"lose": f"some:{number}" if lose == "some" else lose} if lose else {}
        assert machine.run("refresh", kill={"op": number, **first}), number
        if lose:
            machine.restore_what_was_sure()
        check_and_go_on(machine, worked)
    machine.finish()


@pytest.mark.parametrize("act", ["worked", "rejected"])
def test_killed_while_it_is_written_down_what_became_of_a_token(machine: Machine, act: str) -> None:
    begin(machine, "present")
    assert not machine.run("refresh")
    (machine.folder / "log").unlink()
    assert not machine.run(act)
    for number in range(1, operations(machine.lines()) + 1):
        worked = begin(machine, "present")
        assert not machine.run("refresh")
        new = kept(machine).token
        (machine.folder / "log").unlink()
        assert machine.run(act, kill={"op": number})
        assert kept(machine).token == new
        assert kept(machine).worked or worked in kept(machine).to_try
        machine.check()
    machine.finish()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
def test_a_disk_that_refuses_a_token(machine: Machine, layout: str, code: int) -> None:
    begin(machine, layout)
    assert not machine.run("refresh")
    for number in range(1, operations(machine.lines()) + 1):
        worked = begin(machine, layout)
        assert not machine.run("refresh", kill={"errno": code, "from": number, "until": 10_000})
        check_and_go_on(machine, worked)
    machine.finish()

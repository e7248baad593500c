"""Power fails in the life of a device without an access key: while it enrols, renews, borrows credentials, is revoked.

Its enrolment secret works once, so a certificate that was issued and lost would end the device's life.
"""

from __future__ import annotations

import pytest

from certs.lineage import Lineage
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.vault import Vault

from .conftest import MANAGED_LIFE, Machine, live_and_die, operations, passed

OWN = [point for point in Point if point.value.startswith("certificate.")]


def check(machine: Machine) -> None:
    """The rules of every life, and: a device that was enrolled has a certificate and key that fit."""
    machine.check()
    if machine.record().record.phase in (Phase.BOUND, Phase.READY):
        assert Lineage(root=Vault(machine.state).identity_folder).current() is not None, "V7"


def finish(machine: Machine) -> None:
    """To the end of its life, with the same secret and nobody's help; the office unbinds, and revokes."""
    assert machine.office is not None
    machine.finish()
    assert machine.record().record.phase is Phase.DECOMMISSIONED
    assert machine.harness.calls(operation="ClientUnbindDevice") == []


def test_every_point_is_passed_by_one_of_the_two_lives(managed: Machine) -> None:
    managed.renew()
    finish(managed)
    assert passed(managed.lines()) >= {point.value for point in OWN}


@pytest.mark.parametrize("point", [*OWN, Point.SECRET_WRITE, Point.CLIENT_UNBIND_DEVICE_SEND,
                                   Point.CLIENT_UNBIND_DEVICE_ANSWERED])  # fmt: skip
def test_killed_once_and_for_ever_at_each_of_its_points(managed: Machine, point: Point) -> None:
    for occurrence in range(1, 9):
        managed.renew()
        if not live_and_die(managed, {"point": point.value, "from": occurrence}, life=MANAGED_LIFE):
            assert occurrence > 1, "the point was never passed"
            break
        check(managed)
        finish(managed)
    managed.renew()
    for _ in range(3):
        live_and_die(managed, {"point": point.value}, life=MANAGED_LIFE)
        check(managed)
    finish(managed)


def test_killed_before_operations_of_disk_and_network(managed: Machine) -> None:
    """Every seventh operation here, each one in the slow suite."""
    everywhere(managed, step=7)


@pytest.mark.slow
def test_killed_before_every_operation_of_disk_and_network(managed: Machine) -> None:
    everywhere(managed, step=1)


def everywhere(machine: Machine, *, step: int) -> None:
    machine.renew()
    assert not machine.run(*MANAGED_LIFE)
    last = operations(machine.lines())
    assert last > 120
    for number in range(1, last + 1, step):
        machine.renew()
        assert machine.run(*MANAGED_LIFE, kill={"op": number}), number
        check(machine)
        finish(machine)


@pytest.mark.parametrize("lose", ["old", "zeros", "some"])
def test_what_was_not_synced_is_lost(managed: Machine, lose: str) -> None:
    managed.renew()
    assert not managed.run(*MANAGED_LIFE)
    for number in range(1, operations(managed.lines()) + 1, 23):
        managed.renew()
        how = f"some:{number}" if lose == "some" else lose
        assert managed.run(*MANAGED_LIFE, kill={"op": number, "lose": how})
        managed.restore_what_was_sure()
        managed.check()
        finish(managed)

"""Power fails while a signed order is fetched, believed and carried out: it is carried out, once, or never taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from certs.signed import unverified
from device_agent.lifecycle.machine import LEAVING, Phase
from device_agent.lifecycle.points import Point

from . import test_kill, test_kill_managed, test_kill_rooted, test_kill_sealed
from .conftest import Machine, operations

OWN = [point for point in Point if point.value.startswith("order.")]


@pytest.fixture
def ordered(managed: Machine) -> Iterator[Callable[[], Machine]]:
    """Makes it a new machine that obeys signed orders, which headquarters has taken out, as its order says."""
    office = managed.office
    assert office is not None

    def anew() -> Machine:
        office.office.remove(managed.device_id, removed=False)
        managed.overrides |= {"order_keys": str(office.order_keys), "order_url": office.order_url}
        managed.renew()
        return managed

    yield anew
    office.office.remove(managed.device_id, removed=False)
    for name in ("order_keys", "order_url"):
        managed.overrides.pop(name, None)


def bind_and_take_out(machine: Machine) -> str:
    """A bound device that headquarters then takes out; the id of the order."""
    assert machine.office is not None
    assert not machine.run("bind", "start", "fetch")
    machine.office.office.remove(machine.device_id, removed=True)
    payload, _signers = unverified(machine.office.office.order(machine.device_id), longest=16384)
    return str(json.loads(payload)["id"])


def leave_and_die(machine: Machine, kill: dict[str, object]) -> bool:
    """The order is fetched and carried out, with one failure of power; whether it was killed."""
    if machine.run("obey", "unbind", kill=kill):
        return True
    machine.pass_the_window()
    return machine.run("unbind", kill=kill)


def check(machine: Machine, order_id: str) -> None:
    """The order and its being used up are one: there is no moment with one of them alone."""
    record = machine.record().record
    leaves = record.phase in LEAVING or record.phase is Phase.DECOMMISSIONED
    assert leaves == (order_id in record.orders)
    assert leaves or record.phase is Phase.READY
    if record.phase in LEAVING and record.unbind is not None:
        assert record.unbind.by == "headquarters"


def finish(machine: Machine, order_id: str) -> None:
    assert not machine.run("obey", "unbind")
    machine.pass_the_window()
    assert not machine.run("unbind")
    assert machine.record().record.phase is Phase.DECOMMISSIONED
    check(machine, order_id)
    machine.check_erased()


def replay(machine: Machine, order_id: str) -> None:
    """Bound anew on the same disk, the device is offered the order that removed it."""
    assert machine.office is not None
    machine.office.office.remove(machine.device_id, removed=False)
    machine.secret = machine.office.office.invite(machine.device_id)
    assert not machine.run("bind", "start", "fetch")
    machine.office.office.remove(machine.device_id, removed=True)
    machine.harness.rules(removed="replayed")
    try:
        assert not machine.run("obey")
    finally:
        machine.harness.rules(removed="signed")
    assert machine.lines()[-2] == "refused order.replayed"
    assert machine.record().record.phase is Phase.READY
    assert machine.record().record.orders == (order_id,)


def test_every_point_of_the_program_is_passed_by_one_of_the_lives() -> None:
    assert {*test_kill.POINTS, *test_kill_managed.OWN, *test_kill_sealed.OWN, *test_kill_rooted.OWN, *OWN} == set(Point)


@pytest.mark.parametrize(
    "point", [*OWN, Point.RECORD_WRITE, Point.RECORD_WRITTEN, Point.CLIENT_UNBIND_DEVICE_SEND,
              Point.CLIENT_UNBIND_DEVICE_ANSWERED, Point.ERASE_CONTENT, Point.ERASE_SECRETS, Point.ERASE_RECORD]
)  # fmt: skip
def test_killed_once_and_for_ever_at_each_of_its_points(ordered: Callable[[], Machine], point: Point) -> None:
    for occurrence in range(1, 9):
        machine = ordered()
        order_id = bind_and_take_out(machine)
        killed = leave_and_die(machine, {"point": point.value, "from": occurrence})
        check(machine, order_id)
        finish(machine, order_id)
        replay(machine, order_id)
        if not killed:
            assert occurrence > 1, "the point was never passed"
            break
    machine = ordered()
    order_id = bind_and_take_out(machine)
    for _ in range(3):
        leave_and_die(machine, {"point": point.value})
        check(machine, order_id)
    finish(machine, order_id)


@pytest.mark.parametrize("lose", ["", "old", "zeros", "some"])
def test_killed_before_operations_and_what_was_not_synced_is_lost(ordered: Callable[[], Machine], lose: str) -> None:
    machine = ordered()
    bind_and_take_out(machine)
    (machine.folder / "log").unlink()
    assert not machine.run("obey", "unbind")
    last = operations(machine.lines())
    assert last > 20
    for number in range(1, last + 1, 5):
        machine = ordered()
        order_id = bind_and_take_out(machine)
        how = {"lose": f"some:{number}" if lose == "some" else lose} if lose else {}
        assert machine.run("obey", "unbind", kill={"op": number, **how})
        if lose:
            machine.restore_what_was_sure()
        check(machine, order_id)
        finish(machine, order_id)

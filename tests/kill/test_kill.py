"""Power fails at every durable write and around every remote act, once and for ever; then the device lives on."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point

from .conftest import LIFE, Machine, live_and_die, operations, passed

RULES = {
    "repeat": ("free", "counted"),
    "full_and_bound": ("admitted", "refused"),
    "after_unbind": ("allowed", "refused"),
    "unknown_unbind": ("ok", "error"),
}
POINTS = [point for point in Point if not point.value.startswith(("certificate.", "order.", "key.", "root."))]
"""Those of a life with an access key; the others have files of their own: managed, ordered, sealed, rooted."""

OTHER = {name: answers[1] for name, answers in RULES.items()}


def test_every_point_of_the_program_is_passed(whole_life: Callable[[], list[str]]) -> None:
    assert passed(whole_life()) == {point.value for point in POINTS}


def test_nothing_leaves_before_the_id_is_durable(whole_life: Callable[[], list[str]]) -> None:
    """V3: the record with the id is written, synced and renamed, and its folder synced, before the first byte."""
    until_sent = list(itertools.takewhile(lambda line: "net.before" not in line, whole_life()))
    assert "point record.written#1" in until_sent
    names = [line.split()[-1] for line in until_sent if line.startswith("op ")]
    written = names.index("rename")
    assert names[written - 1] == "fsync"
    assert names[written + 1] == "fsync"


@pytest.mark.parametrize("point", POINTS)
def test_killed_once_at_each_named_point(machine: Machine, point: Point) -> None:
    for occurrence in range(1, 12):
        machine.renew()
        if not live_and_die(machine, {"point": point.value, "from": occurrence}):
            assert occurrence > 1, "the point was never passed"
            break
        machine.check()
        machine.finish()


@pytest.mark.parametrize("point", POINTS)
def test_killed_for_ever_at_each_named_point(machine: Machine, point: Point) -> None:
    machine.renew()
    for _ in range(3):
        live_and_die(machine, {"point": point.value})
        machine.check()
    machine.finish()


@pytest.mark.parametrize("point", [point for point in POINTS if point.value.endswith((".send", ".answered", ".write"))])
def test_killed_with_the_platform_s_other_answers(machine: Machine, point: Point) -> None:
    """Every open question answered the other way: repeats are counted, so there may be more seats until the unbind."""
    machine.renew(**OTHER)
    live_and_die(machine, {"point": point.value})
    machine.check(one_seat=False)
    machine.finish(one_seat=False)


@pytest.mark.parametrize("part", range(4))
def test_killed_before_every_operation_of_disk_and_network(
    machine: Machine, whole_life: Callable[[], list[str]], part: int
) -> None:
    """Below the named points: each fsync, rename, unlink, mkdir, and each piece sent, in a first life."""
    machine.renew()
    machine.run(*LIFE)
    last = operations(machine.lines())
    assert last > 60
    for number in range(1 + part, last + 1, 4):
        machine.renew()
        assert machine.run(*LIFE, kill={"op": number}), number
        machine.check()
        machine.finish()


@pytest.mark.slow
@pytest.mark.parametrize("answers", list(itertools.product(*RULES.values())), ids="-".join)
def test_killed_everywhere_with_every_answer(machine: Machine, answers: tuple[str, ...]) -> None:
    rules = dict(zip(RULES, answers, strict=True))
    one_seat = rules["repeat"] == "free"
    machine.renew(**rules)
    machine.run(*LIFE)
    for number in range(1, operations(machine.lines()) + 1):
        machine.renew(**rules)
        machine.run(*LIFE, kill={"op": number})
        machine.check(one_seat=one_seat)
        machine.finish(one_seat=one_seat)


@pytest.mark.parametrize("point", POINTS)
def test_the_disk_is_lost_where_the_power_failed(machine: Machine, point: Point) -> None:
    """A new image after a crash: the same id, no second seat; the second unbind waits for the first life's window."""
    machine.renew()
    live_and_die(machine, {"point": point.value})
    machine.lose_the_disk()
    machine.check()
    assert not machine.run("bind", "unbind")
    assert machine.record().record.phase is Phase.SEALING
    machine.check()
    machine.finish()


def test_a_request_that_is_served_late_takes_no_seat_for_good(machine: Machine) -> None:
    """The client gives up, the seat is given back; the request lands after that."""
    machine.renew()
    machine.harness.fault("late", on="ClientAuth", seconds=600.0)
    machine.run("bind", "unbind")
    assert machine.record().record.phase is Phase.SEALING
    assert machine.seats() == []
    assert machine.harness.deliver_late() == 1
    assert machine.seats() == [machine.device_id], "it landed after the unbind"
    machine.pass_the_window()
    assert not machine.run("unbind")
    assert machine.record().record.phase is Phase.DECOMMISSIONED
    assert machine.seats() == []


def test_killed_while_the_request_is_under_way(machine: Machine) -> None:
    """Nobody was there to see that no answer came: the intent on disk alone must make the device unbind twice."""
    machine.renew()
    machine.overrides["blank_window_s"] = "0"
    try:
        machine.run("bind")
        lines = machine.lines()
        sent = next(line for line in lines[lines.index("point ClientAuth.send#1") :] if line.endswith("net.sent"))
        machine.renew()
        machine.harness.fault("late", on="ClientAuth", seconds=600.0)
        assert machine.run("bind", kill={"op": int(sent.split()[1])})
        assert machine.record().record.phase is Phase.BINDING
        # It left before the power failed: each look lets the stand-in read on.
        assert any(machine.harness.with_world(lambda world: len(world.late)) for _ in range(100_000))
        machine.run("unbind")
        assert machine.record().record.phase is Phase.SEALING, "the first unbind came before the request was served"
        assert machine.harness.deliver_late() == 1
        assert machine.seats() == [machine.device_id]
        machine.pass_the_window()
        machine.run("unbind")
        assert machine.record().record.phase is Phase.DECOMMISSIONED
        assert machine.seats() == []
    finally:
        del machine.overrides["blank_window_s"]

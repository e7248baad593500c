"""The power fails and takes what was not synced along: names, bytes, or both."""

from __future__ import annotations

import pytest

from device_agent.lifecycle.machine import Phase

from .conftest import LIFE, Machine, operations


def fail_and_live_on(machine: Machine, *, number: int, lose: str) -> None:
    machine.renew()
    lose = f"some:{number}" if lose == "some" else lose
    assert machine.run(*LIFE, kill={"op": number, "lose": lose}), number
    machine.restore_what_was_sure()
    loaded = machine.record()
    assert loaded.blank_reason in ("", "absent"), "two generations: the one before is always whole"
    machine.check()
    machine.finish()


def length(machine: Machine) -> int:
    machine.renew()
    machine.run(*LIFE)
    return operations(machine.lines())


@pytest.mark.parametrize("lose", ["old", "zeros", "half", "some"])
def test_what_was_not_synced_is_lost(machine: Machine, lose: str) -> None:
    last = length(machine)
    for number in range(2, last + 1, 5):
        fail_and_live_on(machine, number=number, lose=lose)


@pytest.mark.slow
@pytest.mark.parametrize("lose", ["old", "zeros", "half", "some"])
def test_what_was_not_synced_is_lost_everywhere(machine: Machine, lose: str) -> None:
    for number in range(1, length(machine) + 1):
        fail_and_live_on(machine, number=number, lose=lose)


def test_a_write_that_is_not_synced_is_indeed_lost_here(machine: Machine) -> None:
    """The layer itself: just after the first record was renamed, and before its folder was synced, it is not there."""
    machine.renew()
    machine.run(*LIFE)
    names = [line.split()[-1] for line in machine.lines() if line.startswith("op ")]
    renamed = names.index("rename") + 1
    for number, phase in ((renamed + 1, Phase.BLANK), (renamed + 2, Phase.IDENTIFIED)):
        machine.renew()
        assert machine.run(*LIFE, kill={"op": number, "lose": "old"})
        machine.restore_what_was_sure()
        assert machine.record().record.phase is phase


@pytest.mark.parametrize("slots", [("state.0",), ("state.1",), ("state.0", "state.1")])
@pytest.mark.parametrize("stage", ["bind", "fetch", "unbind"])
def test_slots_full_of_zeros_in_every_stage(machine: Machine, stage: str, slots: tuple[str, ...]) -> None:
    machine.renew()
    machine.run(*LIFE[: LIFE.index(stage) + 1])
    for name in slots:
        path = machine.state / name
        path.write_bytes(bytes(path.stat().st_size))
    machine.check()
    loaded = machine.record()
    assert (loaded.blank_reason == "corrupt") is (len(slots) == 2)
    machine.finish()


@pytest.mark.parametrize("slot", ["state.0", "state.1"])
def test_a_slot_with_a_flipped_bit_leaves_no_trace_of_the_device_after_its_end(machine: Machine, slot: str) -> None:
    """What is kept aside as evidence names the device; ``finish`` looks for that name everywhere."""
    machine.renew()
    machine.run("bind", "start")
    path = machine.state / slot
    data = bytearray(path.read_bytes())
    assert machine.device_id.encode() in data
    data[-4] ^= 1
    path.write_bytes(data)
    machine.check()
    machine.finish()
    assert not list(machine.state.glob("*.bad"))

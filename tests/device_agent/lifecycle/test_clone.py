"""A copied disk is noticed, a repaired machine is not taken for another."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from device_agent.errors import LicenseRefused, StateError
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle import budget, clone
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.journal import load, opened
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.record import Bound, Contact, Content, Record

from .conftest import CODE, Kiosk

VALUES = {"board": "b", "cpu": "c", "nic": "n", "storage": "s", "machine": "m"}


def prints(**changes: str) -> tuple[str, ...]:
    values = {**VALUES, **changes}
    parts = clone.PartReaders(readers={part: lambda part=part: values[part] for part in clone.PARTS[1:]})  # type: ignore[misc]
    return clone.hw_print("ID", root=values["board"], parts=parts)


@pytest.mark.parametrize(
    ("changes", "source", "expected"),
    [
        ({}, "board", False),
        ({"nic": "x"}, "board", False),
        ({"nic": "x", "storage": "y"}, "board", False),
        ({"nic": "x", "storage": "y", "cpu": "z"}, "board", True),
        ({"board": "other"}, "board", True),
        ({"board": "other"}, "assigned", False),
        ({"board": "other", "nic": "x", "storage": "y"}, "assigned", True),
        ({"nic": "", "storage": "", "cpu": ""}, "random", True),
    ],
)
def test_three_of_five_and_the_root(changes: dict[str, str], source: str, expected: bool) -> None:
    assert clone.is_clone(prints(), prints(**changes), id_source=source) is expected


def test_a_part_that_was_never_known_does_not_count() -> None:
    few = prints(cpu="", storage="")
    assert not clone.is_clone(few, prints(cpu="new", storage="new"), id_source="random")
    assert clone.is_clone(few, prints(board="x", nic="y"), id_source="random")
    nearly_none = prints(cpu="", storage="", nic="")
    assert not clone.is_clone(nearly_none, prints(machine="x", board="y"), id_source="random"), "too little to judge by"


def test_the_hashes_tell_nothing_and_differ_by_device() -> None:
    ours = prints()
    assert not any(value in part for part in ours for value in VALUES.values() if len(value) > 1)
    theirs = clone.hw_print("OTHER", root="b", parts=clone.PartReaders())
    assert ours[0] != theirs[0]
    assert theirs[1:] == ("", "", "", "")


def test_offline_seconds_of_before_the_start_are_exact_or_the_whole_stretch() -> None:
    contact = Contact(counting_boot="this", counted_at=100.0)

    def found(boot: str, now: float) -> float:
        return budget.uncounted(contact, boot=boot, now=now, stretch_s=600.0)

    assert (found("this", 100.0), found("this", 1000.0)) == (0.0, 900.0)
    assert (found("next", 1000.0), found("this", 99.0)) == (600.0, 600.0), "nobody knows when power failed"
    assert budget.uncounted(Contact(), boot="this", now=1000.0, stretch_s=600.0) == 0.0


def test_this_machine_is_itself() -> None:
    parts = clone.system_parts()
    once, twice = (clone.hw_print("ID", root="", parts=parts) for _ in range(2))
    assert once == twice
    assert not clone.is_clone(once, twice, id_source="random")


@pytest.mark.parametrize("text", ["", "processor : 0\n"])
def test_a_processor_without_a_number(text: str) -> None:
    assert clone.cpu_number(text) == ""
    assert clone.cpu_number(text + "model name\t: Some CPU\n") == "Some CPU"
    assert clone.cpu_number("model name : x\nSerial\t\t: 10000000a3b2c1d0\n") == "10000000a3b2c1d0"


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ({}, ""),
        ({"eth0": "3c:52:82:00:00:01\n"}, "3c:52:82:00:00:01"),
        ({"docker0": "02:42:ac:11:00:02", "lo": "00:00:00:00:00:00", "tap0": "", "wlan0": "00:1b:44:11:3a:b7"},
         "00:1b:44:11:3a:b7"),
        ({"eth1": "01:00:5e:00:00:01", "eth0": "05:00:00:00:00:01"}, "05:00:00:00:00:01"),
        ({"docker0": "02:42:ac:11:00:02", "veth1": "fe:54:00:6b:3c:58", "lo": "00:00:00:00:00:00"}, ""),
        ({"eth0": "no address"}, ""),
    ],
)  # fmt: skip
def test_a_network_card_is_one_that_somebody_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, addresses: dict[str, str], expected: str
) -> None:
    """What the system makes up is another one at each start of a container, and no sign of other hardware."""
    for name, address in addresses.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "address").write_text(address, encoding="ascii")
    monkeypatch.setattr(clone, "NET_FOLDER", tmp_path)
    assert clone.system_parts().read("nic") == expected


def test_a_machine_that_says_nothing_of_its_parts_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NET_FOLDER", "BLOCK_FOLDER", "CPU_FILE", "MACHINE_ID_FILE"):
        monkeypatch.setattr(clone, name, tmp_path / "nothing")
    assert [clone.system_parts().read(part) for part in clone.PARTS] == ["", "", "", "", ""]


def test_a_disk_in_another_machine_sends_nothing(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        old = engine.record.device_id
    kiosk.serial = "board-2"
    calls = len(harness.calls())
    with kiosk.engine() as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        for act in (engine.bind, engine.start, engine.unbind, lambda: engine.abandon(keep=lambda _t: None)):
            with pytest.raises(StateError):
                act()
    assert len(harness.calls()) == calls
    with kiosk.engine() as engine:
        assert engine.accept_hardware()
        assert not engine.accept_hardware()
        assert engine.record.phase is Phase.BLANK
        engine.bind()
        assert engine.record.device_id != old
    assert sorted(str(seat["device_id"]) for seat in harness.seats()) == sorted([old, engine.record.device_id])


@pytest.mark.parametrize("phase", [Phase.UNBINDING, Phase.SEALING])
def test_a_copy_of_a_leaving_device_does_not_unbind_the_original(kiosk: Kiosk, phase: Phase) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    with opened(kiosk.folder / "state") as journal:
        record = journal.write(journal.record.moved(Event.UNBIND_ORDERED))
        if phase is Phase.SEALING:
            journal.write(record.moved(Event.UNBIND_OK_BUT_UNSURE))
    kiosk.serial = "board-2"
    with kiosk.engine() as engine, pytest.raises(StateError):
        engine.unbind()
    assert load(kiosk.folder / "state").record.phase is Phase.CLONE_SUSPECT


def test_a_repaired_machine_goes_on(kiosk: Kiosk, tmp_path: Path) -> None:
    nic = {"value": "first"}
    parts = clone.PartReaders(
        readers={"cpu": lambda: "c", "nic": lambda: nic["value"], "storage": lambda: "s", "machine": lambda: "m"}
    )
    (tmp_path / "no-serial").write_text("0", encoding="ascii")
    hardware = Hardware(serial_files=[tmp_path / "no-serial"], random_bytes=os.urandom, parts=parts)
    settings = kiosk.settings()
    from device_agent.lifecycle.engine import Engine

    with Engine.open(settings, hardware=hardware, client_options={"environ": {}}) as engine:
        engine.bind()
        assert engine.record.id_source == "random"
        assert sum(map(bool, engine.record.hw_print)) == 4
    nic["value"] = "second"
    with Engine.open(settings, hardware=hardware, client_options={"environ": {}}) as engine:
        assert engine.record.phase is Phase.BOUND


def test_the_budget_is_seconds_added_up() -> None:
    assert not budget.is_spent(10, budget_s=11)
    assert budget.is_spent(11, budget_s=11)
    assert budget.is_spent(0, budget_s=0)
    assert not budget.is_spent(99, budget_s=0, online=True)
    assert budget.alerts(0, 60, budget_s=100) == (0.5,)
    assert budget.alerts(60, 96, budget_s=100) == (0.8, 0.95)
    assert budget.alerts(96, 97, budget_s=100) == ()
    assert budget.alerts(0, 5, budget_s=0) == ()


READY = Record(
    phase=Phase.READY, device_id="d", bound=Bound(at=1.0), content=Content(active=CODE), contact=Contact(offline_s=50.0)
)


@pytest.mark.parametrize("phase", list(Phase))
def test_what_may_be_shown_in_each_phase(phase: Phase) -> None:
    record = msgspec.structs.replace(READY, phase=phase)
    in_grace = phase in (Phase.BOUND, Phase.READY, Phase.BINDING, Phase.SEAT_FULL, Phase.LICENSE_BLOCKED)
    assert budget.may_show(record, budget_s=100) is in_grace
    assert not budget.may_show(record, budget_s=50)
    assert not budget.may_show(msgspec.structs.replace(record, bound=None), budget_s=100)


def test_a_spent_budget_locks_and_one_licensed_call_unlocks(kiosk: Kiosk) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
    with opened(kiosk.folder / "state") as journal:
        spent = msgspec.structs.replace(journal.record.contact, offline_s=8 * 86400.0)
        journal.write(journal.record.moved(Event.BUDGET_SPENT, contact=spent))
    with pytest.raises(LicenseRefused, match="offline for longer"):
        open_avatar(kiosk.settings(), CODE)
    with kiosk.engine() as engine:
        engine.start()
        assert engine.record.phase is Phase.READY
        assert engine.record.contact.offline_s == 0
    assert open_avatar(kiosk.settings(), CODE)

"""The offline budget as the display sees it: with the agent counting, after its death, and over a start."""

from __future__ import annotations

from dataclasses import dataclass

from device_agent.display.silence import LONGEST_SILENCE_S, Silence
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Bound, Contact, Content, Record
from device_agent.service.pace import KEEP_S

WEEK = 604800.0


@dataclass
class Time:
    now: float = 1000.0

    def steady(self) -> float:
        return self.now


def ready(**contact: float | str) -> Record:
    return Record(
        phase=Phase.READY, bound=Bound(at=1.0), content=Content(active="a"),
        contact=Contact(**contact),  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_the_agent_counts_goes_on_between_its_writes() -> None:
    time = Time()
    silence = Silence(boot="b", steady=time.steady)
    record = ready(last_ok=5.0, offline_s=WEEK - 100.0, counting_boot="b", counted_at=990.0)
    assert silence.offline_s(record) == WEEK - 90.0
    assert silence.may_show(record, budget_s=WEEK)
    time.now += 91.0
    assert not silence.may_show(record, budget_s=WEEK), "the agent has not written since: it may be dead"
    assert silence.spent(record, budget_s=WEEK)


def test_a_start_of_the_machine_costs_a_stretch_and_is_counted_on() -> None:
    time = Time()
    silence = Silence(boot="another", steady=time.steady)
    record = ready(offline_s=50.0, counting_boot="b", counted_at=99999.0)
    assert silence.offline_s(record) == 50.0 + KEEP_S
    time.now += 70.0
    assert silence.offline_s(record) == 50.0 + KEEP_S + 70.0


def test_an_agent_that_dies_while_online_is_noticed() -> None:
    time = Time()
    silence = Silence(boot="b", steady=time.steady)
    record = ready(last_ok=5.0)
    assert silence.offline_s(record) == 0.0
    time.now += LONGEST_SILENCE_S
    assert silence.offline_s(record) == 0.0, "an agent that was asked for patience calls that seldom"
    time.now += WEEK
    assert not silence.may_show(record, budget_s=WEEK)
    again = ready(last_ok=6.0)
    assert silence.may_show(again, budget_s=WEEK), "it lives"


def test_without_a_budget_only_what_was_heard_counts() -> None:
    time = Time()
    silence = Silence(boot="b", steady=time.steady)
    assert not silence.may_show(ready(last_ok=5.0), budget_s=0.0), "that may be yesterday's"
    assert silence.may_show(ready(last_ok=6.0), budget_s=0.0), "a licensed call succeeded just now"
    lost = ready(last_ok=6.0, counting_boot="b", counted_at=1000.0)
    assert not silence.may_show(lost, budget_s=0.0)


def test_a_device_that_never_held_a_seat_has_spent_nothing() -> None:
    silence = Silence(boot="b", steady=Time().steady)
    blank = Record()
    assert not silence.spent(blank, budget_s=0.0)
    assert not silence.may_show(blank, budget_s=WEEK)
    assert silence.spent(Record(phase=Phase.LOCKED), budget_s=WEEK)

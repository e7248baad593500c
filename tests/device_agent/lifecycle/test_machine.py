"""The table of transitions as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.errors import StateError
from device_agent.lifecycle.diagram import page
from device_agent.lifecycle.machine import HOLDS_SEAT, LEAVING, NEXT, TRANSITIONS, Act, Event, Phase, after

OUTSIDE = {Event.HARDWARE_CHANGED, Event.HARDWARE_ACCEPTED, Event.STORAGE_LOST, Event.STORAGE_HEALED}


def reachable(start: Phase, *, without: set[Event] = frozenset()) -> set[Phase]:  # type: ignore[assignment]
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for (source, event), target in TRANSITIONS.items():
            if source is here and event not in without and target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def test_every_phase_and_every_event_is_in_the_table() -> None:
    assert {phase for pair, target in TRANSITIONS.items() for phase in (pair[0], target)} == set(Phase)
    assert {event for _, event in TRANSITIONS} == set(Event)


def test_a_blank_device_can_become_anything() -> None:
    assert reachable(Phase.BLANK) == set(Phase)


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.FAULT}))
def test_from_every_phase_a_device_can_be_ready_again(phase: Phase) -> None:
    assert Phase.READY in reachable(phase)


def test_a_seat_is_never_forgotten_without_giving_it_back() -> None:
    """From a phase that may hold a seat, erasing is only reached through an unbind that was answered."""
    answered = {Event.UNBIND_OK, Event.UNBIND_OK_BUT_UNSURE, Event.SEAT_ABANDONED}
    for phase in HOLDS_SEAT | {Phase.BINDING, Phase.UNBINDING, Phase.SEALING}:
        within = reachable(phase, without=answered | OUTSIDE)
        assert Phase.ERASING not in within
        assert Phase.DECOMMISSIONED not in within


def test_a_device_on_its_way_out_never_turns_back() -> None:
    for phase in LEAVING:
        on_the_way = reachable(phase, without={Event.REPROVISIONED} | OUTSIDE)
        assert on_the_way <= LEAVING | {Phase.DECOMMISSIONED}


def test_what_is_not_in_the_table_is_refused() -> None:
    for phase in Phase:
        for event in Event:
            if (phase, event) in TRANSITIONS:
                assert after(phase, event) is TRANSITIONS[phase, event]
            else:
                with pytest.raises(StateError):
                    after(phase, event)


def test_every_phase_has_something_to_go_on_with() -> None:
    assert set(NEXT) == set(Phase)
    assert set(NEXT.values()) == set(Act)


def test_a_disk_from_other_hardware_sends_nothing_from_any_phase_that_would() -> None:
    sends = {Act.BIND, Act.FETCH, Act.SERVE, Act.UNBIND, Act.SEAL}
    for phase in Phase:
        if NEXT[phase] in sends:
            assert after(phase, Event.HARDWARE_CHANGED) is Phase.CLONE_SUSPECT
    assert after(Phase.CLONE_SUSPECT, Event.HARDWARE_ACCEPTED) is Phase.BLANK


def test_only_force_erases_without_an_answer() -> None:
    into_erasing = {(phase, event) for (phase, event), target in TRANSITIONS.items() if target is Phase.ERASING}
    assert into_erasing == {
        (Phase.UNBINDING, Event.UNBIND_OK),
        (Phase.UNBINDING, Event.SEAT_ABANDONED),
        (Phase.SEALING, Event.SEAT_ABANDONED),
    }


def test_the_documented_table_is_this_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "lifecycle.md").read_text(encoding="utf-8")
    between = text.split("<!-- table -->\n")[1].split("\n<!-- /table -->")[0]
    assert between == page(), "run python -m device_agent.lifecycle.diagram"
    drawn = sum(line.count(" --> ") for line in between.splitlines())
    assert drawn > 20

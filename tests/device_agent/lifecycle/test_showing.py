"""A device that is offline counts its seconds in every phase, and is locked in one."""

from __future__ import annotations

import pytest

from device_agent.lifecycle.machine import Phase

from .conftest import CODE, Kiosk


@pytest.mark.parametrize(("phase", "after"), [(Phase.BOUND, Phase.BOUND), (Phase.READY, Phase.LOCKED)])
def test_a_budget_that_is_used_up_locks_who_shows_something(kiosk: Kiosk, phase: Phase, after: Phase) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        if phase is Phase.READY:
            engine.fetch(CODE)
        engine.offline(1e9, boot="this")
        assert (engine.record.phase, engine.record.contact.offline_s) == (after, 1e9)


def test_the_avatar_before_stays_named_when_the_same_one_comes_again(kiosk: Kiosk) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        for _ in range(2):
            engine.fetch(CODE)
            assert (engine.record.content.active, engine.record.content.previous) == (CODE, "")

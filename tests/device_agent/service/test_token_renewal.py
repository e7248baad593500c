"""When another token is due; the engine is the test's. The keeper's own days with tokens are in test_keeper_token."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest

from device_agent.lifecycle.token import FIRST_GUESS_S, Token
from device_agent.secret import Secret
from device_agent.service.lines import Lines
from device_agent.service.token_renewal import EARLIEST, LATEST, TokenRenewal

from .conftest import Time


class Holding:
    """A device with a token that has just come, and has worked."""

    def __init__(self, clock: Time) -> None:
        self.now = clock.wall()
        self.token = Token(token=Secret("t"), at=self.now, worked=True)


@pytest.mark.parametrize(("rest", "times"), [(1.0, 1.0), (1.5, 1.5), (8.0, 1.0 / LATEST)])
def test_who_was_told_to_ask_less_does_and_lets_no_token_grow_too_old(rest: float, times: float) -> None:
    clock = Time()
    renewal = TokenRenewal(clock=clock, dice=lambda: 0.5, log=Lines(stream=io.StringIO()))
    engine: Any = Holding(clock)
    assert renewal.tend(engine, regular=True, returned=False, rest=rest) is None
    due_s = renewal.comes_at(math.inf) - clock.steady()
    assert due_s == pytest.approx((EARLIEST + LATEST) / 2.0 * FIRST_GUESS_S * times)
    assert due_s < FIRST_GUESS_S


def test_a_token_that_is_fresh_outlives_an_outage() -> None:
    clock = Time()
    renewal = TokenRenewal(clock=clock, dice=lambda: 0.5, log=Lines(stream=io.StringIO()))
    engine: Any = Holding(clock)
    renewal.tend(engine, regular=True, returned=False, rest=1.0)
    due = renewal.comes_at(math.inf)
    clock.sleep(600)
    renewal.tend(engine, regular=True, returned=True, rest=1.0)
    assert renewal.comes_at(math.inf) == due

"""Whose word on the time is believed, and how often it has to be said."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from device_agent.api.exchange import Answer
from device_agent.api.skew import EARLIEST, LARGE_S, SLOWEST_S, ServerClock

from .conftest import NOW, FakeClock


def answer(offset_s: float, *, elapsed_s: float = 0.0, **headers: str) -> Answer:
    date = format_datetime(datetime.fromtimestamp(NOW + offset_s, tz=UTC), usegmt=True)
    return Answer(status=200, headers={"date": date, **headers}, body=b"", elapsed_s=elapsed_s)


def test_a_small_change_is_believed_at_once_and_a_large_one_when_two_agree() -> None:
    clock = ServerClock(FakeClock())
    assert clock.learn(answer(600), clock_refused=False)
    assert clock.offset_s == pytest.approx(600, abs=1)
    assert not clock.learn(answer(600 + 2 * LARGE_S), clock_refused=False)
    assert not clock.learn(answer(600 + 4 * LARGE_S), clock_refused=False), "they do not agree"
    assert clock.offset_s == pytest.approx(600, abs=1)
    assert clock.learn(answer(630 + 4 * LARGE_S), clock_refused=False)
    assert clock.offset_s == pytest.approx(630 + 4 * LARGE_S, abs=1)
    assert clock.learn(answer(0), clock_refused=True), "the platform complained about the time"
    assert clock.offset_s == 0.0


@pytest.mark.parametrize("elapsed_s", [SLOWEST_S + 0.1, math.inf, -math.inf, math.nan])
def test_an_answer_that_took_who_knows_how_long_tells_no_time(elapsed_s: float) -> None:
    clock = ServerClock(FakeClock())
    assert not clock.learn(answer(600, elapsed_s=elapsed_s), clock_refused=True)
    assert clock.offset_s == 0.0


def test_a_copy_out_of_a_cache_tells_no_time() -> None:
    assert not ServerClock(FakeClock()).learn(answer(600, age="1"), clock_refused=True)


@pytest.mark.parametrize("wall", [math.inf, math.nan, 1e20, -1e20])
def test_a_clock_that_shows_nonsense_still_gives_a_time(wall: float) -> None:
    """It is for signing the call whose answer corrects it."""
    assert ServerClock(FakeClock(), offset_s=wall).now() == datetime.fromtimestamp(EARLIEST, tz=UTC)

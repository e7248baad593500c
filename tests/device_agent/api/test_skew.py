"""The platform's time from its answers: what is believed at once, what only when two agree, and what never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from device_agent.api.exchange import Answer
from device_agent.api.skew import AGREE_S, EARLIEST, LARGE_S, SLOWEST_S, ServerClock, date_seconds

NOW = datetime(2027, 5, 1, 12, tzinfo=UTC)


class Stopped:
    """A clock that stands; ``wall`` is what this device takes the time to be."""

    def __init__(self, wall: float = NOW.timestamp()) -> None:
        self.at = wall

    def wall(self) -> float:
        return self.at

    def steady(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def said(off_s: float, *, elapsed_s: float = 0.0, **headers: str) -> Answer:
    """An answer whose Date is so many seconds from now; its half second is what an HTTP date cuts off."""
    date = format_datetime(NOW + timedelta(seconds=off_s), usegmt=True)
    return Answer(status=200, headers={"date": date, **headers}, body=b"", elapsed_s=elapsed_s)


@pytest.mark.parametrize("off_s", [LARGE_S - 1, 60.0, 5.0, -5.0, -LARGE_S])
def test_a_small_difference_is_taken_from_any_answer(off_s: float) -> None:
    clock = ServerClock(Stopped())
    assert clock.learn(said(off_s), clock_refused=False)
    assert clock.offset_s == off_s + 0.5
    assert clock.now() == NOW + timedelta(seconds=off_s + 0.5)


@pytest.mark.parametrize("off_s", [LARGE_S, -LARGE_S - 100, 9e7, -9e6])
def test_a_large_one_is_taken_when_two_agree_or_when_the_platform_complains(off_s: float) -> None:
    clock = ServerClock(Stopped())
    for other in (off_s, off_s + AGREE_S + 1, off_s):
        assert not clock.learn(said(other), clock_refused=False), "no two in a row agree"
    assert clock.offset_s == 0.0
    assert clock.learn(said(off_s + AGREE_S), clock_refused=False)
    assert clock.offset_s == off_s + AGREE_S + 0.5
    clock = ServerClock(Stopped())
    assert clock.learn(said(off_s), clock_refused=True)
    assert clock.offset_s == off_s + 0.5


def test_an_answer_that_fits_makes_the_one_before_a_stray() -> None:
    clock = ServerClock(Stopped())
    assert [clock.learn(said(off), clock_refused=False) for off in (2 * LARGE_S, 0.0, 2 * LARGE_S)] == [
        False,
        True,
        False,
    ]
    assert clock.offset_s == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        said(60.0, age="1"),
        said(60.0, age="0"),
        said(60.0, elapsed_s=SLOWEST_S + 0.1),
        said(60.0, elapsed_s=float("inf")),
        said(60.0, elapsed_s=float("-inf")),
        said(60.0, elapsed_s=float("nan")),
        said(-2 * 365 * 86400),
        said(30 * 365 * 86400),
        Answer(status=200, headers={"date": "soon"}, body=b"", elapsed_s=0.0),
        Answer(status=200, headers={}, body=b"", elapsed_s=0.0),
    ],
    ids=[
        "cached",
        "from a cache",
        "slow",
        "endless",
        "backwards",
        "no number",
        "before",
        "after",
        "no date",
        "nothing",
    ],
)
def test_what_says_nothing_about_the_time_is_not_believed_even_if_the_platform_complains(answer: Answer) -> None:
    clock = ServerClock(Stopped(), offset_s=7.0)
    assert not clock.learn(answer, clock_refused=True)
    assert clock.offset_s == 7.0


def test_the_date_is_taken_to_be_from_the_middle_of_the_round_trip() -> None:
    clock = ServerClock(Stopped())
    assert clock.learn(said(60.0, elapsed_s=SLOWEST_S), clock_refused=False)
    assert clock.offset_s == 60.5 + SLOWEST_S / 2


@pytest.mark.parametrize("off_s", [-2.0, -1.0, 0.0, 1.0])
def test_the_header_s_own_vagueness_is_no_difference(off_s: float) -> None:
    clock = ServerClock(Stopped(), offset_s=30.0)
    assert clock.learn(said(off_s), clock_refused=False)
    assert clock.offset_s == 0.0


@pytest.mark.parametrize("wall", [1e18, -1e18, float("nan"), float("inf")])
def test_a_clock_that_shows_nonsense_still_gives_a_time_to_sign_with(wall: float) -> None:
    assert ServerClock(Stopped(wall)).now() == datetime.fromtimestamp(EARLIEST, tz=UTC)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 01 May 2027 12:00:00 GMT", NOW.timestamp()),
        (" Sat, 01 May 2027 12:00:00 GMT ", NOW.timestamp()),
        ("Fri, 31 Dec 2027 23:59:60 GMT", datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()),
        ("Sat, 31 Jun 2027 12:00:00 GMT", None),
        ("Sat, 01 May 2027 24:00:00 GMT", None),
        ("Sat, 01 Mai 2027 12:00:00 GMT", None),
        ("Sat, 01 May 2027 12:00:00 +0800", None),
        ("Saturday, 01-May-27 12:00:00 GMT", None),
        ("Sat May  1 12:00:00 2027", None),
    ],
)
def test_dates(date: str, expected: float | None) -> None:
    assert date_seconds(date) == expected

"""When to renew: properties over any validity, and a fleet that does not move in step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.rotation import (
    CLOCK_TOLERANCE,
    FIRST_RETRY,
    SLOWEST_RETRY,
    Standing,
    Validity,
    renewal_time,
    retry_delay,
    standing,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NINETY_DAYS = Validity(not_before=START, not_after=START + 90 * DAY)

validities = st.builds(
    lambda start, seconds: Validity(not_before=start, not_after=start + timedelta(seconds=seconds)),
    st.datetimes(datetime(1970, 1, 2), datetime(2106, 1, 1), timezones=st.just(UTC)),
    st.integers(60, 20 * 365 * 86400),
)
seeds = st.text(max_size=30)


@given(validities, seeds)
def test_the_moment_is_around_half_of_the_lifetime(validity: Validity, seed: str) -> None:
    part = (renewal_time(validity, seed=seed) - validity.not_before) / validity.lifetime
    assert 0.4 - 1e-6 <= part <= 0.6 + 1e-6


@given(validities, seeds, st.floats(-1, 3))
def test_each_time_has_one_standing_and_they_come_in_order(validity: Validity, seed: str, part: float) -> None:
    now = validity.not_before + validity.lifetime * part
    found = standing(validity, seed=seed, now=now)
    if now < validity.not_before - CLOCK_TOLERANCE:
        assert found is Standing.NOT_YET_VALID
    elif now >= validity.not_after:
        assert found is Standing.EXPIRED
    elif now >= renewal_time(validity, seed=seed):
        assert found is Standing.DUE
        assert part >= 0.4 - 1e-6
    else:
        assert found is Standing.FRESH
        assert part <= 0.6 + 1e-6


def test_the_edges() -> None:
    moment = renewal_time(NINETY_DAYS, seed="kiosk-1")
    second = timedelta(seconds=1)
    for now, expected in (
        (START - CLOCK_TOLERANCE - second, Standing.NOT_YET_VALID),
        (START - CLOCK_TOLERANCE, Standing.FRESH),
        (moment - second, Standing.FRESH),
        (moment, Standing.DUE),
        (NINETY_DAYS.not_after - second, Standing.DUE),
        (NINETY_DAYS.not_after, Standing.EXPIRED),
    ):
        assert standing(NINETY_DAYS, seed="kiosk-1", now=now) is expected
        assert standing(NINETY_DAYS, seed="kiosk-1", now=now.astimezone(timezone(timedelta(hours=9)))) is expected


def test_the_moment_is_the_same_after_every_restart_and_another_for_the_next_certificate() -> None:
    moment = renewal_time(NINETY_DAYS, seed="kiosk-1")
    assert moment == renewal_time(NINETY_DAYS, seed="kiosk-1")
    assert moment == datetime(2026, 2, 14, 10, 52, 1, 772813, tzinfo=UTC)
    later = Validity(not_before=START + DAY, not_after=START + 91 * DAY)
    assert renewal_time(later, seed="kiosk-1") != moment + DAY


def test_a_fleet_that_enrolled_together_does_not_renew_together() -> None:
    """1,000 devices, 90 days: the busiest of the 18 days of the window stays below twice the mean."""
    days = [(renewal_time(NINETY_DAYS, seed=f"kiosk-{n}") - START).days for n in range(1000)]
    counts = [days.count(day) for day in range(36, 54)]
    assert sum(counts) == 1000
    assert max(counts) < 2 * 1000 / 18
    assert min(counts) > 0


@given(validities, st.integers(1, 10_000), st.floats(0, 0.999), st.floats(-0.5, 2))
def test_retries_are_bounded_and_there_is_always_another_before_the_end(
    validity: Validity, failures: int, part: float, at: float
) -> None:
    now = validity.not_before + validity.lifetime * at
    delay = retry_delay(validity, failures=failures, now=now, part=part)
    assert FIRST_RETRY / 2 <= delay <= SLOWEST_RETRY
    left = validity.not_after - now
    if left > FIRST_RETRY:
        assert now + delay < validity.not_after


def test_retries_double_and_then_shrink_towards_the_end() -> None:
    early = START + 45 * DAY
    delays = [retry_delay(NINETY_DAYS, failures=n, now=early, part=0.0) for n in range(1, 14)]
    assert delays[:4] == [timedelta(seconds=s) for s in (30, 60, 120, 240)]
    assert delays[-1] == SLOWEST_RETRY / 2
    late = NINETY_DAYS.not_after - timedelta(hours=8)
    assert retry_delay(NINETY_DAYS, failures=99, now=late, part=0.0) == timedelta(minutes=30)
    assert retry_delay(NINETY_DAYS, failures=99, now=NINETY_DAYS.not_after, part=0.0) == SLOWEST_RETRY / 2


def test_nonsense_is_refused() -> None:
    for call in (
        lambda: Validity(not_before=START, not_after=START),
        lambda: Validity(not_before=START.replace(tzinfo=None), not_after=START + DAY),
        lambda: retry_delay(NINETY_DAYS, failures=0, now=START, part=0),
        lambda: retry_delay(NINETY_DAYS, failures=1, now=START, part=1),
    ):
        with pytest.raises(ValueError, match=r"zone|ends after|failures"):
            call()

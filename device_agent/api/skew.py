"""How far this device's clock is from the platform's; used for signing only, the system clock is never set."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from device_agent.api.exchange import Answer
from device_agent.clock import Clock

EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2046, 1, 1, tzinfo=UTC).timestamp()
"""A Date outside these years says nothing about the time."""

SLOWEST_S = 30.0
"""An answer that took longer is too vague."""

LARGE_S = 3600.0
"""A change above this needs a second answer that agrees, unless the platform complained about the time."""

AGREE_S = 60.0

_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

LEAST_S = 2.0
"""A smaller offset is the header's own vagueness (whole seconds) and counts as none."""


class ServerClock:
    """The platform's time as far as it is known."""

    def __init__(self, clock: Clock, *, offset_s: float = 0.0) -> None:
        self._clock = clock
        self._offset_s = offset_s
        self._candidate_s: float | None = None

    @property
    def offset_s(self) -> float:
        """Seconds to add to this device's clock."""
        return self._offset_s

    def now(self) -> datetime:
        """The platform's time, UTC."""
        try:
            return datetime.fromtimestamp(self._clock.wall() + self._offset_s, tz=UTC)
        except (OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(EARLIEST, tz=UTC)  # the device's clock shows nonsense; learn from the answer

    def learn(self, answer: Answer, *, clock_refused: bool) -> bool:
        """Take the offset from an answer's Date header; whether the offset is now known to fit.

        Answers from a cache (Age), slow answers and implausible dates are not believed.
        """
        offset = self._measured(answer)
        if offset is None:
            return False
        change = abs(offset - self._offset_s)
        if clock_refused or change <= LARGE_S:
            self._offset_s, self._candidate_s = offset, None
            return True
        if self._candidate_s is not None and abs(offset - self._candidate_s) <= AGREE_S:
            self._offset_s, self._candidate_s = offset, None
            return True
        self._candidate_s = offset
        return False

    def _measured(self, answer: Answer) -> float | None:
        if "age" in answer.headers or answer.elapsed_s > SLOWEST_S or not math.isfinite(answer.elapsed_s):
            return None
        seconds = date_seconds(answer.headers.get("date", ""))
        if seconds is None or not EARLIEST <= seconds <= LATEST:
            return None
        # The Date was written about half the round trip before now, and its fraction of a second was cut off.
        offset = seconds + 0.5 - (self._clock.wall() - answer.elapsed_s / 2)
        return offset if abs(offset) >= LEAST_S else 0.0


def date_seconds(date: str) -> float | None:
    """Seconds since 1970 of an HTTP date (RFC 9110, 5.6.7, the one form that servers may send); ``None`` for another.

    Read here because the standard library's reader of mail dates takes as long to load as a whole family of operations.
    """
    found = _DATE.fullmatch(date.strip())
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp()
    except ValueError:  # no such day
        return None

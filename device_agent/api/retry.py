"""When to try again: a pure function of what happened."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from device_agent.api.skew import date_seconds


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt ended in.

    Attributes:
        passing: trying again can help.
        maybe_served: the platform may have done what was asked.
        advised_s: seconds that the platform asked to wait; ``None`` when it did not say.
        least_s: shortest wait the platform's documents advise for this failure.
    """

    passing: bool
    maybe_served: bool
    advised_s: float | None = None
    least_s: float = 0.0


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential backoff with full jitter.

    Attributes:
        attempts: attempts altogether, the first included.
        first_s: upper end of the first wait.
        least_s: shortest wait, whatever the dice say.
        cap_s: upper end of any wait; also the longest advice that is followed, beyond it the error is told at once.
        repeat_unsafe: repeat also what may be done twice.
        only_unserved: repeat nothing that may have been served, harmless or not: the caller wants to know of it.
    """

    attempts: int = 3
    first_s: float = 0.5
    least_s: float = 0.0
    cap_s: float = 20.0
    repeat_unsafe: bool = False
    only_unserved: bool = False

    def wait(self, failure: Failure, *, attempt: int, repeatable: bool, dice: float) -> float | None:
        """Seconds to wait before the next attempt; ``None`` to give up.

        Args:
            attempt: number of the attempt that failed, from 1.
            repeatable: whether the request may be served twice.
            dice: a random number in [0, 1).
        """
        if attempt >= self.attempts or not failure.passing:
            return None
        if failure.maybe_served and (self.only_unserved or not (repeatable or self.repeat_unsafe)):
            return None
        if failure.advised_s is not None:
            if failure.advised_s > self.cap_s:
                return None
            # A little above the advice, so that a fleet that got the same advice does not come back as one.
            return max(self.least_s, failure.advised_s + dice * self.first_s)
        return max(self.least_s, failure.least_s, dice * min(self.cap_s, self.first_s * 2.0 ** (attempt - 1)))


NEVER = RetryPolicy(attempts=1)
"""One attempt and no more."""


def advised_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: ``Retry-After`` in seconds or as a date, ``x-acs-retry-after`` in
    milliseconds. A date counts from the answer's own ``Date`` (RFC 9110, 10.2.3): this device's clock may be wrong.
    """
    for name, per_second in (("x-acs-retry-after", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdigit():
            return int(text[:12]) / per_second
    until, said = (date_seconds(headers.get(name, "")) for name in ("retry-after", "date"))
    return max(0.0, until - said) if until is not None and said is not None and "age" not in headers else None

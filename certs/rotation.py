"""When to renew a certificate: pure functions of the time, the certificate's validity and the device's own seed.

A fleet that enrolled together must not renew together, so each device has its own moment around half of the lifetime.
The moment is derived, not drawn: the same device and certificate give the same one after every restart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

HALF_LIFE = 0.5
JITTER = 0.1
"""Part of the lifetime by which the moment moves at most, to either side."""

FIRST_RETRY = timedelta(minutes=1)
SLOWEST_RETRY = timedelta(hours=12)
CLOCK_TOLERANCE = timedelta(hours=1)


class Standing(Enum):
    """What the certificate's validity says at a time."""

    FRESH = "fresh"
    DUE = "due"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    """The certificate starts in the future by more than clocks differ: the clock is wrong, and nothing is renewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """When a certificate is valid; both times with their zone."""

    not_before: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        if self.not_before.tzinfo is None or self.not_after.tzinfo is None:
            raise ValueError("a certificate's times need a zone")
        if self.not_after <= self.not_before:
            raise ValueError("a certificate ends after it starts")

    @property
    def lifetime(self) -> timedelta:
        return self.not_after - self.not_before


def validity_of(certificate: x509.Certificate) -> Validity:
    """When a certificate is valid."""
    return Validity(not_before=certificate.not_valid_before_utc, not_after=certificate.not_valid_after_utc)


def renewal_time(validity: Validity, *, seed: str) -> datetime:
    """The moment from which this device renews: half of the lifetime, moved by up to a tenth of it to either side.

    Args:
        seed: what tells devices apart, for example the device id.
    """
    facts = f"{seed}\n{validity.not_before.timestamp():.0f}\n{validity.not_after.timestamp():.0f}"
    part = int.from_bytes(hashlib.sha256(facts.encode()).digest()[:8], "big") / 2**64
    return validity.not_before + validity.lifetime * (HALF_LIFE + JITTER * (2 * part - 1))


def standing(validity: Validity, *, seed: str, now: datetime) -> Standing:
    """Whether to renew now."""
    if now < validity.not_before - CLOCK_TOLERANCE:
        return Standing.NOT_YET_VALID
    if now >= validity.not_after:
        return Standing.EXPIRED
    return Standing.DUE if now >= renewal_time(validity, seed=seed) else Standing.FRESH


def retry_delay(validity: Validity, *, failures: int, now: datetime, part: float) -> timedelta:
    """How long to wait after the renewal has failed ``failures`` times in a row.

    The wait doubles from a minute, and shrinks again as the end comes near: never more than an eighth of the time that
    is left, so that there are always more tries. After the end it is the slowest wait at most.

    Args:
        part: a random number in [0, 1): the wait is spread over its upper half, so that a fleet does not move in step.
    """
    if failures < 1 or not 0 <= part < 1:
        raise ValueError("failures start at 1, and part is in [0, 1)")
    longest = min(FIRST_RETRY * (1 << min(failures - 1, 20)), SLOWEST_RETRY)
    left = validity.not_after - now
    if left > timedelta(0):
        longest = min(longest, max(left / 8, FIRST_RETRY))
    return longest * (0.5 + part / 2)

"""How long to wait after each kind of failure: full jitter, so that a fleet does not come back as one.

The rows follow the causes of ``device_agent.api.causes``. ``least_s`` is never undercut by chance: a refusal
that only a person can end is not asked about every minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from certs.errors import CertError, OrderError
from device_agent.api.causes import Cause, cause_of
from device_agent.errors import AgentError, LicenseRefused, NetworkError, PlatformError
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Record

CHECK_S = 1800.0
"""Seconds between two regular licensed calls while all is well."""

KEEP_S = 600.0
"""Seconds between two writes of what only counts: an SD card does not live long."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Waits between ``least_s`` and ``cap_s``; the upper end starts at ``first_s`` and doubles. Seconds."""

    first_s: float
    cap_s: float
    least_s: float = 1.0

    def wait(self, failures: int, dice: float) -> float:
        """Seconds after so many failures in a row (from 1); ``dice`` is a random number in [0, 1)."""
        top = min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return self.least_s + dice * max(0.0, top - self.least_s)


QUICK = Pace(first_s=2.0, cap_s=900.0)
SLOW = Pace(first_s=1800.0, cap_s=3600.0, least_s=900.0)
HOURLY = Pace(first_s=5400.0, cap_s=5400.0, least_s=3600.0)

PACES: Mapping[Cause, Pace] = MappingProxyType(
    {
        Cause.NET: QUICK,
        Cause.THROTTLE: Pace(first_s=60.0, cap_s=900.0, least_s=10.0),
        Cause.CAPTIVE: Pace(first_s=30.0, cap_s=900.0, least_s=5.0),
        Cause.TLS_TRUST: Pace(first_s=60.0, cap_s=900.0, least_s=30.0),
        Cause.CLOCK: Pace(first_s=60.0, cap_s=900.0, least_s=15.0),
        Cause.NONCE: QUICK,
        Cause.CRED: Pace(first_s=60.0, cap_s=900.0, least_s=30.0),
        Cause.CONFIG: HOURLY,
        Cause.SEAT: SLOW,
        Cause.BUSY: Pace(first_s=30.0, cap_s=600.0, least_s=15.0),
        Cause.EXPIRED: HOURLY,
        Cause.GONE: Pace(first_s=93600.0, cap_s=93600.0, least_s=86400.0),
        Cause.UNKNOWN: QUICK,
    }
)
"""The pace of every cause."""

LONGEST_ADVICE_S = 3600.0
"""A platform that asks for a longer rest than this is asked again after this all the same."""

STORAGE = ("file.full", "file.read_only", "file.failed", "file.denied")
"""Codes by which a disk refuses to be written."""

RETURN_S = PACES[Cause.NET].cap_s
"""Seconds within which devices come back when the platform does. What else they have to ask then waits for this."""

MOST_SLOWER = 8.0
"""How much slower than usual a device may get that is told again and again to ask less."""

LINKS: Mapping[Cause, str] = MappingProxyType(
    {
        Cause.NET: "offline",
        Cause.TLS_TRUST: "offline",
        Cause.CAPTIVE: "degraded",
        Cause.THROTTLE: "degraded",
        Cause.BUSY: "degraded",
        Cause.NONCE: "degraded",
        Cause.CLOCK: "clock-suspect",
        Cause.CRED: "cred-blocked",
    }
)
"""What a failure says of the way to the platform; ``blocked`` for every other: it answers, and refuses this device."""


def cause_of_failure(error: AgentError | CertError) -> Cause:
    """Of any failure of a step; what is not about the platform is about this device's settings and files."""
    if isinstance(error, OrderError):
        return Cause.CRED  # whoever answers in the office's place gives nothing; headquarters has not spoken
    return cause_of(error) if isinstance(error, NetworkError | PlatformError | LicenseRefused) else Cause.CONFIG


def least_wait_in(record: Record) -> float:
    """Seconds that a device waits at least which was refused a seat, or its licence; 0 for any other."""
    if record.phase is Phase.SEAT_FULL:
        return PACES[Cause.SEAT].least_s
    if record.phase is Phase.LICENSE_BLOCKED:
        return PACES[Cause.GONE if record.blocked == "gone" else Cause.EXPIRED].least_s
    return 0.0


def wait_after(error: AgentError | CertError, *, failures: int, dice: Callable[[], float]) -> float:
    """Seconds to wait after so many failures in a row, of which this is the last; the platform's advice is followed."""
    wait = PACES[cause_of_failure(error)].wait(failures, dice())
    return max(wait, advice(error, dice=dice))


def advice(error: AgentError | CertError, *, dice: Callable[[], float]) -> float:
    """Seconds that the answer asked to wait, and a little more, so that a fleet that got the same advice does not come
    back as one; 0 for none.
    """
    advised = min(getattr(error, "advised_s", None) or 0.0, LONGEST_ADVICE_S)
    return advised * (1.0 + 0.1 * dice()) if advised else 0.0

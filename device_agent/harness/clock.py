"""The stand-in's time: a source that is passed in, a hand that moves it, and a skew that only the wire sees."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate


class HarnessClock:
    """Seconds since 1970, twice: ``now`` is what the platform lives by, ``wire`` what it believes and says.

    The two differ only while the "clock off by N" fault is set: then the ``Date`` header and the window for request
    times are wrong together, as they are on a server (or, seen from the other side, for a device) whose clock is off.
    """

    def __init__(self, *, source: Callable[[], float]) -> None:
        self._source = source
        self._moved = 0.0
        self.skew = 0.0

    def now(self) -> float:
        """Time of the platform's own life: seats, sessions, nonces, expiry."""
        return self._source() + self._moved

    def wire(self) -> float:
        """Time on the platform's wall: the ``Date`` header and the window for request times."""
        return self.now() + self.skew

    def move(self, seconds: float) -> None:
        """Let ``seconds`` pass at once; negative goes back."""
        self._moved += seconds

    @property
    def moved(self) -> float:
        """Seconds by which time was moved."""
        return self._moved

    def restart(self) -> None:
        """Back to the source's own time."""
        self._moved = 0.0
        self.skew = 0.0

    def date_header(self) -> str:
        """The wall's time as an HTTP date (RFC 9110, IMF-fixdate)."""
        return formatdate(self.wire(), usegmt=True)

"""When to come back after a connection is lost, and when being sent away means that two devices use one identity."""

from __future__ import annotations

from collections import deque

from device_agent.drive.packets import Reason

LEAST_S = 1.0
MOST_S = 300.0
SENT_AWAY_S = 60.0
"""Least wait after the platform has sent this device away, or has refused its token."""

STEADY_S = 60.0
"""A connection that lasted so long was a good one: the next wait starts from the beginning."""

KICK_OUTS = 3
KICK_OUTS_WITHIN_S = 3600.0

AT_ONCE = frozenset({Reason.HEARTBEAT_TIMEOUT, Reason.UNIT_SWITCH, Reason.SERVER_CONNECTION_CLOSED})
"""Ends after which the platform wants to be called again; any other, and those that nobody knows, send away."""


class Manners:
    """Counts what happened to one device's connections; seconds of a clock that only goes forward."""

    def __init__(self) -> None:
        self._failures = 0
        self._kick_outs: deque[float] = deque(maxlen=KICK_OUTS)

    def wait(self, *, dice: float, sent_away: bool = False) -> float:
        """Seconds until the next attempt, after one more loss: full jitter, one second to five minutes.

        Args:
            dice: a random number in [0, 1).
            sent_away: by the platform's own word, and not to come back at once: a minute at least.
        """
        self._failures += 1
        least = SENT_AWAY_S if sent_away else LEAST_S
        top = min(MOST_S, 2.0 * least * 2.0 ** min(self._failures - 1, 20))
        return least + dice * (top - least)

    def lasted(self, seconds: float) -> None:
        """A connection is over that was accepted and lasted so long."""
        if seconds >= STEADY_S:
            self._failures = 0

    def kicked_out(self, now: float) -> None:
        """Another connection with this identity has taken this one's place."""
        self._kick_outs.append(now)

    def is_doubled(self, now: float) -> bool:
        """Whether two devices seem to use one identity: three kick-outs in an hour."""
        return len(self._kick_outs) == KICK_OUTS and now - self._kick_outs[0] <= KICK_OUTS_WITHIN_S

"""When the service asks for another token of LicenseAuth. A failure costs nothing: the one that is here stays.

At half of a token's assumed life, give or take a tenth, in the step of the regular call where that fits. The device's
clock is asked about a token's age when it is first seen; from then on the clock that only goes forward counts.
"""

from __future__ import annotations

from collections.abc import Callable

from certs.errors import CertError, PrivateFileError
from device_agent.api.causes import Cause
from device_agent.clock import Clock
from device_agent.errors import AgentError, LicenseRefused
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.lifecycle.token import FIRST_GUESS_S
from device_agent.service.lines import Lines
from device_agent.service.pace import RETURN_S, STORAGE, cause_of_failure, wait_after

EARLIEST, LATEST = 0.45, 0.55
"""Parts of a token's life between which another is asked for."""

AT_MOST_EVERY_S = 60.0
"""A rejected token is replaced at once, and never more often than this."""

SPREAD_S = 1800.0
"""Seconds over which devices that come back together ask for their tokens."""


class TokenRenewal:
    """One device's token, step by step; what is remembered may be lost."""

    def __init__(self, *, clock: Clock, dice: Callable[[], float], log: Lines) -> None:
        """``dice`` gives random numbers in [0, 1)."""
        self._clock = clock
        self._dice = dice
        self._log = log
        self._seen: tuple[float | None, bool] | None = None
        self._looked = False
        self._failures = 0
        self._not_before = 0.0
        self._ripe_at = self._due_at = self._late_at = 0.0
        self._ends_at = 0.0

    def comes_at(self, regular_at: float) -> float:
        """When the next step has to come, by the clock that only goes forward: the regular call's, if that fits."""
        fits = self._ripe_at <= regular_at <= self._late_at
        return regular_at if fits else min(regular_at, self._due_at)

    @property
    def ends_at(self) -> float:
        """The end of the token's assumed life, seconds since 1970; 0 without a token."""
        return self._ends_at

    def tend(self, engine: Engine, *, regular: bool, returned: bool, rest: float) -> AgentError | CertError | None:
        """Ask for another token if it is time, of a platform that answers; what came in the way, if anything did.

        Args:
            regular: the regular call has just succeeded.
            returned: it had not succeeded before, in this process: others may come back in this moment, too.
            rest: how much slower than usual this device was told to be.

        Raises:
            LicenseRefused: the order ended, and the device has moved.
            PermissionRefused: headquarters has removed this device.
            PrivateFileError: the disk refuses to be read or written.
        """
        try:
            self._look(engine, returned=returned, rest=rest)
            if self._clock.steady() < (self._ripe_at if regular else self._due_at):
                return None
            self._not_before = self._clock.steady() + AT_MOST_EVERY_S
            engine.refresh_token()
            self._failures = 0
            self._wait(FIRST_GUESS_S / 2.0)
            self._look(engine, returned=False, rest=rest)
        except (AgentError, CertError) as error:
            if _is_more_than_the_token_s(error):
                raise
            self._failures += 1
            wait_s = AT_MOST_EVERY_S + wait_after(error, failures=self._failures, dice=self._dice)
            self._not_before = self._clock.steady() + wait_s
            self._wait(0.0)
            self._log.warning("token", code=error.code, message=error.message, hint=error.hint, next_s=round(wait_s))
            return error
        return None

    def _look(self, engine: Engine, *, returned: bool, rest: float) -> None:
        """Work out when another is due: for each token once, and when it was rejected."""
        kept, now = engine.token, self._clock.steady()
        seen = (kept.at, kept.rejected) if kept is not None else None
        if seen != self._seen or not self._looked:
            self._seen, self._looked, self._failures = seen, True, 0
            age_s = kept.age_s(now=engine.now) if kept is not None else None
            born = now - (age_s or 0.0)
            if kept is None or kept.at is None:
                self._wait(0.0)
            elif kept.rejected:
                self._wait(max(0.0, born + AT_MOST_EVERY_S - now))
            else:
                # Also a device that was told to ask less renews its token before that is too old.
                life_s = kept.life_s * min(rest, 1.0 / LATEST)
                self._ripe_at, self._late_at = born + EARLIEST * life_s, born + LATEST * life_s
                self._due_at = self._ripe_at + (self._late_at - self._ripe_at) * self._dice()
        self._ends_at = kept.until if kept is not None else 0.0
        if returned and self._ripe_at <= now + RETURN_S:
            self._wait(SPREAD_S * self._dice())

    def _wait(self, seconds: float) -> None:
        """That long, and as long as the last failure asks for: neither an outage nor a rejection cuts that short."""
        self._ripe_at = self._due_at = self._late_at = max(self._clock.steady() + seconds, self._not_before)


def _is_more_than_the_token_s(error: AgentError | CertError) -> bool:
    """Whether a failure is about the whole device; any other costs a refresh and nothing else."""
    if isinstance(error, PrivateFileError):
        return error.code in STORAGE
    if isinstance(error, LicenseRefused):
        return cause_of_failure(error) in (Cause.EXPIRED, Cause.GONE)
    return error.code == REMOVED

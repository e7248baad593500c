"""When the service renews the device's certificate. A failure costs nothing as long as the old one is valid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from certs.errors import CertError
from certs.rotation import Standing, retry_delay, standing
from device_agent.clock import Clock
from device_agent.errors import AgentError
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.service.lines import Lines
from device_agent.service.pace import advice

WITHOUT_ONE_S = 1800.0
"""Seconds until the next attempt where there is no certificate whose end could tell."""


class CertificateRenewal:
    """One device's certificate, step by step; what is remembered may be lost."""

    def __init__(self, *, clock: Clock, dice: Callable[[], float], log: Lines) -> None:
        """``dice`` gives random numbers in [0, 1)."""
        self._clock, self._dice, self._log = clock, dice, log
        self._not_before = 0.0
        self._failures = 0

    def at_once(self) -> None:
        """There are other settings: how long the old ones had to wait does not count."""
        self._not_before = 0.0

    def is_due(self, engine: Engine) -> bool:
        """Whether there is one, past half of its life and not over yet."""
        validity = engine.certificate
        if validity is None or self._clock.steady() < self._not_before:
            return False
        now = datetime.fromtimestamp(engine.now, tz=UTC)
        return standing(validity, seed=engine.record.device_id, now=now) is Standing.DUE

    def tend(self, engine: Engine) -> None:
        """Renew it if it is time.

        Raises:
            PermissionRefused: headquarters has removed this device.
        """
        if self._clock.steady() < self._not_before:
            return
        try:
            engine.renew_certificate()
        except (AgentError, CertError) as error:
            if error.code == REMOVED:
                raise
            self._failures += 1
            wait_s = max(self._wait_s(engine), advice(error, dice=self._dice))
            self._not_before = self._clock.steady() + wait_s
            self._log.warning(
                "certificate", code=error.code, message=error.message, hint=error.hint, next_s=round(wait_s)
            )
        else:
            self._failures, self._not_before = 0, 0.0

    def _wait_s(self, engine: Engine) -> float:
        validity = engine.certificate
        if validity is None:
            return WITHOUT_ONE_S
        now = datetime.fromtimestamp(engine.now, tz=UTC)
        return retry_delay(validity, failures=self._failures, now=now, part=self._dice()).total_seconds()

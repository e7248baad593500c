"""Headquarters' word: an order that lies at ``order_url``, or the office's that this device was taken out."""

from __future__ import annotations

from certs.errors import CertError, PrivateFileError
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.orders import are_held_to_keys
from device_agent.service.lines import Lines

EVERY_S = 1440.0
"""Seconds between two looks at least; they come with the steps of the regular call, and have their jitter."""


class OrderWatch:
    """Looks for orders; what is remembered may be lost."""

    def __init__(self, *, clock: Clock, log: Lines) -> None:
        self._clock, self._log = clock, log
        self._asked_at: float | None = None

    def look(self, engine: Engine, settings: Settings) -> bool:
        """Whether there is a good order at ``order_url`` now; it is durable then. That nobody can be asked changes
        nothing.

        Raises:
            PrivateFileError: the disk refuses to be read or written.
        """
        now = self._clock.steady()
        if not engine.may_ask_for_orders or (self._asked_at is not None and now - self._asked_at < EVERY_S):
            return False
        self._asked_at = now
        try:
            if not engine.ask_for_order():
                return False
        except PrivateFileError:
            raise
        except (AgentError, CertError) as error:
            self._log.warning("order", code=error.code, message=error.message, where=error.where, hint=error.hint)
            return False
        self._tell(engine, settings, by=settings.order_url)
        return True

    def believe(self, engine: Engine, settings: Settings, refusal: AgentError | CertError) -> None:
        """Take the office's word that this device was taken out, with the order that has to come with it where one is
        needed.

        Raises:
            OrderError: there is no good one.
        """
        if isinstance(refusal, AgentError):
            engine.believe(refusal)
        self._tell(engine, settings, by=refusal.where)

    def _tell(self, engine: Engine, settings: Settings, *, by: str) -> None:
        """On whose word this device leaves, while there is one to say it."""
        order = engine.record.orders[-1:] if are_held_to_keys(settings) else ()
        self._log.warning("removed by headquarters", by=by, order=order[0] if order else "the office's word")

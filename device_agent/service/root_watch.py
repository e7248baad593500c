"""The root of the operator's keys as the service keeps it: looked after before it ends, and told about."""

from __future__ import annotations

from dataclasses import replace

from certs.errors import CertError, PrivateFileError
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.observe import Step
from device_agent.lifecycle.rooted import Standing
from device_agent.service.lines import Lines

EVERY_S = 1440.0
"""Seconds between two looks at least, at a root that ends soon; lists and orders bring looks of their own."""


class RootWatch:
    """Looks after one device's root; what is remembered may be lost."""

    def __init__(self, *, clock: Clock, log: Lines) -> None:
        self._clock, self._log = clock, log
        self._tended_at: float | None = None
        self._not_reached = ""
        self._told = ""

    def tend(self, engine: Engine, settings: Settings) -> None:
        """Look for the next root if the present one ends soon. That nobody can be asked changes nothing.

        Raises:
            PrivateFileError: the disk refuses to be read or written.
        """
        now = self._clock.steady()
        if settings.root is None or (self._tended_at is not None and now - self._tended_at < EVERY_S):
            return
        self._tended_at = now
        try:
            engine.tend_root()
        except PrivateFileError:
            raise
        except (AgentError, CertError) as error:
            self._log.warning("root", code=error.code, message=error.message, where=error.where, hint=error.hint)

    def seen(self, step: Step) -> None:
        """A step that was done: looks for newer roots are among them, and stop nothing when they fail."""
        if step.name == "root":
            self._not_reached = "" if step.ok else step.result

    def standing(self, engine: Engine, settings: Settings) -> Standing:
        """How the root is; what is wrong with it weighs more than that a newer one could not be asked for."""
        found = engine.root if settings.root is not None else Standing()
        if found.problem and found.problem != self._told:
            self._log.warning("root", code=found.problem, version=found.version)
        self._told = found.problem
        return replace(found, problem=found.problem or (self._not_reached if found.version else ""))

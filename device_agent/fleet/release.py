"""Giving back the seats of devices that cannot do it themselves: one by one, at a pace, twice.

Twice, because a request that a device sent before it went may be served up to a quarter of an hour later, and takes the
seat again. A live device that can still sign takes it again too: it is to be denied its credentials first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from device_agent.api.causes import Cause, cause_of
from device_agent.clock import Clock
from device_agent.errors import AgentError, NetworkError, PlatformError, ServerFault, Throttled
from device_agent.fleet.journal import Journal, Line
from device_agent.fleet.targets import checked_id
from device_agent.spec.client_render import ClientUnbindDevice

SLOWEST_S = 60.0
"""Seconds between two calls that a platform can make us wait by throttling, apart from what it advises."""

LONGEST_ADVISED_S = 900.0
"""Seconds that are waited because the platform advises it; for longer the device is left for later."""

MOST_THROTTLED = 8
"""Refusals for one device after which it is left for later."""

MOST_IN_A_ROW = 3
"""Devices in a row without an answer after which the rest is left for later: each would end the same."""

HOPELESS = frozenset({Cause.CRED, Cause.CONFIG, Cause.CLOCK, Cause.TLS_TRUST, Cause.CAPTIVE})
"""Causes that lie in this machine or its credentials, so that every other device would be refused too."""

Unbind = Callable[[ClientUnbindDevice], str]
"""Sends one call, once; its RequestId."""


@dataclass(kw_only=True)
class Release:
    """A release under way.

    Attributes:
        gap_s: seconds between two calls; doubled by each throttling.
        seen: told of every line as it is written.
    """

    unbind: Unbind
    journal: Journal
    clock: Clock
    not_bound_codes: Collection[str]
    gap_s: float = 1.0
    seen: Callable[[Line], None] = lambda _line: None
    _last: float | None = None

    def round(self, number: int) -> list[Line]:
        """One round over everybody that it has not seen to; the second waits for each device's time. What failed.

        Raises:
            AgentError: it is no use to go on; what was done is in the journal.
        """
        failed: list[Line] = []
        unanswered = 0
        for device_id in self.journal.left(number):
            if number == 2:
                self._wait_until(self.journal.due_at(device_id))
            try:
                line = self._one(device_id, number)
                unanswered = 0
            except (NetworkError, PlatformError) as error:
                line = Line(device_id=device_id, round=number, at=self.clock.wall(), result=error.code)
                unanswered = unanswered + 1 if isinstance(error, NetworkError | ServerFault | Throttled) else 0
                self._keep(line)
                failed.append(line)
                if cause_of(error) in HOPELESS or unanswered >= MOST_IN_A_ROW:
                    raise
                continue
            self._keep(line)
        return failed

    def _one(self, device_id: str, number: int) -> Line:
        """One device: never without its id, again and ever slower when the platform has too much to do."""
        request = ClientUnbindDevice(tenant_id=self.journal.plan.tenant_id, device_id=checked_id(device_id))
        for attempt in range(1, MOST_THROTTLED + 1):
            self._pace()
            try:
                request_id, result = self.unbind(request), "released"
            except Throttled as error:
                self.gap_s = max(self.gap_s, min(self.gap_s * 2.0, SLOWEST_S))
                advised_s = error.advised_s or 0.0
                if attempt == MOST_THROTTLED or advised_s > LONGEST_ADVISED_S:
                    raise
                self.clock.sleep(advised_s)
                continue
            except AgentError as error:
                if error.code not in self.not_bound_codes or error.operation != "ClientUnbindDevice":
                    raise
                request_id, result = error.request_id, "not-bound"
            return Line(device_id=device_id, round=number, at=self.clock.wall(), result=result, request_id=request_id)
        raise AssertionError("unreachable")

    def _keep(self, line: Line) -> None:
        self.journal.add(line)
        self.seen(line)

    def _pace(self) -> None:
        if self._last is not None:
            self.clock.sleep(max(0.0, self._last + self.gap_s - self.clock.steady()))
        self._last = self.clock.steady()

    def _wait_until(self, moment: float) -> None:
        """Never longer than the window: the first round's time may be of a clock that was put right since."""
        self.clock.sleep(min(max(0.0, moment - self.clock.wall()), self.journal.plan.late_window_s))

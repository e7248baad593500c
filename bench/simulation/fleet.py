"""A thousand real keepers on one virtual clock; of each device only what it asks over the network is there."""

from __future__ import annotations

import heapq
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from device_agent.config import Secret, Settings
from device_agent.errors import AgentError
from device_agent.lifecycle.engine import Started
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.observe import Observer
from device_agent.lifecycle.record import Bound, Record
from device_agent.lifecycle.token import Token
from device_agent.service.keeper import Keeper
from device_agent.service.lines import Lines
from device_agent.service.report import Report

from .clock import Time


class Stub:
    """A device of which only the network matters: it asks for a seat, a session or a token, and is answered or not."""

    def __init__(self, ask: Callable[[str], None], time: Time, *, phase: Phase, life_s: float) -> None:
        self.record = Record(gen=1, phase=phase, bound=Bound(at=1.0))
        self.has_avatar, self.is_sealing, self.certificate = True, False, None
        self._ask, self._time, self.may_ask_for_orders = ask, time, False
        self.token = Token(token=Secret("x"), at=time.now, life_s=life_s)

    @property
    def now(self) -> float:
        return self._time.now

    def start(self) -> Started:
        self._ask("session")
        return Started(im_token=Secret(""), request_id="")

    def refresh_token(self) -> bool:
        self._ask("token")
        self.token = msgspec.structs.replace(self.token, at=self.now)
        return True

    def probe(self) -> None:
        """One request a call: there is but one anyway."""

    def ask_for_order(self) -> bool:
        """Looks where orders lie, once somebody says that there is such a place."""
        raise NotImplementedError

    def bind(self, *, lost: bool = False) -> None:
        del lost
        self._ask("seat")
        self.token = msgspec.structs.replace(self.token, at=self.now)
        self.record = self.record.changed(gen=2, phase=Phase.READY)

    def offline(self, seconds: float, *, boot: str) -> None:
        del seconds, boot


def run(agents: list[tuple[Callable[[], float], Time]], *, until: float) -> None:
    """Let each take its next step when it is due."""
    due = [(time.now, number) for number, (_step, time) in enumerate(agents)]
    heapq.heapify(due)
    while due[0][0] < until:
        at, number = heapq.heappop(due)
        step, time = agents[number]
        time.now = at
        heapq.heappush(due, (at + step(), number))


def kept_by(stub: Stub, time: Time, chance: random.Random, folder: Path) -> Keeper:
    @contextmanager
    def opened(_settings: Settings, _observer: Observer) -> Iterator[Stub]:
        yield stub

    settings = Settings(endpoint="https://platform.example", state_dir=folder, cache_dir=folder)
    return Keeper(
        settings=settings, open_engine=opened, clock=time, dice=chance.random, report=Report(),  # type: ignore[arg-type]
        log=Lines(stream=io.StringIO()),
    )  # fmt: skip


def busiest(times: list[float], *, mean: float) -> float:
    """The busiest minute, as a multiple of the mean."""
    return max(Counter(int(at // 60) for at in times).values()) / mean


@dataclass
class Seen:
    """What a platform was asked, before an outage ended and after it; seconds.

    Attributes:
        asked: for seats and sessions.
        tokens: for tokens of LicenseAuth.
        arrived: agent -> when it was answered for the first time.
    """

    asked: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    arrived: dict[int, float] = field(default_factory=dict)


def outage(
    folder: Path, *, agents: int, error: AgentError, phase: Phase, life_s: float, ends: float, until: float
) -> Seen:
    """All of them fail in the same second, as when power comes back to a whole site, and for ``ends`` seconds."""
    chance, seen, steps = random.Random(7), Seen(), []
    for number in range(agents):
        time = Time(now=chance.random())

        def ask(what: str, number: int = number, time: Time = time) -> None:
            (seen.tokens if what == "token" else seen.asked).append(time.now)
            if time.now < ends:
                raise error
            seen.arrived.setdefault(number, time.now)

        steps.append((kept_by(Stub(ask, time, phase=phase, life_s=life_s), time, chance, folder).step, time))
    run(steps, until=until)
    return seen

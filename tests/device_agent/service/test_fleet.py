"""V17: a thousand agents on one virtual clock, after an outage that all of them went through."""

from __future__ import annotations

import io
import itertools
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.simulation.fleet import Stub, busiest, kept_by, outage, run
from device_agent.api.causes import Cause
from device_agent.errors import AgentError, NetworkError, PlatformError, SeatsFull, Throttled
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.token import FIRST_GUESS_S, SHORTEST_S
from device_agent.service.keeper import CHECK_S
from device_agent.service.lines import Lines
from device_agent.service.pace import PACES
from device_agent.service.token_renewal import SPREAD_S

from .conftest import CODE, FILES, START, Site, Time

AGENTS = 1000
HOUR = 3600.0


@pytest.mark.parametrize(
    ("error", "cause", "phase", "life_s", "most"),
    [
        (NetworkError("x", code="network.timeout"), Cause.NET, Phase.READY, FIRST_GUESS_S, 3),
        (NetworkError("x", code="network.timeout"), Cause.NET, Phase.READY, SHORTEST_S, 3),
        (NetworkError("x", code="network.timeout"), Cause.NET, Phase.IDENTIFIED, FIRST_GUESS_S, 3),
        (Throttled("x", code="Throttling.User"), Cause.THROTTLE, Phase.READY, FIRST_GUESS_S, 3),
        (SeatsFull("x", code="Full"), Cause.SEAT, Phase.SEAT_FULL, FIRST_GUESS_S, 3),
        (PlatformError("x", code="10020001"), Cause.EXPIRED, Phase.LICENSE_BLOCKED, FIRST_GUESS_S, 4),
    ],
    ids=["outage", "outage, short tokens", "outage of a new fleet", "throttled", "no seats", "order ended"],
)
def test_a_thousand_agents_do_not_come_back_as_one(
    tmp_path: Path, error: AgentError, cause: Cause, phase: Phase, life_s: float, most: float
) -> None:
    """All of them fail at once, as when power comes back to a whole site; six hours later it is mended."""
    ends = 6 * HOUR
    seen = outage(tmp_path, agents=AGENTS, error=error, phase=phase, life_s=life_s, ends=ends, until=ends + 4 * HOUR)
    asked, tokens, arrived = seen.asked, seen.tokens, seen.arrived
    pace = PACES[cause]
    assert len(arrived) == AGENTS
    assert max(arrived.values()) <= ends + pace.cap_s + 60
    assert busiest(list(arrived.values()), mean=AGENTS / (pace.cap_s / 60)) <= most
    if cause in (Cause.NET, Cause.THROTTLE):  # sessions after seats, and tokens that are too old by then, do not add up
        back = [at for at in [*asked, *tokens] if ends <= at < ends + pace.cap_s]
        assert busiest(back, mean=AGENTS / (pace.cap_s / 60)) <= most
    # Nor are they one after the very first failure, which all of them met in the same second.
    assert busiest([at for at in asked if 60 <= at < ends], mean=AGENTS) <= (0.1 if pace.least_s >= 900 else 2)
    later = [at for at in asked if at >= ends + 3 * HOUR]
    assert busiest(later, mean=AGENTS / (CHECK_S / 60)) <= 3, "in the usual rhythm, and still spread over it"
    renewed = [at for at in tokens if at >= ends + 3 * HOUR]
    assert len(renewed) >= AGENTS * HOUR / (life_s / 2) * 0.4, "at half of their life, or rarer while told to ask less"
    assert busiest(renewed, mean=AGENTS / (life_s / 120)) <= 3


def test_a_place_of_orders_is_asked_by_a_thousand_without_haste(tmp_path: Path) -> None:
    """The platform and the place of orders are both away for two hours; neither is run over when it comes back."""
    chance, ends = random.Random(9), 2 * HOUR
    asked: dict[int, list[float]] = {number: [] for number in range(AGENTS)}
    agents = []
    for number in range(AGENTS):
        time = Time(now=chance.random())

        def away(_what: str = "order", time: Time = time) -> None:
            if time.now < ends:
                raise NetworkError("x", code="network.timeout")

        def look(number: int = number, time: Time = time) -> bool:
            asked[number].append(time.now)
            away(time=time)
            return False

        stub = Stub(away, time, phase=Phase.READY, life_s=24 * HOUR)
        stub.may_ask_for_orders, stub.ask_for_order = True, look  # type: ignore[method-assign]
        agents.append((kept_by(stub, time, chance, tmp_path).step, time))
    run(agents, until=ends + 2 * HOUR)
    for times in asked.values():
        assert min(later - before for before, later in itertools.pairwise(times)) >= CHECK_S * 0.8, "V9"
        assert len(times) >= 6, "and not forgotten while the platform is away"
    everything = [at for times in asked.values() for at in times]
    mean = AGENTS / (CHECK_S * 0.8 / 60)
    assert busiest([at for at in everything if at >= HOUR], mean=mean) <= 3, "V17"


@pytest.mark.slow
def test_a_thousand_real_agents_and_the_real_harness(tmp_path: Path) -> None:
    """Bound, then an hour without the platform: state on disk, signatures, connections and all."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    shared = Time()
    with RunningHarness.start(
        avatars=[package], seats=AGENTS, keys=lambda: key, time_source=lambda: shared.now
    ) as harness:
        sites = [
            Site(
                folder=tmp_path / f"site-{number}", harness=harness, time=shared, serial=f"board-{number}x",
                overrides={"avatar": ""}, chance=random.Random(number), log=Lines(stream=io.StringIO()),
            )
            for number in range(AGENTS)
        ]  # fmt: skip
        agents = [(site.keeper.step, shared) for site in sites]
        run(agents, until=START + 30)
        assert len(harness.seats()) == AGENTS
        harness.fault("drop_before", times=None)
        ends = START + 2 * HOUR
        run(agents, until=ends)
        harness.lift_faults()
        known = harness.calls()[-1].sequence
        run(agents, until=ends + HOUR)
        calls = harness.calls(since=known)
        cap = PACES[Cause.NET].cap_s
        assert len([call for call in calls if call.at < ends + cap + 60]) >= AGENTS
        assert busiest([call.at for call in calls if call.at < ends + cap], mean=AGENTS / (cap / 60)) <= 3
        assert {call.operation for call in calls} == {"ClientStart", "LicenseAuth"}, "nobody asks for its seat again"
        tokens = [call.at for call in calls if call.operation == "LicenseAuth"]
        assert len(tokens) >= AGENTS, "every token was too old"
        assert busiest(tokens, mean=AGENTS / (SPREAD_S / 60)) <= 3
        assert len(harness.seats()) == AGENTS

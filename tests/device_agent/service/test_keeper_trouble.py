"""Thirty virtual days of trouble of every kind: how often the platform is asked (V9), and what it costs (nothing)."""

from __future__ import annotations

import io
import itertools
import json
import random
from collections import defaultdict

import pytest

from device_agent.errors import SeatsFull
from device_agent.lifecycle.machine import Phase
from device_agent.service.lines import Lines

from .conftest import Site

DAY = 86400.0
CALLS = ("LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar")
KINDS = (
    "drop_before", "drop_after", "http_500", "throttle", "captive", "redirect", "token_expired",
    "license_expired", "seat_taken",
)  # fmt: skip
MOST_AN_HOUR = 40


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_thirty_days_of_every_trouble_ask_for_no_more_than_they_should(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    site.chance, said = chance, io.StringIO()
    site.log = Lines(stream=said)
    site.start_again()
    end = site.time.now + 30 * DAY
    while site.time.now < end:
        if chance.random() < 0.6:
            site.harness.fault(chance.choice(KINDS), on=chance.choice(CALLS), times=chance.choice([1, 3, 10, 40]))
        if chance.random() < 0.1:
            site.time.now += chance.random() * 60
            site.start_again()  # power failed, and came back
        site.live(chance.choice([7200.0, DAY, 2 * DAY]))
    calls = site.harness.calls()
    assert len(calls) > 500
    heard = {json.loads(line).get("request_id") for line in said.getvalue().splitlines()}
    for operation in CALLS:
        asked = [call for call in calls if call.operation == operation]
        for before, after in itertools.pairwise(asked):
            gap = after.at - before.at
            if any(before.at <= start <= after.at for start in site.start_times):
                continue  # a process that starts knows nothing of the last one's waits
            assert gap >= 1.0, (operation, before.outcome, before.sequence)
            if before.request_id not in heard:
                continue  # the answer was lost: all that the device knows is that there was none
            if before.outcome == "ClientAuth.SeatLimit":
                assert gap >= 900
            if before.outcome == "10020001":
                assert gap >= 3600
        assert len([call for call in asked if call.request_id in heard]) > len(asked) / 3
        hours: dict[int, int] = defaultdict(int)
        for call in asked:
            hours[int(call.at // 3600)] += 1
        assert max(hours.values(), default=0) <= MOST_AN_HOUR, operation
    site.harness.lift_faults()
    site.live(2 * DAY)
    assert site.record.phase is Phase.READY
    assert len(site.seats()) == 1


def test_a_bind_by_hand_that_was_refused_counts_as_the_service_s_own(site: Site) -> None:
    """V9: the platform hears the question once, however many processes of this device want the answer."""
    site.harness.fault("seat_taken", on="ClientAuth", times=None)
    site.live(1)
    assert site.record.phase is Phase.SEAT_FULL
    site.live(1000)
    with site.engine(site.settings()) as engine, pytest.raises(SeatsFull):
        engine.bind()
    by_hand = site.time.now
    site.live(3 * 3600)
    times = [call.at for call in site.harness.calls(operation="ClientAuth")]
    assert min(at for at in times if at > by_hand) - by_hand >= 900
    site.harness.lift_faults()
    with site.engine(site.settings()) as engine:
        engine.bind()
    site.live(10)
    assert site.record.phase is Phase.READY, "what went well is gone on with at once"

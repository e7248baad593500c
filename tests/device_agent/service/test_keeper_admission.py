"""An office that admits only so many new devices an hour, or has too much to do: it is asked when it says, and nothing
is lost meanwhile.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.simulation.site import ManagedSite
from device_agent.harness.enrolment.office import Office, Refused
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase

from .conftest import CODE, FILES, Time

HOUR = 3600.0


class Queue:
    """Devices before one office, on one clock; what they ask it for is written down."""

    def __init__(
        self, folder: Path, harness: RunningHarness, office: Enrolment, clock: Time, patch: pytest.MonkeyPatch
    ) -> None:
        self.clock, self.office, self.harness, self._folder = clock, office, harness, folder
        self.asked: dict[str, list[float]] = {name: [] for name in ("enroll", "reenroll", "credentials")}
        self.refuse: dict[str, Refused] = {}
        for name, times in self.asked.items():
            patch.setattr(Office, name, self._counted(getattr(Office, name), name, times))

    def _counted(self, real: Any, name: str, times: list[float]) -> Any:
        def asked(*arguments: Any, **more: Any) -> Any:
            times.append(self.clock.now)
            if name in self.refuse:
                raise self.refuse[name]
            return real(*arguments, **more)

        return asked

    def device(self, name: str) -> ManagedSite:
        """A new one, with a secret of its own."""
        return ManagedSite(
            folder=self._folder / name, harness=self.harness, time=self.clock, office=self.office,
            secret=self.office.office.invite(name), overrides={"device_id": name},
        )  # fmt: skip


@pytest.fixture
def queue(tmp_path: Path, service_key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    clock = Time(now=time.time())
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with (
        RunningHarness.start(
            avatars=[package], seats=9, keys=lambda: service_key, time_source=lambda: clock.now
        ) as running,
        open_office(running, tmp_path / "office") as opened,
    ):  # fmt: skip
        opened.office.clock = lambda: datetime.fromtimestamp(clock.now, tz=UTC)
        yield Queue(tmp_path, running, opened, clock, monkeypatch)


def admitted(site: ManagedSite) -> bool:
    return site.record.phase is Phase.READY


def test_without_a_limit_all_are_admitted(queue: Queue) -> None:
    for name in ("one", "two", "three"):
        site = queue.device(name)
        site.live(60)
        assert admitted(site)


def test_who_is_too_many_comes_when_it_is_told_and_loses_nothing(queue: Queue) -> None:
    queue.harness.rules(new_devices_per_hour=1)
    first, second = queue.device("one"), queue.device("two")
    first.live(60)
    assert admitted(first)
    queue.asked["enroll"].clear()
    began = queue.clock.now
    key = second.folder / "state" / "secrets" / "identity" / "pending.pem"
    second.live(600)
    assert (second.record.phase, second.record.device_id) == (Phase.IDENTIFIED, "two")
    assert second.report.snapshot.problem == "office.throttled"
    assert second.report.snapshot.link == "degraded"
    made = key.read_bytes()
    second.start_again()
    second.live(120)
    assert len(queue.asked["enroll"]) == 2, "once, and once by a process that could not know"
    assert key.read_bytes() == made, "the same key asks again"
    second.live(1.2 * HOUR, until=lambda: admitted(second))
    assert admitted(second)
    assert HOUR - 120 <= queue.clock.now - began <= 1.1 * HOUR + 120, "when there was room, and hardly later"
    assert len(queue.asked["enroll"]) == 3
    assert {seat["device_id"] for seat in queue.harness.seats()} == {"one", "two"}
    second.start_again()
    second.live(60)
    assert len(queue.asked["enroll"]) == 3


def test_a_device_that_is_known_is_no_new_one(queue: Queue) -> None:
    queue.harness.rules(new_devices_per_hour=1)
    site = queue.device("one")
    site.live(60)
    again = queue.device("one again")
    again.overrides["device_id"] = "one"
    again.secret = queue.office.office.invite("one")
    again.start_again()
    again.live(60)
    assert admitted(again), "its disk was lost"


def test_advice_of_a_day_is_followed_for_an_hour_and_never_faster_than_its_pace(queue: Queue) -> None:
    queue.refuse["enroll"] = Refused(429, "TooManyNewDevices", retry_after_s=86400)
    site = queue.device("one")
    site.live(6 * HOUR)
    assert all(HOUR <= later - before <= 1.2 * HOUR for before, later in itertools.pairwise(queue.asked["enroll"]))
    queue.refuse["enroll"] = Refused(429, "TooManyNewDevices", retry_after_s=0)
    site.live(2 * HOUR)
    queue.asked["enroll"].clear()
    site.live(HOUR)
    assert len(queue.asked["enroll"]) < 40, "V9: no spin"
    queue.refuse.clear()
    site.live(HOUR)
    assert admitted(site)


@pytest.mark.parametrize("status", [429, 503])
def test_an_office_that_is_busy_says_nothing_about_a_certificate(queue: Queue, status: int) -> None:
    """Neither the broker nor a renewal: what works stays in use, and the seat with it."""
    queue.office.office.lifetime = timedelta(days=2)
    site = queue.device("one")
    site.live(60)
    lineage = site.folder / "state" / "secrets" / "identity" / "live"
    before = lineage.readlink()
    queue.refuse = {name: Refused(status, "Busy", retry_after_s=1800) for name in ("credentials", "reenroll")}
    site.live(34 * HOUR)
    for times in (queue.asked["credentials"], queue.asked["reenroll"]):
        late = [at for at in times if at > queue.clock.now - 6 * HOUR]
        assert 0 < len(late) <= 15, "half an hour was asked for"
    assert lineage.readlink() == before
    queue.refuse.clear()
    site.live(HOUR)
    assert admitted(site)
    assert site.report.snapshot.link == "online"
    assert len(queue.harness.seats()) == 1
    site.live(8 * HOUR)
    assert lineage.readlink() != before, "renewed"

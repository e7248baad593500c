"""A keeper on a clock of its own, with a platform that lives by the same clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.simulation.clock import START as START
from bench.simulation.clock import Time
from bench.simulation.site import CODE, FILES, ManagedSite, Site
from device_agent.harness.enrolment.server import open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness


@pytest.fixture(scope="module", autouse=True)
def _few_authorities(few_authorities: None) -> None:
    """Not what these tests are about."""


@pytest.fixture(scope="session")
def service_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def time_() -> Time:
    return Time()


@pytest.fixture
def platform(time_: Time, service_key: rsa.RSAPrivateKey) -> Iterator[RunningHarness]:
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with RunningHarness.start(
        avatars=[package], seats=2, keys=lambda: service_key, time_source=lambda: time_.now
    ) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, platform: RunningHarness, time_: Time) -> Site:
    return Site(folder=tmp_path / "site", harness=platform, time=time_)


@pytest.fixture
def managed(tmp_path: Path, service_key: rsa.RSAPrivateKey) -> Iterator[ManagedSite]:
    clock = Time(now=time.time())
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with (
        RunningHarness.start(
            avatars=[package], keys=lambda: service_key, time_source=lambda: clock.now
        ) as running,
        open_office(running, tmp_path / "office") as opened,
    ):  # fmt: skip
        opened.office.clock = lambda: datetime.fromtimestamp(clock.now, tz=UTC)
        yield ManagedSite(
            folder=tmp_path / "site", harness=running, time=clock, office=opened, secret=opened.office.invite()
        )

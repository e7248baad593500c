"""What each kind of failure says of the way to the platform, and of what is said no more once it is over."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.simulation.fleet import Stub
from device_agent.api.causes import Cause, cause_of, row_of
from device_agent.config import Settings
from device_agent.errors import (
    AgentError,
    ClockSkew,
    LicenseRefused,
    NetworkError,
    NotThePlatform,
    ParameterRefused,
    PermissionRefused,
    PlatformError,
    SignatureRefused,
    Throttled,
)
from device_agent.lifecycle.machine import Phase
from device_agent.service.keeper import Keeper
from device_agent.service.lines import Lines
from device_agent.service.report import Report

from .conftest import Time


@pytest.mark.parametrize(
    ("error", "cause", "link"),
    [
        (NetworkError("x", code="network.timeout"), Cause.NET, "offline"),
        (NetworkError("x", code="network.tls_trust"), Cause.TLS_TRUST, "offline"),
        (NetworkError("x", code="network.tls_name"), Cause.TLS_TRUST, "offline"),
        (NetworkError("x", code="network.tls_time"), Cause.CLOCK, "clock-suspect"),
        (ClockSkew("x", code="InvalidTimeStamp.Expired"), Cause.CLOCK, "clock-suspect"),
        (NotThePlatform("x", code="network.not_the_platform", http_status=200), Cause.CAPTIVE, "degraded"),
        (NotThePlatform("x", code="network.redirect"), Cause.CAPTIVE, "degraded"),
        (Throttled("x", code="Throttling.User"), Cause.THROTTLE, "degraded"),
        (Throttled("x", code="odd", http_status=429), Cause.THROTTLE, "degraded"),
        (Throttled("x", code="10010031"), Cause.BUSY, "degraded"),
        (SignatureRefused("x", code="SignatureDoesNotMatch"), Cause.CRED, "cred-blocked"),
        (SignatureRefused("x", code="InvalidSecurityToken.Expired"), Cause.CRED, "cred-blocked"),
        (PermissionRefused("x", code="NoPermission"), Cause.CRED, "cred-blocked"),
        (ParameterRefused("x", code="10010001"), Cause.CONFIG, "blocked"),
        (LicenseRefused("x", code="10020001"), Cause.EXPIRED, "blocked"),
        (PlatformError("x", code="never-seen"), Cause.UNKNOWN, "blocked"),
    ],
    ids=lambda given: getattr(given, "code", None),
)
def test_a_failure_says_what_the_link_is(tmp_path: Path, error: AgentError, cause: Cause, link: str) -> None:
    assert cause_of(error) is cause
    wrong: list[AgentError] = [error]

    def ask(_what: str) -> None:
        if wrong:
            raise wrong[0]

    @contextmanager
    def opened(*_given: Any) -> Iterator[Stub]:
        yield stub

    time, report = Time(), Report()
    stub = Stub(ask, time, phase=Phase.READY, life_s=30 * 86400.0)
    keeper = Keeper(
        settings=Settings(endpoint="https://platform.example", state_dir=tmp_path, cache_dir=tmp_path),
        open_engine=opened,  # type: ignore[arg-type]
        clock=time, dice=random.Random(1).random, report=report, log=Lines(stream=io.StringIO()),
    )  # fmt: skip
    keeper.step()
    assert (report.snapshot.link, report.snapshot.problem) == (link, error.code)
    wrong.clear()
    time.now += 100_000
    keeper.step()
    assert (report.snapshot.link, report.snapshot.problem) == ("online", "")


def test_a_status_of_429_is_a_throttle_whatever_its_code() -> None:
    assert row_of("QuotaExceeded", http_status=429).raises is Throttled
    assert row_of("QuotaExceeded", http_status=400).cause is Cause.UNKNOWN

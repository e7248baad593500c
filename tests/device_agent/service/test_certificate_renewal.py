"""When a renewal is tried again, and what is more than a renewal's failure; the engine is the test's."""

from __future__ import annotations

import io
from typing import Any

import pytest

from device_agent.errors import AgentError, NetworkError, PermissionRefused
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.service.certificate_renewal import WITHOUT_ONE_S, CertificateRenewal
from device_agent.service.lines import Lines

from .conftest import Time


class Without:
    """A device that has no certificate, whose office answers with an error."""

    certificate = None

    def __init__(self, error: AgentError) -> None:
        self.error, self.asked = error, 0

    def renew_certificate(self) -> None:
        self.asked += 1
        raise self.error


def renewal(clock: Time) -> CertificateRenewal:
    return CertificateRenewal(clock=clock, dice=lambda: 0.5, log=Lines(stream=io.StringIO()))


def test_that_headquarters_took_the_device_out_is_not_a_renewal_s_failure() -> None:
    engine: Any = Without(PermissionRefused("taken out", code=REMOVED))
    with pytest.raises(PermissionRefused):
        renewal(Time()).tend(engine)


def test_an_office_that_is_away_is_asked_again_later_and_at_once_under_other_settings() -> None:
    clock, engine = Time(), Without(NetworkError("away", code="network.refused"))
    tended = renewal(clock)
    asked: Any = engine
    for _ in range(3):
        tended.tend(asked)
    assert engine.asked == 1
    tended.at_once()
    tended.tend(asked)
    assert engine.asked == 2
    clock.sleep(WITHOUT_ONE_S)
    tended.tend(asked)
    assert engine.asked == 3

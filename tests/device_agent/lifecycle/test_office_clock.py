"""The certificate of a device whose clock is wrong: the office's time decides, as the platform's does for signing."""

from __future__ import annotations

import msgspec
import pytest

from device_agent.clock import SystemClock
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle.journal import opened
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.vault import Vault

from .conftest import Kiosk, now

DAY = 86400.0
WRONG = [-30 * 365 * DAY, -2 * DAY, -2 * 3600.0, 2 * 3600.0, 100 * DAY]


class Off(SystemClock):
    """This device's clock, wrong by so many seconds; TLS sees the right time, as it does where it looks no further."""

    def __init__(self, by_s: float) -> None:
        self._by_s = by_s

    def wall(self) -> float:
        return super().wall() + self._by_s


@pytest.mark.parametrize("by_s", WRONG)
def test_a_first_certificate_is_taken(managed: Kiosk, by_s: float) -> None:
    with managed.engine(clock=Off(by_s)) as engine:
        engine.bind()
        assert engine.record.phase is Phase.BOUND


@pytest.mark.parametrize("by_s", WRONG)
def test_a_device_that_lost_its_seat_binds_again_with_the_certificate_that_it_has(managed: Kiosk, by_s: float) -> None:
    with managed.engine() as engine:
        engine.bind()
    with managed.engine(clock=Off(by_s)) as engine:
        engine.bind(lost=True)
        assert engine.record.phase is Phase.BOUND
    assert Vault(managed.settings().state_dir).lineage.versions() == (1,), "and spends no secret"


@pytest.mark.parametrize("by_s", WRONG)
def test_what_an_earlier_clock_was_off_by_is_no_end_of_a_certificate(
    managed: Kiosk, by_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was wrong when the offset was learned, and somebody has set it since; the secret is spent and gone."""
    with managed.engine() as engine:
        engine.bind()
    settings = managed.settings()
    with opened(settings.state_dir) as journal:
        contact = msgspec.structs.replace(journal.record.contact, offset_s=by_s)
        journal.write(journal.record.moved(Event.LICENSE_REFUSED, blocked="expired", contact=contact))
    monkeypatch.setattr(managed, "settings", lambda **_: msgspec.structs.replace(settings, enroll_secret=None))
    with managed.engine() as engine:
        assert engine.renew_certificate() == "", "nothing is due by the office's time"
    with managed.engine() as engine:
        engine.bind()
        assert engine.record.phase is Phase.BOUND
        assert abs(engine.record.contact.offset_s) < 60


@pytest.mark.parametrize("by_s", WRONG)
def test_one_that_is_renewed_is_believed(managed: Kiosk, by_s: float) -> None:
    with managed.engine() as engine:
        engine.bind()
    with managed.engine(clock=Off(by_s)) as engine:
        assert engine.renew_certificate(force=True)
    assert Vault(managed.settings().state_dir).lineage.proven == 2


def test_a_refusal_tells_the_time_as_well(managed: Kiosk, office: Enrolment, monkeypatch: pytest.MonkeyPatch) -> None:
    """An office without EST is asked for credentials, and one that has taken the device out gives none."""
    with managed.engine() as engine:
        engine.bind()
        office.office.removed.add(engine.record.device_id)
    settings = msgspec.structs.replace(managed.settings(), enroll_url="")
    monkeypatch.setattr(managed, "settings", lambda **_more: settings)
    with managed.engine(clock=Off(5000.0)) as engine:
        engine._device.ask_the_time()
        assert abs(engine.now - now().timestamp()) < 5

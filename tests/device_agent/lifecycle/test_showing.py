"""What a device that holds its seat writes down: the avatars that it shows, and the seconds that it is offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase

from .conftest import FILES, Kiosk

CODES = ("CH_3d_one", "CH_3d_two", "CH_3d_three")


@pytest.fixture
def kiosk(licence_key: rsa.RSAPrivateKey, tmp_path: Path) -> Iterator[Kiosk]:
    packages = [PackageSource(code=code, name="test", read=lambda: FILES) for code in CODES]
    with RunningHarness.start(avatars=packages, seats=2, keys=lambda: licence_key) as running:
        yield Kiosk(folder=tmp_path / "kiosk", harness=running)


def test_the_avatar_before_stays_known_however_often_the_active_one_is_fetched(kiosk: Kiosk) -> None:
    """It is what is shown when the active one cannot be, and what is not removed to make room."""
    seen = []
    with kiosk.engine() as engine:
        engine.bind()
        for code in (CODES[0], CODES[0], CODES[1], CODES[1], CODES[2]):
            engine.fetch(code)
            seen.append((engine.record.content.active, engine.record.content.previous))
        assert set(engine.record.content.packages) == set(CODES)
    one, two, three = CODES
    assert seen == [(one, ""), (one, ""), (two, one), (two, one), (three, two)]


@pytest.mark.parametrize(("phase", "after"), [(Phase.BOUND, Phase.BOUND), (Phase.READY, Phase.LOCKED)])
def test_a_budget_that_is_used_up_locks_who_shows_something(kiosk: Kiosk, phase: Phase, after: Phase) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        if phase is Phase.READY:
            engine.fetch(CODES[0])
        engine.offline(1e9, boot="this")
        assert (engine.record.phase, engine.record.contact.offline_s) == (after, 1e9)

"""Erasing a device whose secrets lie under a key: the key goes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.slot import SLOTS, decode
from tests.device_agent.lifecycle.conftest import Kiosk
from tests.stand_in_tpm import StandInTpm

from .conftest import PowerFails, exposed, live, state, vault


def test_a_device_that_has_only_to_erase_makes_no_key_for_what_goes(
    kiosk: Kiosk, chip: StandInTpm, tmp_path: Path
) -> None:
    live(kiosk, "bind")
    with kiosk.engine() as engine:
        engine._device.journal.write(engine.record.changed(phase=Phase.ERASING))
    with chip.serving(tmp_path / "tpm") as kiosk.tpm, kiosk.engine() as engine:
        assert engine.steps == ()
        assert not sealed_key.is_there(state(kiosk))
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert exposed(kiosk) == []


def test_a_damaged_record_that_was_kept_aside_is_gone_with_the_device(sealed: Kiosk) -> None:
    live(sealed, "bind")
    older = min(SLOTS, key=lambda name: decode((state(sealed) / name).read_bytes()).gen)  # type: ignore[union-attr]
    with (state(sealed) / older).open("ab") as file:
        file.write(b"x")
    live(sealed, "start")
    device_id = load(state(sealed)).record.device_id.encode()
    assert any(name.endswith(".bad") and device_id in data for name, data in sealed.files().items())
    live(sealed, "unbind")
    assert not any(device_id in data for data in sealed.files().values())


def test_erasing_begins_with_the_key(sealed: Kiosk) -> None:
    """Power fails right after it: nothing can be opened any more, and the rest goes at the next start."""

    def reach(point: str) -> None:
        if point == "erase.content":
            raise PowerFails

    live(sealed, "bind", "fetch")
    assert (state(sealed) / "secrets").exists()
    with pytest.raises(PowerFails), sealed.engine(reach=reach) as engine:
        engine.unbind()
    assert not sealed_key.is_there(state(sealed))
    assert (state(sealed) / "secrets").exists()
    assert vault(sealed).license() is None
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.ERASING, "the order to destroy needs nobody to vouch for it"
        engine.unbind()
    assert load(state(sealed)).record.phase is Phase.DECOMMISSIONED
    assert not sealed_key.is_there(state(sealed))
    assert not (state(sealed) / "secrets").exists()
    live(sealed, "bind")
    assert exposed(sealed) == [], "a new life has a new key"

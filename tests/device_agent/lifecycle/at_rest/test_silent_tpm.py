"""A TPM that comes late, does not answer now, or is gone: nothing is lost, and nothing is written bare."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.vault import Vault
from tests.device_agent.lifecycle.conftest import CODE, Kiosk
from tests.stand_in_tpm import LOAD, UNSEAL, StandInTpm

from .conftest import exposed, forge, live, state


def test_a_tpm_that_comes_late_at_a_start_costs_a_device_from_before_nothing(
    kiosk: Kiosk, chip: StandInTpm, tmp_path: Path
) -> None:
    """Its id is the TPM's, and no key has been made yet; the TPM's device is not there when the service is."""
    kiosk.id_from_tpm = True
    with chip.serving(tmp_path / "tpm") as path:
        kiosk.tpm = path
        live(kiosk, "bind")
        forge(kiosk)
        for name in sealed_key.COPIES:
            (state(kiosk) / name).unlink()
        before = kiosk.files()
        kiosk.tpm = tmp_path / "not yet"
        with kiosk.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
            engine.prove_storage()
        assert kiosk.files() == before
        kiosk.tpm = path
        with kiosk.engine() as engine:
            assert engine.record.phase is Phase.BOUND


@pytest.mark.parametrize("code", [0x922, 0x101, 0x921])
@pytest.mark.parametrize("command", [LOAD, UNSEAL])
def test_a_tpm_that_does_not_answer_now_loses_nothing(sealed: Kiosk, chip: StandInTpm, code: int, command: int) -> None:
    live(sealed, "bind", "fetch")
    before = sealed.files()
    chip.refuse = {command: code}
    for act in (lambda: live(sealed, "start"), lambda: open_avatar(sealed.settings(), CODE)):
        with pytest.raises(ConfigurationError) as caught:
            act()
        assert caught.value.code == "identity.tpm"
        assert caught.value.hint
    assert sealed.files() == before
    chip.refuse = {}
    live(sealed, "start")


def test_a_tpm_that_is_gone_or_not_named_any_more_loses_nothing(sealed: Kiosk, tmp_path: Path) -> None:
    live(sealed, "bind")
    before, path = sealed.files(), sealed.tpm
    for other, code in ((tmp_path / "none", "identity.tpm"), (None, "identity.tpm_unset")):
        sealed.tpm = other
        with pytest.raises(ConfigurationError) as caught:
            live(sealed, "start")
        assert caught.value.code == code
        assert sealed.files() == before
    sealed.tpm = path
    live(sealed, "start")


def test_a_tpm_that_is_gone_for_good_is_given_up_on_order(sealed: Kiosk) -> None:
    live(sealed, "bind")
    sealed.tpm = None
    with sealed.engine(accepting=True) as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        assert sealed_key.is_there(state(sealed)), "not before the order is carried out"
        assert engine.accept_hardware()
        engine.bind()
    assert not sealed_key.is_there(state(sealed))
    assert Vault(state(sealed)).license() is not None, "in files again: no TPM is named"
    live(sealed, "start")


def test_without_a_tpm_that_answers_nothing_is_written_bare(kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.tpm = tmp_path / "none"
    with pytest.raises(ConfigurationError) as caught:
        live(kiosk, "bind")
    assert caught.value.code == "identity.tpm"
    assert exposed(kiosk) == []

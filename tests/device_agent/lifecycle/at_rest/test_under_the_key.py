"""Every secret lies under the key that is sealed to the TPM, and none that does not is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import read_with
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.vault import BARE_TOKENS, Vault
from tests.device_agent.lifecycle.conftest import CODE, FILES, Kiosk
from tests.stand_in_tpm import CREATE, UNSEAL, StandInTpm

from .conftest import bare, exposed, live, state, vault


def test_a_whole_life_shows_no_secret_to_the_disk(managed: Kiosk, new_tpm: Callable[[], Path]) -> None:
    managed.tpm = new_tpm()
    for stage in ("bind", "start", "fetch", "renew"):
        live(managed, stage)
        assert exposed(managed) == [], stage
    assert bare(managed) == []
    keys = [data for name, data in managed.files().items() if name.endswith("key.pem")]
    assert keys, "there is something to be seen"
    token = vault(managed).token()
    assert token is not None
    assert token.reveal().encode() not in b"".join(managed.files().values())
    assert open_avatar(managed.settings(), CODE)["character.glb"] == FILES["character.glb"]
    live(managed, "unbind")
    assert load(state(managed)).record.phase is Phase.DECOMMISSIONED
    assert not sealed_key.is_there(state(managed))
    assert not (state(managed) / "secrets").exists()


def test_a_device_from_before_goes_under_the_key_as_it_is(managed: Kiosk, new_tpm: Callable[[], Path]) -> None:
    live(managed, "bind", "fetch")
    before, seats = load(state(managed)).record, managed.harness.seats()
    fingerprint = Vault(state(managed)).lineage.current()
    token = Vault(state(managed)).token()
    assert exposed(managed)
    assert {"license.json", "token.json", "key.pem"} <= {Path(name).name for name in bare(managed)}
    managed.tpm = new_tpm()
    with managed.engine() as engine:
        assert [step.name for step in engine.steps] == ["storage key"]
        assert "4 secrets" in engine.steps[0].result or "3 secrets" in engine.steps[0].result
    assert (exposed(managed), bare(managed)) == ([], [])
    after = load(state(managed), keyring=read_with(managed.settings()))
    assert after.keyed
    assert msgspec.structs.replace(after.record, gen=0, v=0) == msgspec.structs.replace(before, gen=0, v=0)
    assert vault(managed).token() == token
    identity = vault(managed).lineage.current()
    assert identity is not None
    assert fingerprint is not None
    assert identity.fingerprint == fingerprint.fingerprint
    with managed.engine() as engine:
        assert engine.steps == (), "once"
        assert not engine.bind()
    assert managed.harness.seats() == seats
    assert open_avatar(managed.settings(), CODE)["character.glb"] == FILES["character.glb"]
    live(managed, "start", "renew", "unbind")


def test_the_tpm_is_asked_once_and_only_for_what_is_sealed(sealed: Kiosk, chip: StandInTpm) -> None:
    live(sealed, "bind", "fetch")
    chip.heard.clear()
    load(state(sealed))
    assert chip.heard == [], "to look at the record asks nobody"
    live(sealed, "start")
    assert chip.heard.count(UNSEAL) == 1
    chip.heard.clear()
    open_avatar(sealed.settings(), CODE)
    assert (chip.heard.count(UNSEAL), chip.heard.count(CREATE)) == (1, 0)


def test_bare_secrets_are_not_believed_any_more(sealed: Kiosk) -> None:
    live(sealed, "bind")
    planted = state(sealed) / "secrets" / "license.json"
    planted.write_text('{"License": "planted"}')
    assert vault(sealed).license() is not None, "a reader that saw no record has no reason to doubt"
    keyring = read_with(sealed.settings())
    load(state(sealed), keyring=keyring)
    assert Vault(state(sealed), cover=keyring).license() is None
    with sealed.engine() as engine:
        engine.start()
    planted.unlink()
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BOUND, "a secret that is gone costs nothing more"


def test_secrets_do_not_stand_in_for_each_other(sealed: Kiosk) -> None:
    live(sealed, "bind")
    folder = state(sealed) / "secrets"
    (folder / "token.json").write_bytes((folder / "license.json").read_bytes())
    assert vault(sealed).token() is None


def test_a_new_life_in_the_same_process_has_a_key_that_is_on_the_disk(sealed: Kiosk) -> None:
    with sealed.engine() as engine:
        engine.bind()
        engine.unbind()
        engine.bind()
    assert sealed_key.is_there(state(sealed))
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BOUND
        assert engine._device.vault.license() is not None
        assert engine.token is not None


def test_every_secret_there_can_be_goes_under_the_key(sealed: Kiosk) -> None:
    path, sealed.tpm = sealed.tpm, None
    live(sealed, "bind")
    before = Vault(state(sealed))
    before.put_new_license("new")
    before.put_previous_license("previous")
    for name in BARE_TOKENS:
        (state(sealed) / "secrets" / name).touch(0o600)
        (state(sealed) / "secrets" / name).write_text(name)
    sealed.tpm = path
    with sealed.engine() as engine:
        assert bare(sealed) == []
        kept = engine._device.vault
        found = (kept.new_license(), kept.previous_license(), *kept.bare_tokens())
        assert [one.reveal() for one in found if one is not None] == ["new", "previous", *BARE_TOKENS]

"""Secrets that lie under a key which is sealed to the TPM: a stand-in everywhere, swtpm where it is installed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from certs.cover import is_covered
from certs.errors import SealError
from certs.license import License
from device_agent.errors import ConfigurationError, StateError
from device_agent.harness.enrolment.server import Enrolment
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import read_with
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.slot import SLOTS, decode, encode, parse
from device_agent.lifecycle.vault import BARE_TOKENS, Vault
from device_agent.service.checkup import checkup
from tests.stand_in_tpm import CREATE, LOAD, UNSEAL, StandInTpm

from .conftest import CODE, FILES, Kiosk

KEY = b"PRIVATE KEY"


@pytest.fixture
def chip() -> StandInTpm:
    return StandInTpm()


@pytest.fixture
def sealed(kiosk: Kiosk, chip: StandInTpm, tmp_path: Path) -> Iterator[Kiosk]:
    """A kiosk whose settings name a TPM."""
    with chip.serving(tmp_path / "tpm") as path:
        kiosk.tpm = path
        yield kiosk


def state(kiosk: Kiosk) -> Path:
    return kiosk.folder / "state"


def secrets(kiosk: Kiosk) -> list[bytes]:
    """What must not be on the disk: pieces of the licence, of any key, of tokens as the platform gives them."""
    text = License.load(Path(kiosk.harness.ready.license_file)).reveal()
    return [text[:48].encode(), text[64:112].encode(), KEY, b'"License"']


def exposed(kiosk: Kiosk) -> list[str]:
    return [name for name, data in kiosk.files().items() if any(secret in data for secret in secrets(kiosk))]


def bare(kiosk: Kiosk) -> list[str]:
    """Files among the secrets, whatever their names, that no key covers; certificates are no secret."""
    found = kiosk.files().items()
    secret = ((name, data) for name, data in found if "/secrets/" in name and not name.endswith("chain.pem"))
    return [name for name, data in secret if not is_covered(data)]


def live(kiosk: Kiosk, *stages: str) -> None:
    for stage in stages:
        with kiosk.engine() as engine:
            {
                "bind": engine.bind,
                "start": engine.start,
                "fetch": lambda engine=engine: engine.fetch(CODE),
                "renew": lambda engine=engine: engine.renew_certificate(force=True),
                "unbind": engine.unbind,
            }[stage]()


def vault(kiosk: Kiosk) -> Vault:
    return Vault(state(kiosk), cover=read_with(kiosk.settings()))


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


def forge(kiosk: Kiosk, **changes: object) -> None:
    """What somebody with the disk in another machine can write: whole, newest, and without an HMAC."""
    newest = load(state(kiosk)).record
    for number, name in enumerate(SLOTS):
        record = newest.changed(gen=newest.gen + 5 + number, **changes)
        (state(kiosk) / name).write_bytes(encode(record))


def test_a_record_that_somebody_else_wrote_is_not_believed(sealed: Kiosk) -> None:
    live(sealed, "bind", "fetch")
    whole = {name: (state(sealed) / name).read_bytes() for name in SLOTS}
    forge(sealed, phase=Phase.READY, device_id="somebody else")
    with pytest.raises(StateError) as caught:
        open_avatar(sealed.settings(), CODE)
    assert caught.value.code == "state.not_bound"
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK
        engine.bind()
        assert engine.record.device_id == load(state(sealed)).record.device_id
    assert len(sealed.harness.seats()) == 1
    for name, data in whole.items():
        (state(sealed) / name).write_bytes(data)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.READY, "its own of before is believed: an old copy of the whole folder"


@pytest.mark.parametrize("how", ["mac cut off", "mac changed", "another device's"])
def test_every_way_to_write_a_record_without_the_key(sealed: Kiosk, how: str) -> None:
    live(sealed, "bind")
    for name in SLOTS:
        path = state(sealed) / name
        slot = parse(path.read_bytes())
        assert slot is not None
        assert slot.mac is not None
        made = {
            "mac cut off": lambda slot=slot: encode(slot.record.changed(v=1)),
            "mac changed": lambda slot=slot: encode(slot.record, mac=lambda _signed: bytes(32)),
            "another device's": lambda slot=slot: encode(
                slot.record, mac=lambda signed: hashlib.sha256(b"another key" + signed).digest()
            ),
        }[how]()
        assert decode(made) is not None, "it is whole: only the key tells"
        path.write_bytes(made)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK


def test_the_record_of_before_counts_until_the_next_one_and_no_other(sealed: Kiosk, tmp_path: Path) -> None:
    path, aside, sealed.tpm = sealed.tpm, tmp_path / "before", None
    live(sealed, "bind", "fetch")
    shutil.copytree(state(sealed), aside)
    sealed.tpm = path
    live(sealed, "start")
    copies = {name: (state(sealed) / name).read_bytes() for name in sealed_key.COPIES}
    shutil.rmtree(state(sealed))
    shutil.copytree(aside, state(sealed))
    for name, data in copies.items():
        (state(sealed) / name).write_bytes(data)
        (state(sealed) / name).chmod(0o600)
    with sealed.engine() as engine:  # power failed after the key was made and before anything lay under it
        assert engine.record.phase is Phase.READY
        assert engine.record.gen > load(aside).record.gen
    assert exposed(sealed) == []
    forge(sealed)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK, "another one without an HMAC"


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


def test_a_tpm_that_was_cleared_costs_a_new_bind_and_no_seat(
    managed: Kiosk, office: Enrolment, chip: StandInTpm, tmp_path: Path
) -> None:
    with chip.serving(tmp_path / "tpm") as managed.tpm:
        live(managed, "bind", "fetch")
        seats = managed.harness.seats()
        chip.clear()
        with pytest.raises(SealError) as caught:
            open_avatar(managed.settings(), CODE)
        assert "cleared" in caught.value.message
        with managed.engine() as engine:
            assert [step.name for step in engine.steps] == ["storage key"]
            assert engine.steps[0].result.startswith("lost")
            assert engine.record.phase is Phase.BLANK
            engine.bind()
        assert len(managed.harness.seats()) == len(seats) == 1
        assert exposed(managed) == []
        live(managed, "fetch")
        assert open_avatar(managed.settings(), CODE)["character.glb"] == FILES["character.glb"]
        live(managed, "unbind")


@pytest.mark.parametrize("serial", ["board-1", ""])
def test_a_device_that_got_its_tpm_late_keeps_its_id_when_that_is_cleared(
    kiosk: Kiosk, chip: StandInTpm, tmp_path: Path, serial: str
) -> None:
    """Its seat is held under the board's id or a random one; a new identity would be the TPM's, and take another."""
    kiosk.serial, kiosk.id_from_tpm = serial, True
    kiosk.overrides["blank_window_s"] = "960"
    live(kiosk, "bind")
    before = load(state(kiosk)).record
    assert before.id_source == ("board" if serial else "random")
    with chip.serving(tmp_path / "tpm") as kiosk.tpm:
        live(kiosk, "fetch")
        told = checkup(kiosk.settings(), environ={}, network=False)
        advice = [one for one in told if "device_id in the settings" in one.fix]
        assert len(advice) == 1
        assert ("second seat" if serial else "another seat") in advice[0].says
        keeps = checkup(kiosk.settings(device_id=before.device_id), environ={}, network=False)
        assert not [one for one in keeps if "device_id" in one.fix]
        with kiosk.engine() as engine:
            engine._device.journal.write(engine.record.changed(orders=("order-0001",)))
        chip.clear()
        with kiosk.engine() as engine:
            assert engine.record.phase is Phase.BLANK
            engine.prove_storage()
            engine.bind()
            assert (engine.record.device_id, engine.record.id_source) == (before.device_id, before.id_source)
            assert engine.record.hw_print == before.hw_print
            assert engine.record.bind.unsure_until > engine.now, "what the void record sent may be under way"
            assert engine.record.orders == ("order-0001",), "an old order removes it no second time"
        assert len(kiosk.harness.seats()) == 1


def test_a_void_record_s_requests_may_still_be_served(sealed: Kiosk, chip: StandInTpm) -> None:
    live(sealed, "bind")
    with sealed.engine() as engine:
        until = engine.now + 900.0
        bind = msgspec.structs.replace(engine.record.bind, unsure_until=until, outcome="unsure")
        engine._device.journal.write(engine.record.changed(bind=bind))
    chip.clear()
    with sealed.engine() as engine:
        for act in (engine.unbind, lambda: engine.abandon(keep=lambda _ticket: pytest.fail("a ticket"))):
            with pytest.raises(StateError, match="may still be held") as caught:
                act()
            assert caught.value.code == "state.void"
        engine.bind()
        assert engine.record.bind.unsure_until == until
        engine.unbind()
        assert engine.is_sealing


def test_who_a_void_record_names_is_not_another_machine_s_nor_another_account_s(
    kiosk: Kiosk, chip: StandInTpm, tmp_path: Path
) -> None:
    kiosk.id_from_tpm = True
    with chip.serving(tmp_path / "tpm") as kiosk.tpm:
        live(kiosk, "bind")
        mine = load(state(kiosk)).record.device_id
        chip.clear()
        kiosk.overrides["device_id"] = "KIOSK-7"
        live(kiosk, "bind")
        assert load(state(kiosk)).record.device_id == "KIOSK-7", "the operator's word"
        del kiosk.overrides["device_id"]
        with kiosk.engine() as engine:
            void = engine.record.changed(phase=Phase.BLANK, device_id=mine, id_source="board", hw_print=("x",) * 5)
            engine._device.journal.write(void)
            engine.bind()
            assert engine.record.id_source == "tpm", "another machine's hashes: the id is made anew"


def test_a_void_id_does_not_go_along_to_another_tpm(sealed: Kiosk, chip: StandInTpm, tmp_path: Path) -> None:
    live(sealed, "bind")
    chip.clear()
    with sealed.engine() as engine:
        engine.prove_storage()
        assert engine.record.device_id, "durable, before it is bound again"
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm, sealed.engine() as engine:
        assert (engine.record.phase, engine.record.device_id) == (Phase.BLANK, "")


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


def test_a_disk_in_another_machine_stays_what_it_is(sealed: Kiosk, tmp_path: Path) -> None:
    """The other machine's TPM opens nothing, sends nothing, changes nothing; put back, all is as it was."""
    live(sealed, "bind", "fetch")
    before, mine, calls = sealed.files(), sealed.tpm, len(sealed.harness.calls())
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        sealed.serial = "board-2"
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
            for act in (engine.bind, engine.unbind, engine.start):
                with pytest.raises(StateError):
                    act()
            engine.prove_storage()
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT, "found out again"
        with pytest.raises(SealError):
            open_avatar(sealed.settings(), CODE)
    (sealed.folder / "serial").write_text("board-1")
    assert sealed.files() == before
    assert len(sealed.harness.calls()) == calls
    sealed.tpm, sealed.serial = mine, "board-1"
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.READY
    assert open_avatar(sealed.settings(), CODE)["character.glb"] == FILES["character.glb"]


def test_a_disk_without_a_key_gets_none_where_it_is_a_guest(sealed: Kiosk) -> None:
    """Else that machine's TPM would have closed what is the owner's, and the disk's own secrets would count no more."""
    theirs, sealed.tpm = sealed.tpm, None
    live(sealed, "bind")
    before = sealed.files()
    sealed.tpm, sealed.serial = theirs, "board-2"
    for _ in range(2):
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
            engine.prove_storage()
        assert sealed.files() == {**before, "serial": b"board-2"}
    sealed.tpm, sealed.serial = None, "board-1"
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BOUND, "back in its own machine"
    sealed.tpm, sealed.serial = theirs, "board-2"
    with sealed.engine() as engine:
        assert engine.accept_hardware()
        engine.bind()
    assert exposed(sealed) == []


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


def test_another_tpm_beside_the_same_board_is_another_machine_too(sealed: Kiosk, tmp_path: Path) -> None:
    """An id that the operator gave or the board gives says nothing of the TPM; what it has sealed does."""
    live(sealed, "bind")
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        with sealed.engine() as engine:
            assert engine.record.phase is Phase.CLONE_SUSPECT
        with sealed.engine(accepting=True) as engine:
            assert engine.accept_hardware()
            engine.bind()
        assert len(sealed.harness.seats()) == 1, "the board is the same, and so is the id"


def test_a_disk_that_was_moved_on_purpose_gets_a_key_of_its_own(sealed: Kiosk, tmp_path: Path) -> None:
    live(sealed, "bind")
    old = (state(sealed) / sealed_key.COPIES[0]).read_bytes()
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        sealed.serial = "board-2"
        with sealed.engine(accepting=True) as engine:
            assert engine.accept_hardware()
            engine.bind()
        assert (state(sealed) / sealed_key.COPIES[0]).read_bytes() != old
        assert exposed(sealed) == []
        assert len(sealed.harness.seats()) == 2, "the old one is its own machine's"
        live(sealed, "start")


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


class PowerFails(BaseException):
    pass


def cut_before_the_first_record(sealed: Kiosk, **opening: object) -> None:
    """Power fails after the new key is durable and before anything lies under it."""

    def reach(point: str) -> None:
        if point == "record.write":
            raise PowerFails

    with pytest.raises(PowerFails), sealed.engine(reach=reach, **opening) as engine:
        _ = engine.accept_hardware() or engine.bind()
    assert read_with(sealed.settings()).seals, "the new key is there"


def test_what_lies_there_when_a_key_is_lost_is_not_what_the_next_one_vouches_for(
    sealed: Kiosk, chip: StandInTpm
) -> None:
    """Power fails after the new key was made and before the first record under it."""
    live(sealed, "bind", "fetch")
    chip.clear()
    forge(sealed)
    cut_before_the_first_record(sealed)
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK


def test_a_new_key_says_who_the_device_is_and_nobody_else_does(sealed: Kiosk, chip: StandInTpm) -> None:
    live(sealed, "bind", "fetch")
    mine = load(state(sealed)).record
    chip.clear()
    cut_before_the_first_record(sealed)
    with sealed.engine() as engine:
        assert (engine.record.phase, engine.record.bound) == (Phase.BLANK, None), "who it is, and nothing else"
        assert (engine.record.device_id, engine.record.hw_print) == (mine.device_id, mine.hw_print)
    (newest,) = [name for name in SLOTS if (state(sealed) / name).exists()]
    kept = (state(sealed) / newest).read_bytes()
    for name in SLOTS:
        (state(sealed) / name).touch(0o600)
    forge(sealed, device_id="somebody else")
    with sealed.engine() as engine:
        assert (engine.record.phase, engine.record.device_id) == (Phase.BLANK, "")
    (state(sealed) / SLOTS[0]).write_bytes(kept)
    with sealed.engine() as engine:
        assert engine.record.device_id == mine.device_id, "an older one that was there counts, the newer does not"
        engine.bind()
        assert engine.record.device_id == mine.device_id
    (state(sealed) / newest).write_bytes(kept)
    with sealed.engine() as engine:
        assert engine.record.phase is not Phase.BLANK, "it says nothing any more beside a record under the key"


def test_the_key_of_a_machine_that_a_disk_was_moved_to_names_nobody(sealed: Kiosk, tmp_path: Path) -> None:
    live(sealed, "bind")
    with StandInTpm().serving(tmp_path / "theirs") as sealed.tpm:
        sealed.serial = "board-2"
        cut_before_the_first_record(sealed, accepting=True)
        with sealed.engine() as engine:
            assert (engine.record.phase, engine.record.device_id) == (Phase.BLANK, "")


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


def test_a_record_of_before_beside_no_key_opens_nothing(sealed: Kiosk) -> None:
    """What docs/security.md says openly: without its key a device cannot be told from one that never had any."""
    live(sealed, "bind", "fetch")
    forge(sealed)
    for name in sealed_key.COPIES:
        (state(sealed) / name).unlink()
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.READY
        assert engine._device.vault.license() is None
        assert engine.token is None
    with pytest.raises(StateError):
        open_avatar(sealed.settings(), CODE)


def test_a_keyed_record_without_its_key_is_void(sealed: Kiosk) -> None:
    live(sealed, "bind")
    for name in sealed_key.COPIES:
        (state(sealed) / name).unlink()
    with sealed.engine() as engine:
        assert engine.record.phase is Phase.BLANK
        engine.bind()
    assert len(sealed.harness.seats()) == 1
    assert exposed(sealed) == []

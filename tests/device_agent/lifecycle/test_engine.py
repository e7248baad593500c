"""A device's life against the harness, with everything that can go wrong on the way."""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certs.license import License
from device_agent.api.retry import RetryPolicy
from device_agent.errors import (
    AgentError,
    LicenseRefused,
    NetworkError,
    NotThePlatform,
    PackageError,
    ParameterRefused,
    SeatsFull,
    StateError,
)
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.account import account_of
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.identity import id_hash
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.observe import Step
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.vault import Vault

from .conftest import CODE, FILES, Kiosk


def seats(harness: RunningHarness) -> list[Any]:
    return [seat["device_id"] for seat in harness.seats()]


def shown(kiosk: Kiosk, code: str | None = CODE) -> dict[str, bytes]:
    """The opened package, but for the list of sealed files that the harness writes into it."""
    files = open_avatar(kiosk.settings(), code)
    assert b"encrypt_list" in files.pop("metaInfo.json")
    return files


def test_a_whole_life_each_step_in_a_process_of_its_own(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        assert engine.bind()
        device_id = engine.record.device_id
        assert [step.name for step in engine.steps] == ["identity", "LicenseAuth", "ClientAuth"]
    assert seats(harness) == [device_id]
    with kiosk.engine() as engine:
        assert engine.record.phase is Phase.BOUND
        started = engine.start()
        token = started.im_token.reveal()
        assert token
        assert token.encode() not in b"".join(kiosk.files().values()), "the session's token is memory only"
    seen: list[tuple[int, int]] = []
    with kiosk.engine() as engine:
        fetched = engine.fetch(CODE, progress=lambda here, whole: seen.append((here, whole)))
        assert engine.record.phase is Phase.READY
        assert [step.name for step in engine.steps] == ["Render3dAvatar", "download", "verify"]
    assert seen[-1] == (fetched.package.size, fetched.package.size)
    assert shown(kiosk, None) == FILES
    assert shown(kiosk) == FILES
    plain = b"".join(kiosk.files().values())
    assert FILES["character.glb"][:64] not in plain, "sealed on disk"
    with kiosk.engine() as engine:
        assert engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
        tombstone = engine.record.tombstone
        assert tombstone is not None
        assert tombstone.id_hash == id_hash(device_id)
    assert seats(harness) == []
    left = kiosk.files()
    licence = License.load(Path(harness.ready.license_file)).reveal().encode()
    assert not any(name.startswith("cache") for name in left)
    for secret in (licence[64:128], licence[:64], device_id.encode(), harness.ready.access_key_secret.encode()):
        assert not any(secret in data for data in left.values())


def test_secrets_are_private_files(kiosk: Kiosk) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
    for path in (kiosk.folder / "state", kiosk.folder / "cache"):
        for file in [path, *path.rglob("*")]:
            assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600), file


def test_a_bound_device_asks_for_nothing_twice(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    before = len(harness.calls())
    with kiosk.engine() as engine:
        assert not engine.bind()
    assert len(harness.calls()) == before


def test_a_re_imaged_device_gets_its_seat_back(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    shutil.rmtree(kiosk.folder / "state")
    with kiosk.engine() as engine:
        engine.bind()
    assert len(seats(harness)) == 1


def test_every_step_is_told_to_the_observer(kiosk: Kiosk) -> None:
    seen: list[Step] = []
    with kiosk.engine(observer=seen.append) as engine:
        engine.bind()
        with pytest.raises(ParameterRefused):
            engine.fetch("nope")
        assert tuple(seen) == engine.steps
    assert [(step.name, step.ok) for step in seen] == [
        ("identity", True),
        ("LicenseAuth", True),
        ("ClientAuth", True),
        ("Render3dAvatar", False),
    ]
    assert all(step.ms >= 0 for step in seen)
    assert all(step.request_id for step in seen[1:])


@pytest.mark.parametrize("operation", ["start", "fetch"])
def test_nothing_works_before_bind(kiosk: Kiosk, harness: RunningHarness, operation: str) -> None:
    with kiosk.engine() as engine, pytest.raises(StateError, match="avatar-agent bind"):
        engine.start() if operation == "start" else engine.fetch(CODE)
    with pytest.raises(StateError):
        open_avatar(kiosk.settings(), CODE)
    assert harness.calls() == []


def test_a_wrong_licence_changes_nothing(kiosk: Kiosk, harness: RunningHarness, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("x" * 64 + "AAAA", encoding="ascii")
    with kiosk.engine(overrides={"license_file": str(wrong)}) as engine:
        with pytest.raises(LicenseRefused) as caught:
            engine.bind()
        assert engine.record.phase is Phase.IDENTIFIED
    assert caught.value.exit_status == 4
    assert "license_file" in caught.value.hint
    assert "AAAA" not in str(caught.value)
    assert seats(harness) == []
    assert not (kiosk.folder / "state" / "secrets").exists()
    with kiosk.engine() as engine:
        assert engine.bind()


def test_the_licence_of_another_application(kiosk: Kiosk, harness: RunningHarness, tmp_path: Path) -> None:
    other = harness.issue_license(app_id="OTHERAPP")
    with kiosk.engine(overrides={"license_file": other["license_file"]}) as engine:
        with pytest.raises(LicenseRefused) as told_here:
            engine.bind()
        assert engine.record.phase is Phase.BLANK
    assert told_here.value.code == "license.other_account"
    assert harness.calls() == []
    bare = tmp_path / "bare.txt"
    bare.write_text(License.load(Path(other["license_file"])).reveal(), encoding="ascii")
    with kiosk.engine(overrides={"license_file": str(bare)}) as engine:
        with pytest.raises(LicenseRefused) as told_there:
            engine.bind()
        assert engine.record.phase is Phase.IDENTIFIED
    assert told_there.value.code == "10010003"
    assert seats(harness) == []


def test_corrected_settings_are_taken_before_a_seat_was_asked_for(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("license_expired", on="LicenseAuth")
    with kiosk.engine(overrides={"device_id": "first"}) as engine, pytest.raises(LicenseRefused):
        engine.bind()
    with kiosk.engine(overrides={"device_id": "second"}) as engine:
        engine.bind()
    assert seats(harness) == ["second"]
    with kiosk.engine(overrides={"device_id": "third"}) as engine, pytest.raises(StateError, match="unbind it first"):
        engine.bind()


def test_seats_full_is_recorded_and_a_freed_seat_is_taken(
    another_kiosk: Callable[[str], Kiosk], harness: RunningHarness
) -> None:
    first, second, third = (another_kiosk(name) for name in ("s-1", "s-2", "s-3"))
    for kiosk in (first, second):
        with kiosk.engine() as engine:
            engine.bind()
    with third.engine() as engine:
        with pytest.raises(SeatsFull) as caught:
            engine.bind()
        assert engine.record.phase is Phase.SEAT_FULL
    assert caught.value.exit_status == 4
    assert caught.value.request_id
    assert "unbind a device" in caught.value.hint
    assert len(seats(harness)) == 2
    with first.engine() as engine:
        engine.unbind()
    with third.engine() as engine:
        assert engine.bind()
    assert len(seats(harness)) == 2


def test_the_code_for_full_seats_is_the_operator_s_to_set(
    another_kiosk: Callable[[str], Kiosk], harness: RunningHarness
) -> None:
    harness.rules(full_code="Seat.Quota")
    for name in ("s-1", "s-2"):
        with another_kiosk(name).engine() as engine:
            engine.bind()
    with another_kiosk("s-3").engine() as engine:
        with pytest.raises(AgentError) as unknown:
            engine.bind()
        assert engine.record.phase is Phase.BINDING, "an unknown code moves nothing"
    assert not isinstance(unknown.value, SeatsFull)
    with another_kiosk("s-4").engine(overrides={"seat_full_codes": "Seat.Quota"}) as engine, pytest.raises(SeatsFull):
        engine.bind()


@pytest.mark.parametrize("pattern", [r"/^Seat\.Q/", r"/(?i)EVERY SEAT.* taken \(2 of/"])
def test_an_expression_names_the_refusal_by_its_code_or_its_words(
    another_kiosk: Callable[[str], Kiosk], harness: RunningHarness, pattern: str
) -> None:
    harness.rules(full_code="Seat.Quota")
    for name in ("s-1", "s-2"):
        with another_kiosk(name).engine() as engine:
            engine.bind()
    third = another_kiosk("s-3")
    with third.engine(overrides={"seat_full_codes": r"/^Quota/, /every seat$/"}) as engine:
        with pytest.raises(AgentError) as unknown:
            engine.bind()
        assert engine.record.phase is Phase.BINDING
    assert not isinstance(unknown.value, SeatsFull)
    with third.engine(overrides={"seat_full_codes": f"1001, {pattern}"}) as engine:
        with pytest.raises(SeatsFull):
            engine.bind()
        assert engine.record.phase is Phase.SEAT_FULL


def test_an_answer_that_got_lost_is_asked_for_again_and_costs_one_seat(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("drop_after", on="ClientAuth")
    with kiosk.engine() as engine:
        with pytest.raises(NetworkError):
            engine.bind()
        assert engine.record.phase is Phase.BINDING
        assert engine.record.bind.outcome == "unsure"
        assert engine.record.bind.unsure_until > 0
    assert len(seats(harness)) == 1
    with kiosk.engine() as engine:
        engine.bind()
        assert engine.record.phase is Phase.BOUND
    assert len(seats(harness)) == 1


def test_an_unanswered_request_for_a_seat_is_never_hidden_by_a_retry(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("drop_after", on="ClientAuth")
    patient = {"retry": RetryPolicy(attempts=5, first_s=0.001)}
    with kiosk.engine(client_options=patient) as engine:
        with pytest.raises(NetworkError):
            engine.bind()
        assert engine.record.bind.outcome == "unsure"
        unsure_until = engine.record.bind.unsure_until
        engine.bind()
        assert engine.record.bind.unsure_until == unsure_until, "it may still arrive after the seat is taken"


def test_an_unsure_device_seals_before_it_erases(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("drop_after", on="ClientAuth")
    with kiosk.engine() as engine, pytest.raises(NetworkError):
        engine.bind()
    with kiosk.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.SEALING
    with kiosk.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.SEALING, "the window is still open"
        with pytest.raises(StateError, match="being unbound"):
            engine.bind()
    harness.move_time(1000)
    with kiosk.engine(clock=Later(1000)) as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert [call.operation for call in harness.calls()].count("ClientUnbindDevice") == 2
    assert seats(harness) == []


class Later:
    """The system's clock, some seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wall(self) -> float:
        return time.time() + self._seconds

    def steady(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        return None


@pytest.mark.parametrize("off_s", [1200, -1200])
def test_a_clock_20_minutes_off_is_corrected_once_and_remembered(
    kiosk: Kiosk, harness: RunningHarness, off_s: float
) -> None:
    with kiosk.engine(clock=Later(off_s)) as engine:
        engine.bind()
        assert engine.record.contact.offset_s == pytest.approx(-off_s, abs=3)
    refused = [call.operation for call in harness.calls()].count("LicenseAuth")
    assert refused == 2, "one refusal, one retry"
    before = len(harness.calls())
    with kiosk.engine(clock=Later(off_s)) as engine:
        engine.start()
    assert len(harness.calls()) == before + 1, "the next process knows"


@pytest.mark.parametrize("kind", ["drop_before", "http_500", "captive", "throttle"])
@pytest.mark.parametrize("operation", ["LicenseAuth", "ClientStart", "Render3dAvatar", "ClientUnbindDevice"])
def test_a_failed_call_loses_nothing(kiosk: Kiosk, harness: RunningHarness, kind: str, operation: str) -> None:
    if operation != "LicenseAuth":
        with kiosk.engine() as engine:
            engine.bind()
    acts: dict[str, Callable[[Any], Any]] = {
        "LicenseAuth": lambda engine: engine.bind(),
        "ClientStart": lambda engine: engine.start(),
        "Render3dAvatar": lambda engine: engine.fetch(CODE),
        "ClientUnbindDevice": lambda engine: engine.unbind(),
    }
    held = len(seats(harness))
    harness.fault(kind, on=operation)
    with kiosk.engine() as engine, pytest.raises(AgentError):
        acts[operation](engine)
    assert len(seats(harness)) == held
    with kiosk.engine() as engine:
        acts[operation](engine)
        expected = {"LicenseAuth": Phase.BOUND, "ClientStart": Phase.BOUND, "Render3dAvatar": Phase.READY}
        assert engine.record.phase is expected.get(operation, Phase.DECOMMISSIONED)
    assert len(seats(harness)) == (0 if operation == "ClientUnbindDevice" else 1)


def test_an_answer_from_a_captive_portal_is_told_as_such(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("captive", on="LicenseAuth")
    with kiosk.engine() as engine, pytest.raises(NotThePlatform, match="captive portal"):
        engine.bind()


@pytest.mark.parametrize("rule", ["ok", "error"])
def test_unbind_after_the_answer_got_lost(kiosk: Kiosk, harness: RunningHarness, rule: str) -> None:
    harness.rules(unknown_unbind=rule)
    with kiosk.engine() as engine:
        engine.bind()
    harness.fault("drop_after", on="ClientUnbindDevice")
    with kiosk.engine() as engine:
        with pytest.raises(NetworkError):
            engine.unbind()
        assert engine.record.phase is Phase.UNBINDING
        assert (kiosk.folder / "state" / "secrets").is_dir(), "secrets stay until the seat is known to be free"
    with pytest.raises(StateError):
        open_avatar(kiosk.settings(), None)
    with kiosk.engine() as engine:
        assert engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    with kiosk.engine() as engine:
        assert not engine.unbind()


def test_a_removed_device_can_be_bound_again(kiosk: Kiosk, harness: RunningHarness) -> None:
    for _ in range(2):
        with kiosk.engine() as engine:
            engine.bind()
            engine.unbind()
    assert seats(harness) == []


def test_a_cut_download_goes_on_where_it_ended(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    harness.fault("cut", on="assets", bytes=120_000)
    with kiosk.engine() as engine:
        with pytest.raises(NetworkError):
            engine.fetch(CODE)
        assert engine.record.phase is Phase.BOUND
    with kiosk.engine() as engine:
        fetched = engine.fetch(CODE)
    assert fetched.package.transferred == fetched.package.size - 120_000
    assert shown(kiosk) == FILES


def test_a_flipped_byte_is_noticed_and_the_next_fetch_heals_it(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        harness.fault("wrong_bytes", on="assets", bytes=100_000)
        with pytest.raises(PackageError):
            engine.fetch(CODE)
        assert engine.record.phase is Phase.BOUND
        engine.fetch(CODE)
    (sealed,) = (path for path in kiosk.folder.rglob("*.sealed"))
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 1
    sealed.write_bytes(data)
    with pytest.raises(PackageError) as caught:
        open_avatar(kiosk.settings(), CODE)
    assert caught.value.exit_status == 7
    with kiosk.engine() as engine:
        engine.fetch(CODE)
    assert shown(kiosk) == FILES


def test_the_licence_ends_between_two_calls(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("license_expired", on="ClientAuth")
    with kiosk.engine() as engine:
        with pytest.raises(LicenseRefused):
            engine.bind()
        assert (engine.record.phase, engine.record.blocked) == (Phase.LICENSE_BLOCKED, "expired")
        with pytest.raises(LicenseRefused, match="renew"):
            engine.start()
        engine.bind()
        assert engine.record.blocked == ""


def test_throttling_is_waited_out(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.fault("throttle", on="LicenseAuth", retry_after_ms=40)
    waiting = {"retry": RetryPolicy(attempts=2, first_s=0.001)}
    with kiosk.engine(client_options=waiting) as engine:
        engine.bind()


def test_the_harness_s_other_rules_of_seats(kiosk: Kiosk, harness: RunningHarness) -> None:
    harness.rules(repeat="counted", full_and_bound="refused", after_unbind="refused", unknown_unbind="error")
    with kiosk.engine() as engine:
        engine.bind()
        engine.start()
        engine.fetch(CODE)
        engine.unbind()
    assert seats(harness) == []


def test_missing_settings_are_named(kiosk: Kiosk) -> None:
    settings = msgspec.structs.replace(kiosk.settings(), license_file=None)
    with pytest.raises(AgentError, match="license_file"):
        account_of(settings, vault=Vault(settings.state_dir), record=Record())


def test_locks_keep_a_second_process_out(kiosk: Kiosk) -> None:
    with kiosk.engine(), pytest.raises(StateError) as caught, kiosk.engine():
        pass
    assert caught.value.code == "state.locked"


def let_the_order_be(harness: RunningHarness, state: str) -> None:
    harness.with_world(lambda world: world.seats.set_state(world.seats.licenses()[0]["license_id"], state))


@pytest.mark.parametrize("state", ["released", "cancelled", "expired"])
def test_an_order_that_is_gone_takes_its_token_along_and_nothing_else(
    kiosk: Kiosk, harness: RunningHarness, state: str
) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
    before = kiosk.files()
    let_the_order_be(harness, state)
    with kiosk.engine() as engine:
        with pytest.raises(LicenseRefused):
            engine.start()
        record = engine.record
    gone = state != "expired"
    assert (record.phase, record.blocked) == (Phase.LICENSE_BLOCKED, "gone" if gone else "expired")
    lost = {name.rpartition("/")[2] for name in set(before) - set(kiosk.files())}
    assert lost == ({"token.json"} if gone else set())


def test_an_order_that_ended_and_then_is_gone_is_told_as_what_it_is(kiosk: Kiosk, harness: RunningHarness) -> None:
    with kiosk.engine() as engine:
        engine.bind()
    for state, blocked in (("expired", "expired"), ("released", "gone")):
        let_the_order_be(harness, state)
        with kiosk.engine() as engine:
            with pytest.raises(LicenseRefused):
                engine.start() if engine.record.phase is Phase.BOUND else engine.bind()
            assert (engine.record.phase, engine.record.blocked) == (Phase.LICENSE_BLOCKED, blocked)
    assert Vault(kiosk.folder / "state").token() is None
    assert Vault(kiosk.folder / "state").license() is not None
    let_the_order_be(harness, "active")
    with kiosk.engine() as engine:
        engine.bind()
        assert engine.record.phase is Phase.BOUND

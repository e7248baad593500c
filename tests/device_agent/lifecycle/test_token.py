"""How long a token of LicenseAuth is taken to be good, and which ones are kept."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.errors import PrivateFileError
from certs.files import write_private
from device_agent.config import Secret
from device_agent.errors import AgentError, LicenseRefused, StateError
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.token import Token, kept_token, received, rejected, take, worked
from device_agent.lifecycle.vault import Vault

from .conftest import Kiosk

AT = 1_800_000_000.0
A, B, C, D = (Secret(name) for name in "abcd")
DAY = 86400.0


@pytest.mark.parametrize(("age", "life"), [(1000, 800), (10, 300), (10**7, 604800), (3 * DAY, 207360), (-500, 3600)])
def test_a_rejection_teaches_the_life_within_bounds(age: float, life: float) -> None:
    """A clock that was set back teaches nothing."""
    token = rejected(received(None, A, now=AT), A, now=AT + age)
    assert token.life_s == pytest.approx(life)
    assert received(token, B, now=AT + age).life_s == token.life_s


def test_a_rejection_counts_once_and_for_this_token_only() -> None:
    token = rejected(received(None, A, now=AT), A, now=AT + 1000)
    assert token.rejected
    assert rejected(token, A, now=AT + 9000) == token, "said again: nothing more is learned"
    assert rejected(received(token, B, now=AT + 1000), A, now=AT + 9000).rejected is False
    assert worked(token, A).rejected is False, "it works after all"


def test_the_one_that_works_stays_until_another_has_worked() -> None:
    first = worked(received(None, A, now=AT), A)
    second = received(first, B, now=AT + 1)
    assert second.to_try == (B, A)
    third = received(second, C, now=AT + 2)
    assert third.to_try == (C, A), "b never opened anything"
    assert received(rejected(third, C, now=AT + 3), D, now=AT + 4).to_try == (D, A)
    assert worked(third, B) == third
    assert worked(third, A).to_try == (C, A)
    assert worked(third, C).to_try == (C,)
    assert received(worked(third, C), D, now=AT + 3).to_try == (D, C)
    assert received(rejected(worked(third, C), C, now=AT + 3), D, now=AT + 4).to_try == (D, C), "perhaps by mistake"


def test_the_same_token_once_more_is_the_one_that_worked() -> None:
    one, two = Secret("one"), Secret("two")
    again = received(worked(Token(token=one, at=1.0), one), one, now=2.0)
    assert (again.before, again.before_worked) == (None, False)
    assert received(again, two, now=3.0).to_try == (two, one)


def test_of_tokens_that_nobody_tried_the_newest_two_are_kept() -> None:
    token = received(received(received(None, A, now=AT), B, now=AT), C, now=AT)
    assert token.to_try == (C, B)
    assert received(worked(token, B), D, now=AT).to_try == (D, B), "c never worked, the one before it has"
    assert received(token, C, now=AT + 9).to_try == (C,), "a platform that gives the same one again"


def test_a_token_tells_nobody_what_it_is() -> None:
    assert "c4n4ry" not in repr(Token(token=Secret("c4n4ry"), at=AT, before=Secret("c4n4ry")))


@given(text=st.text())
def test_whatever_a_disk_made_of_it_is_a_token_or_none(text: str) -> None:
    class Damaged(Vault):
        def __init__(self) -> None:
            """Nowhere."""

        def token(self) -> Secret | None:
            return Secret(text)

        def bare_tokens(self) -> tuple[Secret | None, Secret | None]:
            return None, None

    assert kept_token(Damaged()) is None


@pytest.mark.parametrize(
    "content",
    [b"", bytes(200), b"\xff\xfe", b"{}", b'{"token":""}', b'{"token":"x","life_s":1}', b'{"x":' + b"[" * 5000],
)
def test_a_damaged_file_counts_as_none_and_the_next_token_takes_its_place(tmp_path: Path, content: bytes) -> None:
    vault = Vault(tmp_path / "state")
    take(vault, A, now=AT)
    write_private(tmp_path / "state" / "secrets" / "token.json", content)
    assert kept_token(vault) is None
    take(vault, B, now=AT)
    kept = kept_token(vault)
    assert kept == Token(token=B, at=AT)


def test_a_token_that_others_could_read_counts_as_none(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "state")
    take(vault, A, now=AT)
    file = tmp_path / "state" / "secrets" / "token.json"
    file.chmod(0o644)
    assert kept_token(vault) is None
    file.unlink()
    file.symlink_to("/dev/null")
    assert kept_token(vault) is None
    take(vault, B, now=AT)
    assert file.stat().st_mode & 0o777 == 0o600
    assert kept_token(vault) == Token(token=B, at=AT)


def test_a_disk_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = Vault(tmp_path / "state")
    take(vault, A, now=AT)

    def opened(*_given: object, **_more: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", opened)
    with pytest.raises(PrivateFileError):
        kept_token(vault)


@pytest.mark.parametrize("previous", [b"a", None])
def test_bare_tokens_of_an_older_layout_are_read_and_go_when_the_next_one_is_kept(
    tmp_path: Path, previous: bytes | None
) -> None:
    vault, folder = Vault(tmp_path / "state"), tmp_path / "state" / "secrets"
    folder.mkdir(parents=True, mode=0o700)
    write_private(folder / "token", b"b")
    if previous is not None:
        write_private(folder / "token.previous", previous)
    kept = kept_token(vault)
    assert kept is not None
    assert kept.to_try == ((B, A) if previous else (B,))
    assert (kept.at, kept.until) == (None, 0.0)
    assert rejected(kept, B, now=AT).life_s == 3600, "nobody knows how old it was"
    write_private(folder / "token.json", bytes(9))
    assert kept_token(vault) == kept
    take(vault, C, now=AT)
    assert kept_token(vault) == Token(token=C, at=AT, before=B)
    assert [path.name for path in folder.iterdir()] == ["token.json"]
    write_private(folder / "token", b"b")
    assert kept_token(vault) == Token(token=C, at=AT, before=B), "killed before they had gone"
    vault.forget_token()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", ["http_500", "drop_after", "captive", "token_expired", "throttle"])
def test_a_refresh_that_fails_leaves_everything_as_it_was(kiosk: Kiosk, harness: RunningHarness, kind: str) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        before, files = engine.token, kiosk.files()
        assert before is not None
        harness.fault(kind, on="LicenseAuth", times=3)
        known = len(harness.calls(operation="LicenseAuth"))
        with pytest.raises(AgentError):
            engine.refresh_token()
        assert len(harness.calls(operation="LicenseAuth")) == known + 1, "one request"
        assert engine.token == before
        assert kiosk.files() == files
        harness.lift_faults()
        assert engine.refresh_token()
        after = engine.token
    assert after is not None
    assert after.to_try == (after.token, before.token)
    assert after.token != before.token


@pytest.mark.parametrize("state", ["expired", "released"])
def test_a_refresh_that_hears_that_the_order_ended_says_so_to_the_device(
    kiosk: Kiosk, harness: RunningHarness, state: str
) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        harness.with_world(lambda world: world.seats.set_state(world.seats.licenses()[0]["license_id"], state))  # type: ignore[arg-type]
        with pytest.raises(LicenseRefused):
            engine.refresh_token()
        assert engine.record.phase is Phase.LICENSE_BLOCKED
        assert (engine.token is None) == (state == "released")
        with pytest.raises(LicenseRefused):
            engine.refresh_token()


def test_a_licence_that_the_platform_does_not_know_costs_a_refresh_and_no_seat(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: object, **_more: object) -> None:
        raise LicenseRefused("x", code="10010003", operation="LicenseAuth")

    with kiosk.engine() as engine:
        with pytest.raises(StateError):
            engine.refresh_token()
        engine.bind()
        before = engine.token
        monkeypatch.setattr(engine._device, "call", refuse)
        with pytest.raises(LicenseRefused):
            engine.refresh_token()
        assert (engine.record.phase, engine.token) == (Phase.BOUND, before)


def test_a_refresh_is_a_licensed_call_and_refills_the_budget(kiosk: Kiosk) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        engine.offline(500.0, boot="this")
        assert engine.record.contact.offline_s == 500
        engine.refresh_token()
        record = engine.record
        assert (record.contact.offline_s, record.contact.counting_boot, record.started_at) == (0, "", 0)
        engine.refresh_token()
        assert engine.record == record, "no write that says nothing"
        engine._device.journal.write(record.changed(phase=Phase.LOCKED))
        engine.refresh_token()
        assert engine.record.phase is Phase.READY


def test_whoever_uses_the_token_tells_what_became_of_it(kiosk: Kiosk) -> None:
    with kiosk.engine() as engine:
        engine.token_worked(A)
        engine.token_rejected(A)
        assert engine.token is None, "there is nothing to tell of"
        engine.bind()
        token, generation = engine.token, engine.record.gen
        assert token is not None
        engine.token_rejected(Secret("another"))
        assert (engine.token, engine.record.gen) == (token, generation)
        engine.token_rejected(token.token)
        refused = engine.token
        assert refused is not None
        assert refused.rejected
        assert engine.record.gen > generation, "the service looks in its next step"
        engine.refresh_token()
        fresh = engine.token
        assert fresh is not None
        assert (fresh.rejected, fresh.life_s) == (False, 300.0)
        engine.token_worked(fresh.token)
        assert engine.token == msgspec.structs.replace(fresh, worked=True, before=None)
        engine.refresh_token()
        latest = engine.token
        assert latest is not None
        assert latest.to_try == (latest.token, fresh.token)

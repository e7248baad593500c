"""A licence gives way to another only when the other has worked, and is kept while an avatar needs it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.envelope import wrap_key
from certs.license import License
from device_agent.avatars.render_data import RenderData
from device_agent.errors import SeatsFull
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle import licenses
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Bound, Record
from device_agent.lifecycle.vault import Vault

from .conftest import CODE, FILES, Kiosk


@pytest.fixture(scope="module")
def platform(licence_key: rsa.RSAPrivateKey) -> Iterator[RunningHarness]:
    made = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in itertools.count())
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    keys = itertools.chain([licence_key], made)
    with RunningHarness.start(avatars=[package], seats=2, keys=lambda: next(keys)) as running:
        yield running


@pytest.fixture
def renewed(platform: RunningHarness, tmp_path: Path) -> Kiosk:
    """Bound with an avatar, and the order of its licence has ended since."""
    platform.reset()
    kiosk = Kiosk(folder=tmp_path / "kiosk", harness=platform)
    first = platform.with_world(lambda world: world.seats.licenses()[0]["license_id"])
    platform.with_world(lambda world: world.seats.set_state(first, "active"))
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
    platform.fault("license_expired", on="ClientStart")
    with kiosk.engine() as engine, pytest.raises(Exception, match="order has ended"):
        engine.start()
    platform.lift_faults()
    return kiosk


def shown(kiosk: Kiosk) -> bool:
    return open_avatar(kiosk.settings(), None)["character.glb"] == FILES["character.glb"]


def fingerprint(file: str) -> str:
    return License.load(Path(file)).fingerprint


def test_a_new_licence_without_a_free_seat_costs_the_old_one_nothing(renewed: Kiosk) -> None:
    """Refused again and again: what worked is still what opens the picture, and takes the seat again when asked to."""
    other = renewed.harness.issue_license(seats=1)["license_file"]
    renewed.harness.fault("seat_taken", on="ClientAuth", times=2)
    for _ in range(2):
        with renewed.engine(overrides={"license_file": other}) as engine:
            with pytest.raises(SeatsFull):
                engine.bind()
            assert engine.record.phase is Phase.SEAT_FULL
        assert shown(renewed)
    vault = Vault(renewed.folder / "state")
    kept = vault.license()
    assert kept is not None
    assert License.parse(kept.reveal()).fingerprint == fingerprint(renewed.harness.ready.license_file)
    with renewed.engine() as engine:
        engine.bind()
        assert engine.record.phase is Phase.BOUND
    assert vault.new_license() is None
    assert shown(renewed)


A, B = (License(text=letter * 80) for letter in "ab")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """The licence A in force, and B that waits for its turn."""
    vault = Vault(tmp_path / "state")
    vault.put_license(A.to_json())
    vault.put_new_license(B.to_json())
    return vault


def fact(phase: Phase, *, asked: License = A, holds: License | None = None) -> Record:
    bound = None if holds is None else Bound(at=1.0, license_fp=holds.fingerprint)
    return Record(phase=phase, license_fp=asked.fingerprint, bound=bound)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (fact(Phase.IDENTIFIED), B),
        (fact(Phase.LICENSE_BLOCKED, asked=A), B),
        (fact(Phase.LICENSE_BLOCKED, asked=B), A),
        (fact(Phase.SEAT_FULL, asked=B), B),
        (fact(Phase.BOUND, holds=A), A),
        (fact(Phase.READY, holds=B), B),
        (fact(Phase.READY), A),
    ],
)
def test_whose_turn_it_is(vault: Vault, record: Record, expected: License) -> None:
    assert licenses.license_to_ask_with(vault, record) == expected
    vault.forget_new_license()
    assert licenses.license_to_ask_with(vault, record) == A, "the only one there is"


def test_the_first_one_that_has_worked_has_none_before_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "state")
    vault.put_new_license(B.to_json())
    licenses.settle(vault, fact(Phase.BOUND, holds=B))
    assert vault.license() is not None
    assert (vault.new_license(), vault.previous_license()) == (None, None)


def test_an_avatar_is_opened_by_the_one_that_can(vault: Vault, licence_key: rsa.RSAPrivateKey) -> None:
    """The one in force may be of a form that opens nothing here; that is no reason not to try the one before."""
    opens = License.issue(licence_key, prefix="p" * 64)
    wrapped = wrap_key(bytes(16), public_key=licence_key.public_key())
    data = RenderData(url="https://x.example/a.zip", secret=wrapped, raw="")
    assert licenses.license_for(vault, data) == A, "its refusal says why"
    vault.put_previous_license(opens.to_json())
    assert licenses.license_for(vault, data) == opens


def test_two_renewals_before_an_avatar_came_keep_the_licence_that_opens_it(renewed: Kiosk) -> None:
    platform = renewed.harness
    for round_ in range(2):
        file = platform.issue_license()["license_file"]
        with renewed.engine(overrides={"license_file": file}) as engine:
            engine.bind()
            assert engine.record.bound is not None
            assert engine.record.bound.license_fp == fingerprint(file)
        assert shown(renewed), round_
        if round_ == 0:
            platform.fault("license_expired", on="ClientStart")
            with renewed.engine(overrides={"license_file": file}) as engine, pytest.raises(Exception, match="ended"):
                engine.start()
            platform.lift_faults()
    with renewed.engine(overrides={"license_file": file}) as engine:
        engine.fetch(CODE)
    vault = Vault(renewed.folder / "state")
    assert vault.previous_license() is None
    kept = vault.license()
    assert kept is not None
    assert License.parse(kept.reveal()).fingerprint == fingerprint(file)
    assert shown(renewed)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Vault, License, License]:
    """One in force, and a new one beside it."""
    vault, before, new = Vault(tmp_path / "state"), License.parse("before"), License.parse("new")
    vault.put_license(before.to_json())
    vault.put_new_license(new.to_json())
    return vault, before, new


@pytest.mark.parametrize("which", ["before", "new"])
def test_the_licence_that_took_the_seat_is_the_one_in_force(two: tuple[Vault, License, License], which: str) -> None:
    vault, before, new = two
    worked = {"before": before, "new": new}[which]
    record = Record(phase=Phase.READY, bound=Bound(at=1.0, license_fp=worked.fingerprint))
    assert licenses.license_to_ask_with(vault, record) == worked
    licenses.settle(vault, record)
    kept, previous = vault.license(), vault.previous_license()
    assert kept is not None
    assert License.parse(kept.reveal()) == worked
    assert (vault.new_license(), previous is not None) == (None, which == "new")


def test_a_new_licence_that_the_disk_has_damaged_takes_nobody_s_place(two: tuple[Vault, License, License]) -> None:
    vault, before, _new = two
    vault.put_new_license("{")
    licenses.settle(vault, Record(phase=Phase.READY, bound=Bound(at=1.0, license_fp=before.fingerprint)))
    kept = vault.license()
    assert kept is not None
    assert License.parse(kept.reveal()) == before


def test_after_a_refusal_it_is_the_other_licence_s_turn(two: tuple[Vault, License, License]) -> None:
    vault, before, new = two
    for asked, next_ in ((before, new), (new, before)):
        record = Record(phase=Phase.LICENSE_BLOCKED, license_fp=asked.fingerprint)
        assert licenses.license_to_ask_with(vault, record) == next_

"""A root of keys on the device: followed link by link, never back, nothing gained by who writes its file, and the way
back from a version that a thief has set too high.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import root as roots
from certs import signed
from certs.errors import ManifestError, OrderError, PrivateFileError, RootError
from certs.manifest import Listed, Manifest, sign
from certs.order import Order
from certs.order import sign as sign_order
from certs.root import Claims, Roles, role
from certs.signed import key_id
from device_agent.errors import ConfigurationError, PermissionRefused, TakenOut
from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle import root_chain, rooted
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office import REMOVED
from device_agent.lifecycle.points import Point
from device_agent.service.checkup import Finding, Level, checkup
from tests.stand_in_tpm import StandInTpm

from .conftest import CODE, FILES, Kiosk, Off

R1, R2, C1, C2, O1, O2, THIEF = (Ed25519PrivateKey.generate() for _ in range(7))
HIGHEST = 2**53
YEAR = timedelta(days=365)


class Headquarters:
    """Signs roots, lists and orders; the stand-in serves them."""

    def __init__(self, kiosk: Kiosk) -> None:
        kiosk.harness.sign_content()
        kiosk.harness.root_keys()
        self.kiosk, self.world = kiosk, kiosk.harness._world
        self.folder = kiosk.harness.folder / "roots"
        ready = kiosk.harness.ready
        self.account = {"tenant_id": ready.tenant_id, "app_id": ready.app_id}
        self.first = kiosk.folder.parent / "root.json"
        self.first.write_bytes(self.root(1))
        kiosk.overrides |= {
            "content_manifest": ready.content_manifest, "root": str(self.first), "root_url": ready.root_url,
        }  # fmt: skip

    def root(self, version: int, *, by: tuple[Ed25519PrivateKey, ...] = (R1, R2), **changes: Any) -> bytes:
        keys = {"root": (R1, R2), "content": (C1,), "order": (O1,)}
        keys |= {name: changes.pop(name) for name in tuple(keys) if name in changes}
        roles = {
            name: role([key.public_key() for key in found], threshold=changes.pop(f"{name}_threshold", 1))
            for name, found in keys.items()
        }
        facts = {"version": version, "expires": datetime.now(UTC) + YEAR, **self.account, **changes}
        data = roots.sign(Claims(roles=Roles(**roles), **facts), key=by[0])
        for key in by[1:]:
            data = signed.sign_too(data, domain=roots.DOMAIN, key=key, longest=roots.LONGEST)
        return data

    def serves_root(self, version: int, **changes: Any) -> None:
        self.puts(version, self.root(version, **changes))

    def puts(self, version: int, data: bytes) -> None:
        file = self.folder / f"{version}.json"
        file.touch(mode=0o600)
        file.write_bytes(data)

    def lists(self, version: int, *, by: Ed25519PrivateKey = C1, also: Ed25519PrivateKey | None = None) -> None:
        self.kiosk.harness.warm()
        packages = self.kiosk.harness.with_world(
            lambda world: world.shelf.listed(tenant_id=self.account["tenant_id"])  # type: ignore[arg-type]
        )
        said = Manifest(
            version=version, expires=datetime.now(UTC) + timedelta(days=1), **self.account,  # type: ignore[arg-type]
            avatars={p.code: Listed(sha256=p.sha256, size=p.size) for p in packages},
        )  # fmt: skip
        data = sign(said, key=by)
        if also is not None:
            data = signed.sign_too(data, domain=b"avatar-content-manifest-v1\n", key=also, longest=2**20)

        async def served() -> bytes:
            return data

        self.world.listing.signed = served  # type: ignore[union-attr, method-assign]

    def order(self, record: Any, *, by: Ed25519PrivateKey) -> bytes:
        now = datetime.now(UTC)
        said = Order(
            verb="remove", id=f"order-{key_id(by.public_key())}", device_id=record.device_id, issued=now,
            expires=now + timedelta(days=1), **self.account,  # type: ignore[arg-type]
        )  # fmt: skip
        return sign_order(said, key=by)

    def asked(self) -> list[str]:
        calls = self.kiosk.harness.calls(operation="assets")
        return [call.path.rpartition("/")[2] for call in calls if "/roots/" in call.path]


@pytest.fixture
def hq(kiosk: Kiosk) -> Headquarters:
    return Headquarters(kiosk)


def fetch(kiosk: Kiosk, **more: Any) -> tuple[int, int]:
    """An avatar by the newest root and list; their versions as they are on the disk."""
    with kiosk.engine(**more) as engine:
        engine.bind()
        engine.fetch(CODE)
        record = engine.record
    assert record.root is not None
    assert record.root.version == root_chain.load(kiosk.settings()).last.version
    return record.root.version, record.content.manifest_version


def refused(kiosk: Kiosk, **more: Any) -> str:
    """The code of a refusal after which the picture is what it was."""
    with kiosk.engine(**more) as engine:
        with pytest.raises((ManifestError, RootError)) as caught:
            engine.fetch(CODE)
        assert engine.record.phase is Phase.READY
    assert set(open_avatar(kiosk.settings(), None)) >= set(FILES)
    assert caught.value.hint
    return caught.value.code


def chain_file(kiosk: Kiosk) -> Path:
    return kiosk.settings().state_dir / root_chain.FILE


def test_the_keys_come_from_the_root_and_change_with_it(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    assert fetch(kiosk) == (1, 5)
    hq.lists(6, by=C2)
    assert refused(kiosk) == "manifest.signature"
    hq.serves_root(2, content=(C2,))
    assert fetch(kiosk) == (2, 6)
    hq.lists(7, by=C1)
    assert refused(kiosk) == "manifest.signature", "the old key signs nothing any more"
    (hq.folder / "2.json").unlink()
    hq.lists(7, by=C2)
    assert fetch(kiosk) == (2, 7), "it is kept here"
    assert "manifest" not in chain_file(kiosk).read_text()


def test_several_roots_are_followed_one_by_one_also_over_those_that_are_over(kiosk: Kiosk, hq: Headquarters) -> None:
    for version in (2, 3):
        hq.serves_root(version, expires=datetime.now(UTC) - timedelta(days=9), content=(THIEF,))
    hq.serves_root(4, content=(C2,))
    hq.lists(5, by=C2)
    assert fetch(kiosk) == (4, 5)
    assert hq.asked() == ["2.json", "3.json", "4.json", "5.json"]


# -- fast-forward, and the way back


def test_keys_unchanged_never_back(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(HIGHEST)
    assert fetch(kiosk) == (1, HIGHEST)
    hq.serves_root(2, expires=datetime.now(UTC) + 2 * YEAR, order=(O2,))
    hq.lists(6)
    assert refused(kiosk) == "manifest.older"
    with kiosk.engine() as engine:
        assert engine.record.content.manifest_version == HIGHEST


def test_a_key_that_was_added_brings_no_older_list_back(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(6)
    fetch(kiosk)
    hq.serves_root(2, content=(C1, C2))
    for key in (C1, C2):
        hq.lists(5, by=key)
        assert refused(kiosk) == "manifest.older"
    hq.lists(7, by=C2)
    assert fetch(kiosk) == (2, 7)
    hq.serves_root(3, content=(C2,))
    hq.lists(1, by=C2)
    assert fetch(kiosk) == (3, 1), "the one that went may have signed number 7"


def test_a_fleet_comes_back_from_the_highest_version_when_the_stolen_key_is_replaced(
    kiosk: Kiosk, hq: Headquarters
) -> None:
    hq.lists(HIGHEST)
    fetch(kiosk)
    hq.lists(7)
    assert refused(kiosk) == "manifest.older"
    hq.serves_root(2, content=(C2,))
    hq.lists(HIGHEST, by=C1)
    assert refused(kiosk) == "manifest.signature", "nor does the thief"
    hq.lists(7, by=C2)
    assert fetch(kiosk) == (2, 7)
    hq.lists(6, by=C2)
    assert refused(kiosk) == "manifest.older", "and from then on never back again"


def test_more_keys_are_needed_is_a_way_back_too(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C1, C2))
    hq.lists(HIGHEST)
    fetch(kiosk)
    hq.serves_root(3, content=(C1, C2), content_threshold=2)
    hq.lists(7)
    assert refused(kiosk) == "manifest.signature"
    hq.lists(7, also=C2)
    assert fetch(kiosk) == (3, 7)


def test_the_way_back_is_there_also_when_power_fails_between_root_and_record(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(HIGHEST)
    fetch(kiosk)
    hq.serves_root(2, content=(C2,))
    hq.lists(7, by=C2)

    def fails(point: Point) -> None:
        if point is Point.ROOT_WRITTEN:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), kiosk.engine(reach=fails) as engine:
        engine.fetch(CODE)
    with kiosk.engine() as engine:
        assert engine.record.root is not None
        assert engine.record.root.version == 1
    (hq.folder / "2.json").unlink()
    assert fetch(kiosk) == (2, 7)


def test_a_record_of_before_keeps_its_version(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(6)
    fetch(kiosk)
    with kiosk.engine() as engine:
        content = msgspec.structs.replace(engine.record.content, manifest_keys=(), manifest_threshold=0)
        engine._device.journal.write(engine.record.changed(content=content, root=None))
    hq.lists(5)
    assert refused(kiosk) == "manifest.older"


def test_other_keys_in_the_settings_are_a_way_back_without_a_root(kiosk: Kiosk, hq: Headquarters) -> None:
    keys = kiosk.folder.parent / "content.pub"
    for name in ("root", "root_url"):
        del kiosk.overrides[name]
    kiosk.overrides["content_keys"] = str(keys)
    keys.write_bytes(public_pem(C1))
    hq.lists(HIGHEST)
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
    keys.write_bytes(public_pem(C1) + public_pem(C2))
    hq.lists(7, by=C2)
    assert refused(kiosk) == "manifest.older"
    keys.write_bytes(public_pem(C2))
    with kiosk.engine() as engine:
        engine.fetch(CODE)
        assert engine.record.content.manifest_version == 7


# -- who stands in root_url's place


def nothing_signed(hq: Headquarters) -> bytes:
    return b"<html>log in</html>"


def endless(hq: Headquarters) -> bytes:
    return hq.root(2) + b" " * roots.LONGEST


def stranger(hq: Headquarters) -> bytes:
    return hq.root(2, by=(THIEF,), content=(THIEF,))


def skipped(hq: Headquarters) -> bytes:
    return hq.root(3, content=(THIEF,))


def rolled_back(hq: Headquarters) -> bytes:
    return hq.root(1, content=(THIEF,))


def another_s(hq: Headquarters) -> bytes:
    return hq.root(2, app_id="another")


def wrong_role(hq: Headquarters) -> bytes:
    return hq.root(2, by=(C1, O1), content=(THIEF,))


def unsigned_by_the_new(hq: Headquarters) -> bytes:
    return hq.root(2, root=(THIEF,), by=(R1, R2))


@pytest.mark.parametrize(
    ("attack", "code"),
    [(nothing_signed, "root.form"), (endless, "root.form"), (stranger, "root.signature"), (skipped, "root.version"),
     (rolled_back, "root.version"), (another_s, "root.account"), (wrong_role, "root.signature"),
     (unsigned_by_the_new, "root.signature")],
)  # fmt: skip
def test_attacks_are_told_and_stop_no_list_of_the_present_root(
    kiosk: Kiosk, hq: Headquarters, attack: Callable[[Headquarters], bytes], code: str
) -> None:
    hq.lists(5)
    fetch(kiosk)
    hq.world.roots.served = lambda _version: attack(hq)  # type: ignore[union-attr, method-assign]
    with kiosk.engine() as engine:
        before = engine.record.root
        engine.fetch(CODE)
        (step,) = [step for step in engine.steps if step.name == "root"]
        assert (step.ok, step.passing, step.result) == (False, True, code)
        assert engine.record.root == before
    assert not chain_file(kiosk).exists()
    hq.lists(6, by=THIEF)
    assert refused(kiosk) == "manifest.signature"


@pytest.mark.parametrize(
    ("fault", "code"), [("http_500", "network.not_the_platform"), ("redirect", "network.redirect"),
                        ("drop_before", "network.cut"), ("captive", "root.form")]
)  # fmt: skip
def test_who_stands_between(kiosk: Kiosk, hq: Headquarters, fault: str, code: str) -> None:
    hq.lists(5)
    kiosk.harness.fault(fault, on="assets", times=1)
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
        assert [step.result for step in engine.steps if step.name == "root"] == [code]
    hq.serves_root(2)
    hq.serves_root(3)
    kiosk.harness.fault(fault, on="assets", skip=1, times=1)
    assert fetch(kiosk) == (2, 5), "what came before it was cut is kept"
    assert fetch(kiosk) == (3, 5)


def test_a_root_that_cannot_be_kept_is_not_used(
    kiosk: Kiosk, hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    hq.lists(5)
    fetch(kiosk)
    hq.serves_root(2, content=(C2,))
    hq.lists(6, by=C2)

    def full(*_: object) -> None:
        raise PrivateFileError("the disk is full", code="file.full")

    with monkeypatch.context() as patched, kiosk.engine() as engine:
        patched.setattr(root_chain, "write_private", full)
        with pytest.raises(PrivateFileError):
            engine.fetch(CODE)
        assert engine.record.content.manifest_version == 5
    assert fetch(kiosk) == (2, 6)


def test_a_chain_has_an_end(kiosk: Kiosk, hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_chain, "MOST_LINKS", 2)
    for version in (2, 3, 4):
        hq.serves_root(version)
    hq.lists(5)
    assert fetch(kiosk) == (3, 5)
    hq.first.write_bytes((hq.folder / "3.json").read_bytes())
    assert fetch(kiosk) == (4, 5), "a newer one in the settings makes room"


# -- the file on this device


def thief_s_chain(hq: Headquarters) -> bytes:
    return b"[" + hq.root(2, by=(THIEF,), root=(THIEF,), content=(THIEF,)) + b"]"


WRITTEN: dict[str, Callable[[Headquarters], bytes]] = {
    "the thief's own chain": thief_s_chain,
    "a link by the right keys that is none": lambda hq: b"[" + hq.root(3, content=(THIEF,)) + b"]",
    "nothing": lambda _hq: b"",
    "zeros": lambda _hq: b"\x00" * 900,
    "no documents": lambda _hq: b"[1, {}]",
    "too deep": lambda _hq: b"[" * 9999,
    "too long": lambda _hq: b" " * (root_chain.LIMIT + 1),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_who_writes_the_file_gains_no_key_and_the_chain_is_followed_again(
    kiosk: Kiosk, hq: Headquarters, written: Callable[[Headquarters], bytes]
) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    good = chain_file(kiosk).read_bytes()
    chain_file(kiosk).write_bytes(written(hq))
    assert root_chain.load(kiosk.settings()).damaged
    hq.lists(6, by=THIEF)
    assert refused(kiosk) == "manifest.signature"
    assert chain_file(kiosk).read_bytes() == good
    chain_file(kiosk).write_bytes(written(hq))
    hq.lists(6, by=C2)
    assert fetch(kiosk) == (2, 6)
    assert not root_chain.load(kiosk.settings()).damaged


def test_a_lost_file_is_no_way_back_to_an_older_root(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    chain_file(kiosk).unlink()
    (hq.folder / "2.json").rename(hq.folder / "aside")
    hq.lists(6, by=C1)
    assert refused(kiosk) == "root.lost"
    assert finding(kiosk).level is Level.BAD
    hq.lists(6, by=C2)
    hq.first.write_bytes((hq.folder / "aside").read_bytes())
    assert fetch(kiosk) == (2, 6), "the newest one in the settings heals it"


def test_a_sealed_record_keeps_the_file_s_thief_from_going_back(kiosk: Kiosk, hq: Headquarters, tmp_path: Path) -> None:
    chip = StandInTpm()
    with chip.serving(tmp_path / "tpm") as path:
        kiosk.tpm = path
        hq.lists(5)
        fetch(kiosk)
        before = {file: file.read_bytes() for file in kiosk.settings().state_dir.glob("*") if file.is_file()}
        hq.serves_root(2, content=(C2,))
        hq.lists(6, by=C2)
        fetch(kiosk)
        (hq.folder / "2.json").unlink()
        hq.lists(6, by=C1)
        for file in kiosk.settings().state_dir.glob("*.json"):
            file.write_bytes(before.get(file, b"[]"))
        assert refused(kiosk) == "root.lost"


def test_two_roots_of_one_version_are_told(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    chain_file(kiosk).write_bytes(b"[" + hq.root(2, content=(THIEF,)) + b"]")
    hq.lists(6, by=THIEF)
    assert refused(kiosk) == "root.changed"


def test_a_newer_root_in_the_settings_leaves_out_what_is_older(kiosk: Kiosk, hq: Headquarters) -> None:
    for version in (2, 3):
        hq.serves_root(version)
    hq.lists(5)
    fetch(kiosk)
    hq.first.write_bytes((hq.folder / "2.json").read_bytes())
    chain = root_chain.load(kiosk.settings())
    assert ([root.version for root in chain.links], chain.damaged) == ([3], False)
    for version in (2, 3):
        (hq.folder / f"{version}.json").unlink()
    assert fetch(kiosk) == (3, 5)


def test_another_root_in_the_settings_is_the_operator_s_word(kiosk: Kiosk, hq: Headquarters) -> None:
    """All root keys are lost: every device is given a new root, whose versions begin again."""
    hq.serves_root(2)
    hq.lists(5)
    fetch(kiosk)
    hq.first.write_bytes(hq.root(1, root=(THIEF,), by=(THIEF,)))
    (hq.folder / "2.json").unlink()
    assert fetch(kiosk) == (1, 5)
    assert not root_chain.load(kiosk.settings()).damaged


def test_what_was_followed_outlives_the_device(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    with kiosk.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    chain_file(kiosk).unlink()
    (hq.folder / "2.json").unlink()
    hq.lists(6, by=C1)
    with kiosk.engine() as engine:
        engine.bind()
        with pytest.raises(RootError) as caught:
            engine.fetch(CODE)
        assert caught.value.code == "root.lost"


# -- its end


def finding(kiosk: Kiosk, check: str = "root", **overrides: str) -> Finding:
    return next(one for one in checkup(kiosk.settings(**overrides), environ={}, network=False) if one.check == check)


def test_when_it_is_over_the_picture_goes_on_and_nothing_new_is_taken(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    fetch(kiosk)
    assert (finding(kiosk).level, "version 1" in finding(kiosk).says) == (Level.OK, True)
    hq.serves_root(2, expires=datetime.now(UTC) - timedelta(seconds=1))
    hq.lists(6)
    assert refused(kiosk) == "root.expired"
    with kiosk.engine() as engine:
        assert engine.record.content.manifest_version == 5
        assert engine.root.problem == "root.expired"
        with pytest.raises(OrderError) as caught:
            engine.obey(hq.order(engine.record, by=O1), where="stick")
        assert (caught.value.code, caught.value.where) == ("root.expired", "stick")
        assert engine.record.phase is Phase.READY
    assert (finding(kiosk).level, "ended" in finding(kiosk).says) == (Level.BAD, True)
    hq.serves_root(3, expires=datetime.now(UTC) + timedelta(days=9))
    assert fetch(kiosk) == (3, 6)
    assert (finding(kiosk).level, "8 day" in finding(kiosk).says) == (Level.WARNING, True)


def test_its_end_is_judged_by_the_platform_s_time(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    assert fetch(kiosk, clock=Off(2 * YEAR.total_seconds())) == (1, 5)


def test_before_its_end_it_is_looked_after_and_else_left_alone(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    fetch(kiosk)
    asked = len(hq.asked())
    hq.serves_root(2, expires=datetime.now(UTC) + rooted.SOON - timedelta(hours=1))
    with kiosk.engine() as engine:
        engine.tend_root()
        assert (engine.root.version, len(hq.asked())) == (1, asked)
        engine.fetch(CODE)
        assert (engine.root.version, engine.root.problem) == (2, "")
        hq.serves_root(3)
        engine.tend_root()
        assert engine.root.version == 3, "the second one ended soon"
    chain_file(kiosk).write_bytes(b"\x00")
    with kiosk.engine() as engine:
        assert engine.root.problem == "root.lost"
        engine.tend_root()
        assert (engine.root.version, engine.root.problem) == (3, "")
    good = chain_file(kiosk).read_bytes()
    chain_file(kiosk).unlink()
    with kiosk.engine() as engine:
        engine.tend_root()
        assert (engine.root.version, engine.root.problem) == (3, "")
    chain_file(kiosk).write_bytes(good[:-1] + b",{}]")
    assert finding(kiosk).level is Level.WARNING
    with kiosk.engine() as engine:
        engine.tend_root()
    assert chain_file(kiosk).read_bytes() == good
    assert finding(kiosk).level is Level.OK


def test_nothing_is_asked_before_there_is_a_device(kiosk: Kiosk, hq: Headquarters) -> None:
    with kiosk.engine() as engine:
        engine.tend_root()
        assert not engine.obey(sign_order(msgspec.structs.replace(ANY, **hq.account), key=O1), where="stick")
    hq.lists(5)
    fetch(kiosk)
    asked = len(hq.asked())
    kiosk.serial = "board-2"
    hq.first.write_bytes(hq.root(1, expires=datetime.now(UTC) + timedelta(days=1)))
    with kiosk.engine() as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        engine.tend_root()
    assert (asked, len(hq.asked())) == (1, 1)


ANY = Order(
    verb="remove", id="order-0001", device_id="K1", tenant_id=1, app_id="a", issued=datetime.now(UTC),
    expires=datetime.now(UTC) + timedelta(days=1),
)  # fmt: skip


# -- orders


def test_an_order_is_held_to_the_newest_root(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    fetch(kiosk)
    hq.serves_root(2, order=(O2,))
    with kiosk.engine() as engine:
        for key in (O1, C1, R1):
            with pytest.raises(OrderError) as caught:
                engine.obey(hq.order(engine.record, by=key), where="stick")
            assert caught.value.code == "order.signature"
            assert engine.record.phase is Phase.READY
        assert engine.root.version == 2
        assert engine.obey(hq.order(engine.record, by=O2), where="stick")
        assert engine.record.phase is Phase.UNBINDING
        assert len(engine.record.orders) == 1


def test_with_a_root_nobody_s_bare_word_counts(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    fetch(kiosk)
    with kiosk.engine() as engine:
        word = PermissionRefused("removed", code=REMOVED)
        with pytest.raises(OrderError) as caught:
            engine.believe(word)
        assert caught.value.code == "order.missing"
        engine.believe(taken_out(hq.order(engine.record, by=O1)))
        assert engine.record.phase is Phase.UNBINDING


def taken_out(order: bytes) -> TakenOut:
    word = TakenOut("removed", code=REMOVED)
    word.order = order
    return word


# -- settings


def test_settings_that_do_not_fit(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    fetch(kiosk)
    keys = kiosk.folder.parent / "keys.pub"
    keys.write_bytes(public_pem(C1))

    def code_with(act: Callable[[Engine], object] = lambda engine: engine.fetch(CODE), **settings: str) -> str:
        with kiosk.engine(overrides=settings) as engine:
            with pytest.raises((ConfigurationError, RootError, OrderError)) as caught:
                act(engine)
            assert caught.value.hint
            return caught.value.code

    for twice in ("content_keys", "order_keys"):
        assert code_with(**{twice: str(keys)}) == "config.root"
        assert finding(kiosk, **{twice: str(keys)}).level is Level.BAD
        with kiosk.engine(overrides={twice: str(keys)}) as engine:
            assert engine.root.problem == "config.root"
    assert code_with(content_threshold="2") == "config.root"
    assert code_with(order_threshold="2") == "config.root"
    assert code_with(root="/none") == "config.root"
    assert code_with(root="/dev/zero") == "config.root"
    assert code_with(root=str(keys)) == "root.form"
    assert code_with(root_url="https://fleet.example/root.json") == "config.root"
    assert code_with(root_url="http://fleet.example/{version}.json") == "config.root"
    assert code_with(content_manifest="http://fleet.example/") == "config.content"
    hq.first.write_bytes(hq.root(1, app_id="another"))
    assert code_with() == "root.account"
    assert finding(kiosk).level is Level.BAD
    del kiosk.overrides["root"]
    assert finding(kiosk).level is Level.BAD, "root_url without a root"
    assert code_with(lambda engine: engine.fetch(CODE)) == "config.missing"


def test_without_an_address_the_root_in_the_settings_counts_alone(kiosk: Kiosk, hq: Headquarters) -> None:
    del kiosk.overrides["root_url"]
    hq.serves_root(2, content=(C2,))
    hq.lists(5)
    assert fetch(kiosk) == (1, 5)
    assert hq.asked() == []


def test_doctor_says_whose_signatures_count(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C1, C2), content_threshold=2)
    hq.lists(5, also=C2)
    fetch(kiosk)
    assert "2 of 2 key" in finding(kiosk, "manifest").says
    assert "1 of 1 key" in finding(kiosk, "orders").says
    assert "1 after the one in the settings" in finding(kiosk).says
    chain_file(kiosk).write_bytes(b"[" + hq.root(2, content=(C1, C2), content_threshold=2) + b",1]")
    assert json.loads(chain_file(kiosk).read_bytes())[1] == 1

"""Versions on disk: what is in use, what is kept, and what a crash at any step leaves."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs import lineage as module
from certs.authority import Authority
from certs.cover import KeyedCover
from certs.errors import CertError, IdentityError, PrivateFileError
from certs.identity import Identity, request
from certs.lineage import Lineage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AUTHORITY = Authority.create(name="Root", now=NOW, lifetime=timedelta(days=3650))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "device"


@pytest.fixture
def lineage(root: Path) -> Lineage:
    return Lineage(root=root)


def enrolled(lineage: Lineage) -> Identity:
    key = lineage.pending_key()
    chain = AUTHORITY.issue_from(request(key, device_id="kiosk-1"), now=NOW, lifetime=timedelta(days=90))
    return Identity(key=key, chain=chain)


def current(lineage: Lineage) -> str:
    identity = lineage.current()
    assert identity is not None
    return identity.fingerprint


def test_nothing_yet(lineage: Lineage) -> None:
    assert (lineage.current(), lineage.live, lineage.proven, lineage.versions()) == (None, None, None, ())
    assert lineage.roll_back() is None
    assert lineage.prune() == ()
    lineage.erase()
    with pytest.raises(IdentityError) as caught:
        lineage.confirm()
    assert caught.value.code == "identity.not_deployed"


def test_the_pending_key_waits_for_its_certificate(lineage: Lineage, root: Path) -> None:
    first = lineage.pending_key().public_key()
    assert Lineage(root=root).pending_key().public_key() == first, "a repeated request asks for the same key"
    assert stat.S_IMODE((root / "pending.pem").stat().st_mode) == 0o600
    identity = enrolled(lineage)
    assert identity.key.public_key() == first
    lineage.add(identity)
    assert not (root / "pending.pem").exists()
    assert lineage.pending_key().public_key() != first


def test_a_pending_key_that_others_can_read_is_told_and_not_replaced(lineage: Lineage, root: Path) -> None:
    """Only what is missing or damaged is made anew: its request may be with somebody who decides about it."""
    lineage.pending_key()
    pending = root / "pending.pem"
    kept = pending.read_bytes()
    pending.chmod(0o644)
    with pytest.raises(PrivateFileError) as caught:
        lineage.pending_key()
    assert (caught.value.code, pending.read_bytes()) == ("file.mode", kept)


def test_an_import_leaves_the_pending_key_alone(lineage: Lineage, root: Path, tmp_path: Path) -> None:
    pending = lineage.pending_key().public_key()
    lineage.add(enrolled(Lineage(root=tmp_path / "other")))
    assert lineage.pending_key().public_key() == pending


def test_a_renewal_keeps_the_old_one_until_the_new_one_has_worked(lineage: Lineage, root: Path) -> None:
    one, two = enrolled(lineage), None
    assert lineage.add(one) == 1
    assert lineage.current() is None, "added is not deployed"
    lineage.deploy(1)
    assert (lineage.live, lineage.proven, current(lineage)) == (1, 1, one.fingerprint)
    two = enrolled(lineage)
    assert lineage.add(two) == 2
    lineage.deploy(2)
    assert (lineage.live, lineage.proven, current(lineage)) == (2, 1, two.fingerprint)
    assert lineage.roll_back() == 1
    assert (lineage.live, current(lineage)) == (1, one.fingerprint)
    lineage.deploy(2)
    lineage.confirm()
    assert (lineage.live, lineage.proven) == (2, 2)
    assert lineage.roll_back() == 2
    assert (root / "live" / "key.pem").read_bytes() == two.key_pem()
    assert (root / "live" / "chain.pem").read_bytes() == two.chain_pem()
    assert Lineage(root=root).versions() == (1, 2)


def test_everything_is_private(lineage: Lineage, root: Path) -> None:
    before = os.umask(0)
    try:
        lineage.deploy(lineage.add(enrolled(lineage)))
    finally:
        os.umask(before)
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert sorted(p.name for p in root.iterdir()) == ["archive", "live", "proven"]


def test_prune_spares_what_is_in_use(lineage: Lineage, root: Path) -> None:
    for _ in range(5):
        lineage.add(enrolled(lineage))
    lineage.deploy(2)
    lineage.deploy(3)
    assert lineage.prune() == (1, 4)
    assert lineage.versions() == (2, 3, 5)
    lineage.confirm()
    assert lineage.prune(keep=0) == (2, 5)
    assert lineage.add(enrolled(lineage)) == 4
    assert sorted(os.listdir(root / "archive")) == ["0003", "0004"]


def test_a_damaged_live_version_falls_back_to_the_proven_one(lineage: Lineage, root: Path) -> None:
    one = enrolled(lineage)
    lineage.deploy(lineage.add(one))
    lineage.deploy(lineage.add(enrolled(lineage)))
    for damage in (b"", b"text", one.key_pem()):
        (root / "archive" / "0002" / "key.pem").write_bytes(damage)
        assert current(lineage) == one.fingerprint
    (root / "archive" / "0002" / "chain.pem").unlink()
    assert current(lineage) == one.fingerprint
    (root / "archive" / "0001" / "key.pem").write_bytes(b"")
    with pytest.raises(IdentityError):
        lineage.current()
    (root / "proven").unlink()
    with pytest.raises(IdentityError):
        lineage.current()


def test_only_complete_versions_are_deployed(lineage: Lineage, root: Path) -> None:
    lineage.deploy(lineage.add(enrolled(lineage)))
    (root / "archive" / "0002").mkdir(mode=0o700)
    for version in (2, 3):
        with pytest.raises(IdentityError) as caught:
            lineage.deploy(version)
        assert caught.value.code == "identity.missing"
    assert lineage.live == 1


@pytest.mark.parametrize("target", ["/etc", "archive/../../x", "archive/evil", "0001", "archive"])
def test_a_link_that_leads_elsewhere_counts_as_none(lineage: Lineage, root: Path, target: str) -> None:
    lineage.deploy(lineage.add(enrolled(lineage)))
    (root / "live").unlink()
    (root / "live").symlink_to(target)
    assert lineage.live is None
    assert lineage.current() is not None, "the proven one is still there"


def test_a_key_that_others_can_read_is_refused(lineage: Lineage, root: Path) -> None:
    lineage.deploy(lineage.add(enrolled(lineage)))
    (root / "archive" / "0001" / "key.pem").chmod(0o644)
    with pytest.raises(PrivateFileError) as caught:
        lineage.current()
    assert caught.value.code == "file.mode"


def test_erase_leaves_no_key(lineage: Lineage, root: Path) -> None:
    lineage.deploy(lineage.add(enrolled(lineage)))
    lineage.deploy(lineage.add(enrolled(lineage)))
    lineage.pending_key()
    (root / ".live.0.link").symlink_to("archive/0001")
    (root / "note").write_text("not ours")
    lineage.erase()
    assert os.listdir(root) == ["note"]


class Killed(BaseException):
    """Stands for a kill: nothing in the program catches it on purpose."""


STEPS: tuple[tuple[str, Callable[[Lineage], object]], ...] = (
    ("add", lambda lineage: lineage.add(enrolled(lineage))),
    ("deploy", lambda lineage: lineage.deploy(max(lineage.versions()))),
    ("confirm", lambda lineage: lineage.confirm()),
    ("roll back", lambda lineage: lineage.roll_back()),
    ("prune", lambda lineage: lineage.prune()),
)


def test_killed_at_any_step_there_is_always_an_identity_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call to the system that changes the disk is a place to die, before it and after it."""
    calls = ("rename", "symlink", "fsync", "unlink", "mkdir", "rmdir", "write")
    places = 0
    for name, step in STEPS:
        for place in range(1, 200):
            lineage = Lineage(root=tmp_path / f"{name}-{place}")
            lineage.deploy(lineage.add(enrolled(lineage)))
            lineage.deploy(lineage.add(enrolled(lineage)))
            good = {lineage.read(version).fingerprint for version in lineage.versions()}
            count = 0

            def at(real: Callable[..., object], place: int = place) -> Callable[..., object]:
                def wrapped(*args: object, **kwargs: object) -> object:
                    nonlocal count
                    count += 1
                    if count >= place:
                        raise Killed
                    return real(*args, **kwargs)

                return wrapped

            with monkeypatch.context() as patch:
                for call in calls:
                    patch.setattr(module.os, call, at(getattr(os, call)))
                try:
                    step(lineage)
                    finished = True
                except Killed:
                    finished = False
            again = Lineage(root=tmp_path / f"{name}-{place}")
            found = again.current()
            assert found is not None
            assert found.fingerprint in good or name in ("add", "deploy")
            for version in again.versions():
                again.read(version)
            again.deploy(again.add(enrolled(again)))
            assert not [n for n in os.listdir(tmp_path / f"{name}-{place}" / "archive") if n.startswith(".")]
            places += 1
            if finished:
                break
        else:
            pytest.fail(f"{name} never finished")
    assert places > 25


def test_a_full_disk_changes_nothing(lineage: Lineage, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = enrolled(lineage)
    lineage.deploy(lineage.add(one))
    two = enrolled(lineage)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("rename", "fsync", "symlink"):
        with monkeypatch.context() as patch:
            patch.setattr(module.os, call, full)
            with pytest.raises(CertError) as caught:
                lineage.deploy(lineage.add(two))
        assert caught.value.code == "file.full"
        assert current(lineage) == one.fingerprint


@pytest.mark.parametrize("call", ["symlink", "rename", "fsync"])
def test_a_link_that_cannot_be_moved_is_told(
    lineage: Lineage, root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    one = enrolled(lineage)
    lineage.deploy(lineage.add(one))
    two = lineage.add(enrolled(lineage))

    def refuses(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, call, refuses)
        with pytest.raises(PrivateFileError) as caught:
            lineage.deploy(two)
    assert caught.value.code == "file.failed"
    assert sorted(os.listdir(root)) == ["archive", "live", "proven"]
    lineage.deploy(two)
    assert (lineage.live, lineage.proven) == (two, 1)


@pytest.fixture
def covered(root: Path) -> Lineage:
    return Lineage(root=root, cover=KeyedCover(bytes(range(32)), random_bytes=os.urandom))


def keys(root: Path) -> list[Path]:
    return [path for path in root.rglob("*.pem") if path.name != "chain.pem" and "live" not in path.parts]


def test_no_key_lies_bare_under_a_cover(covered: Lineage, root: Path) -> None:
    one, two = enrolled(covered), enrolled(covered)
    for identity in (one, two):
        covered.deploy(covered.add(identity))
    covered.pending_key()
    assert covered.pending_key().public_key() == covered.pending_key().public_key(), "it is the same each time"
    assert len(keys(root)) == 3
    for path in keys(root):
        assert b"PRIVATE" not in path.read_bytes()
    assert current(covered) == two.fingerprint
    assert covered.is_covered(1)
    with pytest.raises(IdentityError) as caught:
        Lineage(root=root).read(1)
    assert caught.value.code == "identity.sealed"
    assert Lineage(root=root).certificates(1) == one.chain, "certificates are no secret"


def test_a_version_s_key_does_not_open_as_another_s(covered: Lineage, root: Path) -> None:
    one = enrolled(covered)
    for _ in range(2):
        covered.add(one)
    names = [root / "archive" / version / "key.pem" for version in ("0001", "0002")]
    names[1].write_bytes(names[0].read_bytes())
    covered.read(1)
    with pytest.raises(IdentityError):
        covered.read(2)


def test_keys_that_lay_bare_are_covered_and_stay_what_they_are(lineage: Lineage, covered: Lineage, root: Path) -> None:
    one = enrolled(lineage)
    lineage.deploy(lineage.add(one))
    lineage.add(enrolled(lineage))
    waiting = lineage.pending_key().public_key()
    half = root / "archive" / ".0123456789abcdef.new"
    half.mkdir(mode=0o700)
    (half / "key.pem").write_bytes(one.key_pem())
    (root / "archive" / ".snapshot").mkdir()
    with pytest.raises(IdentityError):
        covered.read(1)
    assert covered.put_under_cover() == 3
    assert covered.put_under_cover() == 0
    assert not half.exists(), "a version that a crash left half written holds a key too"
    assert (root / "archive" / ".snapshot").is_dir(), "this one is not ours"
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in keys(root))
    assert current(covered) == one.fingerprint
    assert covered.pending_key().public_key() == waiting


def test_there_may_be_nothing_to_cover(covered: Lineage, root: Path) -> None:
    assert covered.put_under_cover() == 0
    assert not root.exists()


def test_a_key_that_still_waits_for_its_first_certificate_is_covered(lineage: Lineage, covered: Lineage) -> None:
    waiting = lineage.pending_key().public_key()
    assert covered.put_under_cover() == 1
    assert covered.pending_key().public_key() == waiting


def test_a_pending_key_of_another_cover_is_made_anew(covered: Lineage, root: Path) -> None:
    before = covered.pending_key().public_key()
    other = Lineage(root=root, cover=KeyedCover(bytes(32), random_bytes=os.urandom))
    assert other.pending_key().public_key() != before

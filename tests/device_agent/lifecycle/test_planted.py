"""Things that somebody put in the way: links, pipes, folders, foreign owners and open modes in place of every file and
folder that a device has. Nothing is followed, nothing hangs, nothing outside is touched, and what is said has a code.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import pytest

from certs.errors import CertError
from certs.identity import Identity, new_key, request
from certs.lineage import Lineage
from device_agent.errors import AgentError
from device_agent.lifecycle.vault import Vault
from tests.device_agent.api.servers import authority

from .conftest import CODE, Kiosk

OUTSIDE = b"somebody else's file"


@pytest.fixture(autouse=True)
def alarm() -> Iterator[None]:
    """A pipe that somebody planted must not stop us: what waits for one fails instead."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("something waits for ever")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def lived_in(kiosk: Kiosk) -> Kiosk:
    """A device with all that a device can have."""
    with kiosk.engine() as engine:
        engine.bind()
        engine.start()
        engine.fetch(CODE)
        device_id = engine.record.device_id
    key = new_key()
    lineage = Lineage(root=Vault(kiosk.settings().state_dir).identity_folder)
    lineage.pending_key()
    chain = authority().issue_from(request(key, device_id=device_id), now=datetime.now(UTC), lifetime=timedelta(days=9))
    lineage.deploy(lineage.add(Identity(key=key, chain=chain)))
    return kiosk


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def link_to_file(path: Path, outside: Path) -> None:
    remove(path)
    path.symlink_to(outside / "file")


def link_to_folder(path: Path, outside: Path) -> None:
    remove(path)
    path.symlink_to(outside)
    os.lchown(path, 1, 1)


def pipe(path: Path, _outside: Path) -> None:
    remove(path)
    os.mkfifo(path, 0o600)


def folder(path: Path, _outside: Path) -> None:
    remove(path)
    path.mkdir(mode=0o700)


def file(path: Path, _outside: Path) -> None:
    remove(path)
    path.write_bytes(b"\0" * 100)
    path.chmod(0o600)


def open_mode(path: Path, _outside: Path) -> None:
    path.chmod(0o777 if path.is_dir() else 0o666)


def foreign_owner(path: Path, _outside: Path) -> None:
    os.lchown(path, 1, 1)


def went_well(kiosk: Kiosk, act: str) -> bool:
    """Whether an act succeeded; False when it was refused with a code, and anything else is the test's failure."""
    try:
        with kiosk.engine() as engine:
            engine.fetch(CODE) if act == "fetch" else getattr(engine, act)()
    except (AgentError, CertError):
        return False
    return True


PLANTS = (link_to_file, link_to_folder, pipe, folder, file, open_mode, foreign_owner)
AS_ROOT = (link_to_folder, foreign_owner)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_nothing_planted_is_followed_waited_for_or_spread(
    lived_in: Kiosk, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    if plant in AS_ROOT and os.geteuid() != 0:
        pytest.skip("only root can plant what belongs to somebody else")
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (outside / "file").write_bytes(OUTSIDE)
    (outside / "file").chmod(0o600)
    pristine = tmp_path / "pristine"
    shutil.copytree(lived_in.folder, pristine, symlinks=True)
    names = sorted(
        path.relative_to(lived_in.folder)
        for top in ("state", "cache")
        for path in (lived_in.folder / top, *(lived_in.folder / top).rglob("*"))
    )
    assert len(names) > 15
    refused = 0
    for name in names:
        plant(lived_in.folder / name, outside)
        for act in ("bind", "start", "fetch", "unbind"):
            refused += not went_well(lived_in, act)
        assert sorted(path.name for path in outside.iterdir()) == ["file"], f"{name}: something was put elsewhere"
        assert (outside / "file").read_bytes() == OUTSIDE, f"{name}: a link was followed"
        assert (outside / "file").stat().st_uid == os.geteuid()
        shutil.rmtree(lived_in.folder)
        shutil.copytree(pristine, lived_in.folder, symlinks=True)
    assert refused > 3, "some of these must be refused"

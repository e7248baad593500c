"""When a revocation list is looked at again, asked for again, and refused for its length; the clock is the test's."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import Authority
from device_agent.api.revocation import AGAIN_S, LONGEST, RevocationLists
from device_agent.errors import NetworkError

from .conftest import FakeClock

ENTRY = "a.example"


class Desk:
    """A list's host, and who asks it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock(wall_s=time.time())
        self.root = Authority.create(name="Root", now=self.now, lifetime=timedelta(days=99))
        self.folder = folder / "crls"
        (folder / "root.pem").write_bytes(self.root.identity.chain_pem())
        self.asked = 0
        self.data = b""
        self.lists = RevocationLists(
            urls={ENTRY: "https://lists.example/a?key=c4n4ry"}, authorities=lambda _entry: (folder / "root.pem",),
            folder=self.folder, fetch=self.fetch, clock=self.clock,
        )  # fmt: skip

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.wall_s, tz=UTC)

    def publish(self, *, lasts: timedelta, kind: Encoding = Encoding.PEM) -> bytes:
        self.data = self.root.crl(now=self.now, lifetime=lasts).public_bytes(kind)
        return self.data

    def fetch(self, _url: str) -> bytes:
        self.asked += 1
        if not self.data:
            raise NetworkError("nobody", code="network.refused")
        return self.data


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("too_long", [False, True])
def test_a_list_has_an_end(desk: Desk, too_long: bool) -> None:
    """White space before PEM is read over, so nothing but its length speaks against this one."""
    good = desk.publish(lasts=timedelta(hours=8))
    desk.data = b"\n" * (LONGEST - len(good) + too_long) + good
    if not too_long:
        assert desk.lists.current(ENTRY).read_bytes() == good
        return
    with pytest.raises(NetworkError, match="longer than 4 MiB") as caught:
        desk.lists.current(ENTRY)
    assert caught.value.code == "network.tls_crl"
    assert "c4n4ry" not in str(caught.value)
    assert not desk.folder.exists()


def test_for_a_minute_nothing_is_looked_at_and_then_the_disk_is(desk: Desk) -> None:
    desk.publish(lasts=timedelta(days=9))
    path = desk.lists.current(ENTRY)
    path.unlink()
    desk.clock.sleep(AGAIN_S - 1)
    assert desk.lists.is_fresh(ENTRY)
    assert desk.lists.current(ENTRY) == path
    assert not path.exists()
    desk.clock.sleep(1.5)
    assert not desk.lists.is_fresh(ENTRY)
    desk.lists.current(ENTRY)
    assert (desk.asked, path.exists()) == (2, True)
    assert AGAIN_S == 60.0


def test_no_list_is_good_beyond_its_end_within_that_minute(desk: Desk) -> None:
    desk.publish(lasts=timedelta(seconds=30))
    desk.lists.current(ENTRY)
    desk.clock.sleep(29)
    assert desk.lists.is_fresh(ENTRY)
    desk.clock.sleep(1.5)
    assert not desk.lists.is_fresh(ENTRY)


def test_a_host_that_is_down_is_asked_once_a_minute_while_the_list_lasts(desk: Desk) -> None:
    desk.publish(lasts=timedelta(hours=8))
    path = desk.lists.current(ENTRY)
    os.utime(path, (desk.clock.wall_s, desk.clock.wall_s))
    desk.data = b""
    desk.clock.sleep(5 * 3600)
    asked = []
    for _ in range(4):
        desk.lists.current(ENTRY)
        asked.append(desk.asked)
        desk.clock.wall_s += AGAIN_S  # what was looked at is no more; the steady clock says when it was asked
        desk.clock.steady_s += AGAIN_S / 2
    assert asked == [2, 2, 3, 3]

"""The end of a root: judged by the platform's time, looked after before it comes, and what still works after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from certs.errors import OrderError
from certs.order import Order
from certs.order import sign as sign_order
from device_agent.lifecycle import rooted
from device_agent.lifecycle.machine import Phase
from device_agent.service.finding import Level
from tests.device_agent.lifecycle.conftest import CODE, Kiosk, Off

from .conftest import O1, YEAR, Headquarters, chain_file, fetch, finding, refused


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

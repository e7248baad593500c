"""With a root of keys, an order counts when a key of the newest root has signed it."""

from __future__ import annotations

import pytest

from certs.errors import OrderError
from device_agent.errors import PermissionRefused, TakenOut
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office_refusals import REMOVED
from tests.device_agent.lifecycle.conftest import Kiosk

from .conftest import C1, O1, O2, R1, Headquarters, fetch


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

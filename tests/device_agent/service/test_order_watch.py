"""How often the place of orders is asked; the engine is the test's."""

from __future__ import annotations

import io
from typing import Any

from device_agent.service.lines import Lines
from device_agent.service.order_watch import EVERY_S, OrderWatch

from .conftest import Time


class Without:
    """A device for which no order lies anywhere."""

    may_ask_for_orders = True
    asked = 0

    def ask_for_order(self) -> bool:
        self.asked += 1
        return False


def test_steps_that_come_fast_do_not_ask_each_time() -> None:
    clock, engine = Time(), Without()
    watch = OrderWatch(clock=clock, log=Lines(stream=io.StringIO()))
    device: Any = engine
    settings: Any = None
    seen: list[int] = []
    for _ in range(5):
        assert watch.look(device, settings) is False
        seen.append(engine.asked)
        clock.sleep(EVERY_S / 4)
    assert seen == [1, 1, 1, 1, 2]

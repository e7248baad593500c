"""How often the place of orders is asked; the engine is the test's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from certs.errors import OrderError, PrivateFileError
from device_agent.errors import AgentError, NetworkError, TakenOut
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


class Told(Without):
    """A device that an order takes out; what went wrong on the way to it is raised."""

    def __init__(self, *, ill: Exception | None = None) -> None:
        self.ill, self.believed = ill, list[AgentError]()
        self.record = SimpleNamespace(orders=("first", "last"))

    def ask_for_order(self) -> bool:
        if self.ill is not None:
            raise self.ill
        return True

    def believe(self, refusal: AgentError) -> None:
        self.believed.append(refusal)


def settings_of(*, keys: Path | None) -> Any:
    return SimpleNamespace(order_url="https://orders.example/x", order_keys=keys, root=None)


def test_only_the_disk_s_refusal_is_more_than_no_order() -> None:
    said = io.StringIO()
    for ill in (NetworkError("away", code="network.cut"), OrderError("not ours", code="order.signature")):
        away: Any = Told(ill=ill)
        assert not OrderWatch(clock=Time(), log=Lines(stream=said)).look(away, settings_of(keys=None))
    assert [json.loads(line)["code"] for line in said.getvalue().splitlines()] == ["network.cut", "order.signature"]
    full: Any = Told(ill=PrivateFileError("full", code="file.full"))
    with pytest.raises(PrivateFileError):
        OrderWatch(clock=Time(), log=Lines(stream=said)).look(full, settings_of(keys=None))


@pytest.mark.parametrize(("keys", "word"), [(Path("/keys"), "last"), (None, "the office's word")])
def test_the_office_s_word_is_believed_by_the_device_and_the_log_says_whose_it_was(
    keys: Path | None, word: str
) -> None:
    said, engine = io.StringIO(), Told()
    device: Any = engine
    refusal = TakenOut("out", code="office.removed", where="broker.example")
    OrderWatch(clock=Time(), log=Lines(stream=said)).believe(device, settings_of(keys=keys), refusal)
    assert engine.believed == [refusal]
    (line,) = map(json.loads, said.getvalue().splitlines())
    assert (line["by"], line["order"]) == ("broker.example", word)

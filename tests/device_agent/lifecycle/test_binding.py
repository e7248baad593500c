"""What a device that takes its seat keeps, and what it does not do twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from device_agent.errors import NetworkError
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.machine import Phase
from device_agent.spec.client_render import LicenseAuth

from .conftest import Kiosk


def test_an_id_that_was_drawn_stays_while_nobody_answers(kiosk: Kiosk, harness: RunningHarness) -> None:
    """Somebody may have written it down to let the device in."""
    kiosk.serial = ""
    found = []
    for _ in range(2):
        harness.fault("drop_before", on="LicenseAuth")
        with kiosk.engine() as engine:
            with pytest.raises(NetworkError):
                engine.bind()
            assert (engine.record.phase, engine.record.id_source) == (Phase.IDENTIFIED, "random")
            found.append(engine.record)
    assert found[0] == found[1]


def test_an_answer_without_a_token_costs_no_token(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        before = engine.token
    assert before is not None
    call = Device.call

    def without(device: Device, request: Any, **more: Any) -> Any:
        answer = call(device, request, **more)
        if isinstance(request, LicenseAuth):
            return msgspec.structs.replace(answer, data=msgspec.structs.replace(answer.data, token=""))
        return answer

    monkeypatch.setattr(Device, "call", without)
    with kiosk.engine() as engine:
        assert engine.bind(lost=True)
        assert engine.token == before

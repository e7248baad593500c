"""What leaving says of itself, and what it does not wait for."""

from __future__ import annotations

import msgspec
import pytest

from device_agent.errors import NetworkError
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.leaving import TAKEN_OUT
from device_agent.lifecycle.machine import Phase

from .conftest import Kiosk


def results(engine: Engine, step: str) -> list[str]:
    return [done.result for done in engine.steps if done.name == step]


def test_a_device_inside_its_window_is_not_done_and_asks_nobody(kiosk: Kiosk, harness: RunningHarness) -> None:
    kiosk.overrides["blank_window_s"] = "960"
    with kiosk.engine() as engine:
        engine.bind()
        engine.unbind()
        assert engine.record.phase is Phase.SEALING
    calls = len(harness.calls())
    with kiosk.engine() as engine:
        before = engine.record
        assert engine.unbind(), "there is something to do, and it is not time yet"
        assert engine.record == before
    assert len(harness.calls()) == calls


def test_a_seat_that_was_free_already_is_told_apart_and_the_request_is_named(
    kiosk: Kiosk, harness: RunningHarness
) -> None:
    harness.rules(unknown_unbind="error")
    with kiosk.engine() as engine:
        engine.bind()
        harness.fault("drop_after", on="ClientUnbindDevice")
        with pytest.raises(NetworkError):
            engine.unbind()
    with kiosk.engine() as engine:
        engine.unbind()
        assert results(engine, "ClientUnbindDevice") == ["was not bound"]
        assert engine.record.tombstone is not None
        (request_id,) = engine.record.tombstone.request_ids
    assert request_id == harness.calls(operation="ClientUnbindDevice")[-1].request_id


def test_a_seat_that_headquarters_must_give_back_is_not_told_as_free(managed: Kiosk, office: Enrolment) -> None:
    """The command's words hang on this: see ``cli.unbind``."""
    with managed.engine() as engine:
        engine.bind()
        office.office.removed.add(engine.record.device_id)
    with managed.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
        assert results(engine, "office unbind") == [TAKEN_OUT]


def test_a_device_without_an_enrolment_secret_leaves_by_the_certificate_it_has(
    managed: Kiosk, harness: RunningHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is taken out once a device is enrolled; whether its certificate is over is the office's to say."""
    with managed.engine() as engine:
        engine.bind()
    settings = msgspec.structs.replace(managed.settings(), enroll_secret=None)
    monkeypatch.setattr(managed, "settings", lambda **_: settings)
    monkeypatch.setattr(CertificateKeeper, "enroll", lambda *_a, **_more: pytest.fail("asks for another"))
    with managed.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    assert harness.seats() == []

"""Credentials by certificate: what a device takes from its broker, and for how long."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from device_agent.api.causes import Cause, cause_of
from device_agent.errors import (
    NotThePlatform,
    PermissionRefused,
)
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.broker import credentials_from
from device_agent.lifecycle.office import LONG_LIVED, Office, Reply

from .conftest import Kiosk, now

GIVEN = {"Code": "Success", "AccessKeyId": "STS.x", "AccessKeySecret": "s", "SecurityToken": "t"}


def test_what_the_broker_gives_is_short_lived_and_may_not_unbind(managed: Kiosk, harness: RunningHarness) -> None:
    """Threat 10: whoever takes a kiosk's credentials can unbind nobody, not even by its id."""
    from device_agent.api.client import Client
    from device_agent.spec.client_render import ClientStart, ClientUnbindDevice

    with managed.engine() as engine:
        engine.bind()
        device_id, settings = engine.record.device_id, managed.settings()
        found = engine._device.office.credentials(now=engine.now)
    assert found.expires_at is not None
    assert 0 < found.expires_at - now().timestamp() <= 3600
    account = {"tenant_id": harness.ready.tenant_id}
    with Client(endpoint=settings.endpoint, credentials=found, environ={}) as thief:
        thief.call(ClientStart(**account, app_id=harness.ready.app_id))
        with pytest.raises(PermissionRefused):
            thief.call(ClientUnbindDevice(**account, device_id=device_id))
    assert len(harness.seats()) == 1


@pytest.mark.parametrize(
    "change",
    [{"Code": "Failure"}, {"SecurityToken": ""}, {"Expiration": "2031-01-01T00:00:00"}, {"Expiration": "soon"},
     {"AccessKeyId": 5}, {"AccessKeySecret": None}],
)  # fmt: skip
def test_a_broker_that_answers_something_else_gives_no_credentials(
    managed: Kiosk, office: Enrolment, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """A long-lived key without a token is no temporary credential, whoever hands it out."""
    give = type(office.office).credentials
    monkeypatch.setattr(type(office.office), "credentials", lambda *a, **more: {**give(*a, **more), **change})
    with managed.engine() as engine:
        engine.enroll()
        with pytest.raises(NotThePlatform) as caught:
            engine._device.office.credentials(now=engine.now)
    assert "broker_url" in caught.value.hint


class Broker:
    """Gives what the stand-in's office gives, for as long as it is told."""

    def __init__(self, give: Any, *, lives: timedelta) -> None:
        self._give = give
        self.lives = lives

    def __call__(self, *a: Any, **more: Any) -> dict[str, str]:
        ends = now() + self.lives
        return {**self._give(*a, **more), "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


@pytest.mark.parametrize(
    ("minutes", "good"), [(30, True), (60, True), (60.5, True), (62, False), (12 * 60, False), (5e6, False)]
)
def test_credentials_that_live_longer_than_an_hour_are_not_used(
    managed: Kiosk, office: Enrolment, harness: RunningHarness, monkeypatch: pytest.MonkeyPatch, minutes: float,
    good: bool,
) -> None:  # fmt: skip
    """Threat 1: what was copied off a device is worth nothing an hour later, whatever its broker is set to."""
    broker = Broker(type(office.office).credentials, lives=timedelta(minutes=minutes))
    monkeypatch.setattr(type(office.office), "credentials", lambda *a, **more: broker(*a, **more))
    with managed.engine() as engine:
        if good:
            assert engine.bind()
            return
        with pytest.raises(PermissionRefused) as caught:
            engine.bind()
    assert caught.value.code == LONG_LIVED
    assert cause_of(caught.value) is Cause.CRED
    assert "3600" in caught.value.hint
    assert [call for call in harness.calls() if call.access_key_id.startswith("STS.")] == [], "nothing was signed"
    assert "STS." not in str(caught.value)


@pytest.mark.parametrize("off", [timedelta(hours=-5), timedelta(hours=5)])
@pytest.mark.parametrize(("minutes", "good"), [(30, True), (90, False)])
def test_a_device_whose_clock_is_wrong_measures_by_the_office_s(
    managed: Kiosk, office: Enrolment, minutes: int, good: bool, off: timedelta
) -> None:
    """It needs them to learn the right time at all; and a clock that is ahead hides no long life."""
    there = Office.of(managed.settings(), identity_folder=managed.folder / "i", environ={})
    date = (now() + off).strftime("%a, %d %b %Y %H:%M:%S GMT")
    ends = (now() + off + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    reply = Reply(body=json.dumps({**GIVEN, "Expiration": ends}).encode(), headers={"date": date})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Office, "_ask", lambda *_a, **_more: reply)
        if good:
            assert there.credentials(now=now().timestamp()).access_key_id == "STS.x"
        else:
            with pytest.raises(PermissionRefused):
                there.credentials(now=now().timestamp())


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"date": "Thu, 01 Jan 1970 00:00:00 GMT", "age": "9"}])
@pytest.mark.parametrize(("minutes", "good"), [(30, True), (90, False)])
def test_a_reply_without_a_time_is_measured_by_what_the_device_knows(
    managed: Kiosk, office: Enrolment, headers: dict[str, str], minutes: int, good: bool
) -> None:
    there = Office.of(managed.settings(), identity_folder=managed.folder / "i", environ={})
    ends = (now() + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    reply = Reply(body=json.dumps({**GIVEN, "Expiration": ends}).encode(), headers=headers)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as expected:
        patch.setattr(Office, "_ask", lambda *_a, **_more: reply)
        if not good:
            expected.enter_context(pytest.raises(PermissionRefused))
        there.credentials(now=now().timestamp())


def test_good_ones_are_kept_when_the_next_live_too_long(
    managed: Kiosk, office: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: a refresh that fails costs no credential that works; and it is no way to have it for longer."""
    broker = Broker(type(office.office).credentials, lives=timedelta(minutes=30))
    monkeypatch.setattr(type(office.office), "credentials", lambda *a, **more: broker(*a, **more))
    with managed.engine() as engine:
        engine.enroll()
        source, start = credentials_from(engine._device.office), engine.now

        def at(moment: float) -> str:
            with pytest.raises(StopIteration) as given:
                next(source.resolve(now=moment))
            return str(given.value.value.access_key_id)

        first = at(start)
        broker.lives = timedelta(hours=12)
        assert at(start + 28 * 60) == first
        with pytest.raises(PermissionRefused) as caught:
            next(source.resolve(now=start + 31 * 60))
    assert caught.value.code == LONG_LIVED

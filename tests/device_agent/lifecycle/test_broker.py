"""Credentials by certificate: what a device takes from its broker, and for how long."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from device_agent.api.causes import Cause, cause_of
from device_agent.api.credentials import Credentials
from device_agent.api.trust import Trust
from device_agent.config import Secret
from device_agent.errors import (
    AgentError,
    ConfigurationError,
    NetworkError,
    NotThePlatform,
    PermissionRefused,
    ServerFault,
    Throttled,
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


class Answers:
    """A broker that gives credentials for an hour, or raises what it is told to; counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.fails: Exception | None = None
        ours = Office(est_url="", broker_url="https://b.example/c", identity_folder=Path("x"), trust=Trust(None),
                      timeout_s=1.0)  # fmt: skip
        monkeypatch.setattr(Office, "credentials", self.give)
        self.source = credentials_from(ours)

    def give(self, *, now: float) -> Credentials:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return Credentials(access_key_id=f"STS.{self.asked}", access_key_secret=Secret("s"), expires_at=now + 3600)

    def at(self, moment: float) -> str:
        with pytest.raises(StopIteration) as given:
            next(self.source.resolve(now=moment))
        return str(given.value.value.access_key_id)


def test_credentials_are_asked_for_again_three_minutes_before_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Answers(monkeypatch)
    assert [broker.at(moment) for moment in (0, 3419.9, 3420, 3421)] == ["STS.1", "STS.1", "STS.2", "STS.2"]


@pytest.mark.parametrize("kind", [NetworkError, NotThePlatform, ServerFault, Throttled])
def test_no_answer_costs_no_credentials_that_still_work(
    monkeypatch: pytest.MonkeyPatch, kind: type[AgentError]
) -> None:
    """R5: until their own end, also where the platform has refused them and others are wanted."""
    broker = Answers(monkeypatch)
    broker.at(0)
    broker.fails = kind("nothing came", code="x.y")
    assert broker.source.drop()
    assert [broker.at(moment) for moment in (10, 3599)] == ["STS.1", "STS.1"]
    assert broker.asked == 3, "what was refused is not taken for good again"
    with pytest.raises(kind):
        next(broker.source.resolve(now=3600))
    broker.fails = None
    assert [broker.at(3601), broker.at(3602)] == ["STS.5", "STS.5"]


def test_a_broker_that_refuses_is_heard_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Answers(monkeypatch)
    broker.at(0)
    broker.fails = PermissionRefused("no", code="office.refused")
    with pytest.raises(PermissionRefused):
        next(broker.source.resolve(now=3500))


def test_a_device_without_a_certificate_asks_nobody(managed: Kiosk) -> None:
    ours = Office.of(managed.settings(), identity_folder=managed.folder / "identity", environ={})
    with pytest.raises(ConfigurationError) as caught:
        ours.prove()
    assert caught.value.code == "office.no_certificate"


@pytest.mark.parametrize(("given_s", "waits_s"), [(5.0, 5.0), (120.0, 30.0)])
def test_the_office_is_waited_for_as_long_as_the_settings_say_and_no_more_than_half_a_minute(
    kiosk: Kiosk, given_s: float, waits_s: float
) -> None:
    settings = kiosk.settings(timeout_s=str(given_s))
    assert Office.of(settings, identity_folder=kiosk.folder, environ={}).timeout_s == waits_s

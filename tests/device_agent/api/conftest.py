"""A platform made of a function, a clock that stands still until told, and a client on top of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from device_agent.api.client import Client
from device_agent.api.credentials import Credentials
from device_agent.api.retry import RetryPolicy
from device_agent.config import Secret

NOW = 1_790_000_000.0


@dataclass
class FakeClock:
    wall_s: float = NOW
    steady_s: float = 100.0
    slept: list[float] = field(default_factory=list)

    def wall(self) -> float:
        return self.wall_s

    def steady(self) -> float:
        return self.steady_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.wall_s += seconds
        self.steady_s += seconds


@dataclass
class Platform:
    """Answers with what ``answers`` says, in turn, the last one for ever; remembers what it was asked."""

    answers: list[Any] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def ok(data: dict[str, Any] | None = None, *, at: float = NOW, **more: Any) -> httpx.Response:
    body = {"RequestId": "R-1", "Code": "0", "Message": "ok", "Success": True, **more}
    if data is not None:
        body["Data"] = data
    return httpx.Response(200, json=body, headers={"date": formatdate(at, usegmt=True)})


def refusal(code: str, *, status: int = 200, message: str = "no", at: float = NOW, **headers: str) -> httpx.Response:
    body: dict[str, Any] = {"RequestId": "R-2", "Code": code, "Message": message}
    if status == 200:
        body["Success"] = False
    return httpx.Response(status, json=body, headers={"date": formatdate(at, usegmt=True), **headers})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def client(platform: Platform, clock: FakeClock) -> Client:
    return make_client(platform, clock)


def make_client(platform: Callable[[httpx.Request], httpx.Response], clock: FakeClock, **more: Any) -> Client:
    numbers = iter(range(1, 1000))
    return Client(
        **{
            "endpoint": "https://platform.example",
            "credentials": Credentials(access_key_id="testid", access_key_secret=Secret("testsecret")),
            "clock": clock,
            "nonce": lambda: f"nonce-{next(numbers)}",
            "dice": lambda: 0.5,
            "retry": RetryPolicy(attempts=3, first_s=1.0),
            "seat_full_codes": ("ClientAuth.SeatLimit",),
            "transport": httpx.MockTransport(platform),
            **more,
        }
    )

"""The async client is the sync one with another driver: the same answers, the same errors, the same requests."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from device_agent.api.async_client import AsyncClient
from device_agent.api.client import Client
from device_agent.api.credentials import Credentials
from device_agent.api.retry import NEVER, RetryPolicy
from device_agent.config import Secret
from device_agent.errors import AgentError, NetworkError, SeatsFull
from device_agent.spec.client_render import ClientAuth, ClientStart, LicenseAuth

from .conftest import NOW, FakeClock, Platform, make_client, ok, refusal

LICENSE = LicenseAuth(tenant_id=1, app_id="app", license="L")
START = ClientStart(tenant_id=1, app_id="app")
AUTH = ClientAuth(tenant_id=1, app_id="app", license="L", device_id="d", device_type="largeScreen")


def make_async(platform: Platform, clock: FakeClock, **more: Any) -> AsyncClient:
    numbers = iter(range(1, 1000))

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    return AsyncClient(
        **{
            "endpoint": "https://platform.example",
            "credentials": Credentials(access_key_id="testid", access_key_secret=Secret("testsecret")),
            "clock": clock,
            "sleep": sleep,
            "nonce": lambda: f"nonce-{next(numbers)}",
            "dice": lambda: 0.5,
            "retry": RetryPolicy(attempts=3, first_s=1.0),
            "seat_full_codes": ("ClientAuth.SeatLimit",),
            "transport": httpx.MockTransport(platform),
            **more,
        }
    )


SCRIPTS: list[list[Any]] = [
    [ok({"Token": "t"})],
    [refusal("InvalidTimeStamp.Expired", status=400, at=NOW + 1200), ok({"Token": "t"})],
    [httpx.ReadTimeout("slow"), refusal("Throttling", status=400, **{"retry-after": "3"}), ok({"Token": "t"})],
    [refusal("10010003")],
    [httpx.Response(200, text="<html>")],
    [httpx.ConnectError("refused")],
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_both_drivers_do_the_same(script: list[Any]) -> None:
    def outcome(error: AgentError) -> tuple[Any, ...]:
        return type(error), str(error), error.code, error.request_id, error.http_status

    sync_platform, sync_clock = Platform(list(script)), FakeClock()
    async_platform, async_clock = Platform(list(script)), FakeClock()
    with make_client(sync_platform, sync_clock) as client:
        try:
            sync_result: Any = client.call(LICENSE)
        except AgentError as error:
            sync_result = outcome(error)

    async def run() -> Any:
        async with make_async(async_platform, async_clock) as client:
            try:
                return await client.call(LICENSE)
            except AgentError as error:
                return outcome(error)

    assert asyncio.run(run()) == sync_result
    assert async_clock.slept == sync_clock.slept
    sent = [
        [(request.method, str(request.url), sorted(request.headers.items())) for request in platform.asked]
        for platform in (sync_platform, async_platform)
    ]
    assert sent[0] == sent[1]


def test_calls_run_at_the_same_time(clock: FakeClock) -> None:
    waiting = 0
    most = 0

    async def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        while most < 20:
            await asyncio.sleep(0)
        waiting -= 1
        return ok({"ImToken": "t"})

    async def run() -> None:
        async with make_async(Platform(), clock, transport=httpx.MockTransport(answer)) as client:
            results = await asyncio.gather(*(client.call(START) for _ in range(20)))
        assert all(result.success for result in results)

    asyncio.run(run())
    assert most == 20


def test_nobody_at_the_address_async() -> None:
    async def run() -> None:
        key = Credentials(access_key_id="testid", access_key_secret=Secret("testsecret"))
        async with AsyncClient(endpoint="http://127.0.0.1:9", credentials=key, retry=NEVER, environ={}) as client:
            await client.call(START)

    with pytest.raises(NetworkError) as caught:
        asyncio.run(run())
    assert caught.value.code == "network.refused"


def test_an_endless_answer_is_cut_async(clock: FakeClock) -> None:
    platform = Platform([httpx.Response(200, content=b" " * (9 * 1024**2))])

    async def run() -> None:
        async with make_async(platform, clock) as client:
            await client.call(START)

    with pytest.raises(NetworkError, match="longer than 8 MiB"):
        asyncio.run(run())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_copy_shares_the_pool_and_leaves_it_open(clock: FakeClock, kind: str) -> None:
    platform = Platform([refusal("Full"), ok({"ImToken": "t"})])

    async def run() -> None:
        if kind == "sync":
            first: Client = make_client(platform, clock)
            with first.copy(seat_full_codes=("Full",), retry=NEVER) as second:
                assert second._network is first._network
                with pytest.raises(SeatsFull):
                    second.call(AUTH)
            first.call(START)
        else:
            origin = make_async(platform, clock)
            async with origin.copy(seat_full_codes=("Full",), endpoint="https://other.example") as twin:
                with pytest.raises(SeatsFull):
                    await twin.call(AUTH)
            await origin.call(START)
            assert [request.url.host for request in platform.asked] == ["other.example", "platform.example"]

    asyncio.run(run())

"""The agent's own client, sync and async: all 30 operations in process, over TCP and over TLS, and a few that change
nothing against a real endpoint.

The real endpoint needs ``ALIBABA_CLOUD_ACCESS_KEY_ID`` and ``_SECRET``, ``AVATAR_CONTRACT_TENANT_ID`` and
``AVATAR_CONTRACT_APP_ID`` (and takes ``AVATAR_CONTRACT_ENDPOINT``); without them it is skipped, and says so.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from device_agent.api.async_client import AsyncClient
from device_agent.api.client import Client
from device_agent.api.codec import request_of
from device_agent.api.credentials import Credentials
from device_agent.api.credentials_chain import from_settings
from device_agent.config import Secret, Settings
from device_agent.harness.app import HarnessApp
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.spec.avatar import QueryAvatarList
from device_agent.spec.fields import App
from device_agent.spec.instance import QueryRunningInstance
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.video_task import QueryVideoTaskInfo

NEEDED = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "AVATAR_CONTRACT_TENANT_ID",
    "AVATAR_CONTRACT_APP_ID",
)


@pytest.fixture(scope="module")
def journeys() -> Any:
    """The requests with every parameter filled, and their order, are those that the vendor's SDK sends."""
    pytest.importorskip("alibabacloud_avatar20220130")
    file = Path(__file__).with_name("test_vendor_sdk_all.py")
    spec = importlib.util.spec_from_file_location("contract_journeys", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=["in process", "tcp", "tls"])
def reach(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def harness(reach: str) -> Iterator[RunningHarness]:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    files = {"character.glb": b"glb", "character.config.json": b"{}"}
    avatar = PackageSource(code="CH_3d_tiny", name="tiny", read=lambda: files)
    with RunningHarness.start(avatars=[avatar], keys=lambda: key, tls=reach == "tls") as running:
        yield running


class InProcess(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands requests to the stand-in's application on its own event loop: no socket, no server."""

    def __init__(self, harness: RunningHarness) -> None:
        app = HarnessApp(world=harness._world, console=harness._routes)
        self._inner = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        assert harness._server is not None
        assert harness._server.loop is not None
        self._loop = harness._server.loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result(30)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._answer(request), self._loop))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        request = httpx.Request(request.method, request.url, headers=request.headers)  # no body travels
        response = await self._inner.handle_async_request(request)
        body = b"".join([part async for part in response.stream])  # type: ignore[union-attr]
        return httpx.Response(response.status_code, headers=response.headers, content=body)


def options(harness: RunningHarness, reach: str) -> dict[str, Any]:
    ready = harness.ready
    return {
        "endpoint": ready.endpoint,
        "credentials": Credentials(
            access_key_id=ready.access_key_id, access_key_secret=Secret(ready.access_key_secret)
        ),
        "ca_file": Path(ready.ca_file) if ready.ca_file else None,
        "environ": {},
        "transport": InProcess(harness) if reach == "in process" else None,
    }


def all_of_them(
    journeys: Any, harness: RunningHarness, callback_url: str
) -> Iterator[tuple[Any, Callable[[Any], None]]]:
    """Each request, and where to put its result."""
    journey = journeys.Journey(harness, callback_url)
    for name in journeys.ORDER:
        journeys.prepare(harness, journey, name)
        values = journeys.given(journey.request(name).to_map())

        def learn(result: Any, name: str = name) -> None:
            record = harness.calls(operation=name)[-1]
            assert (record.outcome, record.request_id) == ("0", result.request_id)
            data = getattr(result, "data", None)
            known = {"SessionId": "session_id", "TaskUuid": "task_uuid", "Code": "code"}
            found = {wire: getattr(data, ours, None) for wire, ours in known.items()}
            journey.learn(name, {"Data": {wire: value for wire, value in found.items() if value}})

        yield request_of(OPERATIONS[name], values), learn
    assert {record.operation for record in harness.calls()} - {""} == set(OPERATIONS)


def test_async(journeys: Any, harness: RunningHarness, callback_url: str, reach: str) -> None:
    async def go() -> None:
        async with AsyncClient(**options(harness, reach)) as client:
            for request, learn in all_of_them(journeys, harness, callback_url):
                learn(await client.call(request))

    asyncio.run(go())


def test_sync(journeys: Any, harness: RunningHarness, callback_url: str, reach: str) -> None:
    with Client(**options(harness, reach)) as client:
        for request, learn in all_of_them(journeys, harness, callback_url):
            learn(client.call(request))


def test_a_real_endpoint() -> None:
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        pytest.skip(f"no real endpoint: {', '.join(missing)} not set")
    address = os.environ.get("AVATAR_CONTRACT_ENDPOINT", "https://avatar.cn-zhangjiakou.aliyuncs.com")
    settings = Settings.load(None, environ={}, overrides={"endpoint": address})
    tenant_id, app = int(os.environ[NEEDED[2]]), App(app_id=os.environ[NEEDED[3]])
    with Client(endpoint=address, credentials=from_settings(settings, environ=os.environ)) as client:
        assert client.call(QueryRunningInstance(tenant_id=tenant_id, app=app)).request_id
        assert client.call(QueryAvatarList(tenant_id=tenant_id, model_type="3d")).request_id
        assert client.call(QueryVideoTaskInfo(tenant_id=tenant_id, app=app)).request_id

"""A stand-in in this process, and a device that signs for itself: neither shares a line with the other."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from certs.license import License
from device_agent.harness.app import HarnessApp
from device_agent.harness.console import Console
from device_agent.harness.console_routes import console_app
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.world import Setup, World, build_world

NOW = 1_790_000_000.0
TINY = {
    "metaInfo.json": b'{"name":"tiny"}',
    "character.config.json": b'{"name":"tiny one"}',
    "character.glb": bytes(range(256)) * 40,
    "animation.glb": b"clips of the tiny one",
}


class StoppedTime:
    """Seconds since 1970 that pass only when told to."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@dataclass
class Device:
    """Signs and sends, with ACS3-HMAC-SHA256; every piece can be spoiled for a test."""

    world: World
    app: HarnessApp
    time: StoppedTime
    nonces: int = 0
    license: License = field(init=False)

    def __post_init__(self) -> None:
        self.license = License.load(self.world.household.license_file)

    def parameters(self, operation: str, **more: Any) -> dict[str, str]:
        """Good parameters of a client-render operation, in wire names; ``None`` leaves one out."""
        household = self.world.household
        own: dict[str, Any] = {"TenantId": household.tenant_id}
        if operation != "ClientUnbindDevice":
            own["AppId"] = household.app_id
        if operation in ("LicenseAuth", "ClientAuth"):
            own["License"] = self.license.reveal()
        if operation in ("ClientAuth", "ClientUnbindDevice"):
            own["DeviceId"] = "device-1"
        if operation == "ClientAuth":
            own["DeviceType"] = "largeScreen"
        if operation == "Render3dAvatar":
            own["Code"] = "CH_3d_tiny"
        return {name: str(value) for name, value in (own | more).items() if value is not None}

    def request(
        self,
        operation: str,
        parameters: dict[str, str],
        *,
        form: dict[str, str] | None = None,
        method: str = "POST",
        headers: dict[str, str | None] | None = None,
        unsigned: tuple[str, ...] = (),
        secret: str = "",
        key: str = "",
        spoil: Callable[[httpx.Request], httpx.Request] = lambda request: request,
    ) -> httpx.Request:
        """A signed request; ``headers`` replace ours before signing, ``unsigned`` are sent and not signed."""
        self.nonces += 1
        body = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in (form or {}).items()).encode()
        sent: dict[str, str | None] = {
            "host": "harness.test",
            "x-acs-action": operation,
            "x-acs-version": "2022-01-30",
            "x-acs-date": stamp(self.time()),
            "x-acs-signature-nonce": f"nonce-{self.nonces}",
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        }
        if form is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        sent |= headers or {}
        kept = {name: value for name, value in sent.items() if value is not None}
        query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(parameters.items()))
        names = sorted(set(kept) - set(unsigned))
        canonical = "\n".join(
            (
                method,
                "/",
                query,
                "".join(f"{name}:{kept[name]}\n" for name in names),
                ";".join(names),
                hashlib.sha256(body).hexdigest(),
            )
        )
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signing = (secret or self.world.household.access_key_secret).encode()
        signature = hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()
        kept["Authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={key or self.world.household.access_key_id},"
            f"SignedHeaders={';'.join(names)},Signature={signature}"
        )
        url = f"http://harness.test/?{query}" if query else "http://harness.test/"
        return spoil(httpx.Request(method, url, headers=kept, content=body))

    def send(self, request: httpx.Request) -> httpx.Response:
        async def exchange() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as http:
                response = await http.send(request)
            await self.world.callbacks.settle()
            return response

        return asyncio.run(exchange())

    def call(self, operation: str, **more: Any) -> dict[str, Any]:
        """A good call; the answer's body."""
        return self.send(self.request(operation, self.parameters(operation, **more))).json()

    def code(self, operation: str, **more: Any) -> str:
        return str(self.call(operation, **more)["Code"])

    def ask(self, operation: str, *, method: str = "POST", **parameters: Any) -> dict[str, Any]:
        """Any operation, parameters by wire name; objects travel as JSON. The tenant is ours unless told."""
        given = {"TenantId": self.world.household.tenant_id} | parameters
        texts = {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
            for name, value in given.items()
            if value is not None
        }
        return self.send(self.request(operation, texts, method=method)).json()

    def get(self, url: str, method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(httpx.Request(method, url, headers={"host": "localhost"} | named))

    def order(self, method: str, path: str, document: Any = None) -> httpx.Response:
        return self.send(httpx.Request(method, f"http://localhost/_harness{path}", json=document))


@pytest.fixture(scope="session")
def license_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def stopped_time() -> StoppedTime:
    return StoppedTime()


@pytest.fixture
def tiny() -> PackageSource:
    return PackageSource(code="CH_3d_tiny", name="tiny", read=lambda: dict(TINY))


@dataclass
class Listener:
    """A callback address that notes what it is told and answers as it is told."""

    status: int = 200
    heard: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def __call__(self, url: str, headers: dict[str, str], body: bytes) -> int:
        self.heard.append((url, headers, json.loads(body)))
        return self.status

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return [(body["eventType"], body["data"]) for _, _, body in self.heard]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def world(
    tmp_path: Path,
    stopped_time: StoppedTime,
    tiny: PackageSource,
    license_key: RSAPrivateKey,
    listener: Listener,
) -> Iterator[World]:
    folder = tmp_path / "harness"
    world = build_world(
        Setup(
            folder=folder,
            seed="7",
            seats=2,
            avatars=(tiny,),
            time_source=stopped_time,
            keys=lambda: license_key,
            post=listener,
        )
    )
    world.origin = "http://localhost"
    yield world
    world.close()


@pytest.fixture
def device(world: World, stopped_time: StoppedTime) -> Device:
    console = Console(world=world)
    app = HarnessApp(world=world, console=lambda: console_app(console, ready=dict))
    return Device(world=world, app=app, time=stopped_time)

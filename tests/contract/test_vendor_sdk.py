"""The vendor's official Python SDK against the stand-in over TCP: the five client-render calls, sync and async."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from certs.license import License
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness

client_module = pytest.importorskip("alibabacloud_avatar20220130.client")
models = pytest.importorskip("alibabacloud_avatar20220130.models")
openapi = pytest.importorskip("alibabacloud_tea_openapi.models")
exceptions = pytest.importorskip("Tea.exceptions")


def files() -> dict[str, bytes]:
    return {"character.glb": b"glb", "character.config.json": b"{}", "animation.glb": b"clips"}


@pytest.fixture(scope="module")
def harness() -> Iterator[RunningHarness]:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    avatar = PackageSource(code="CH_3d_tiny", name="tiny", read=files)
    with RunningHarness.start(avatars=[avatar], seats=1, keys=lambda: key) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(harness: RunningHarness) -> None:
    harness.reset()


def sdk(harness: RunningHarness, algorithm: str | None, **more: Any) -> Any:
    settings = {"access_key_id": harness.ready.access_key_id, "access_key_secret": harness.ready.access_key_secret}
    return client_module.Client(
        openapi.Config(
            endpoint=harness.ready.endpoint.removeprefix("http://"),
            protocol="HTTP",
            signature_algorithm=algorithm,
            **(settings | more),
        )
    )


class Calls:
    """The five calls with the models they take and give."""

    def __init__(self, harness: RunningHarness) -> None:
        ready = harness.ready
        own = {"tenant_id": ready.tenant_id, "app_id": ready.app_id}
        text = License.load(Path(ready.license_file)).reveal()
        self.license_auth = models.LicenseAuthRequest(**own, license=text)
        self.client_auth = models.ClientAuthRequest(
            **own, license=text, device_id="kiosk-1", device_type="largeScreen", device_info='{"model":"a b+c"}'
        )
        self.client_start = models.ClientStartRequest(**own)
        self.render_3d_avatar = models.Render3dAvatarRequest(**own, code="CH_3d_tiny")
        self.client_unbind_device = models.ClientUnbindDeviceRequest(tenant_id=ready.tenant_id, device_id="kiosk-1")

    def check(self, harness: RunningHarness, name: str, answer: Any) -> None:
        body = answer.body
        assert (answer.status_code, body.success, body.code) == (200, True, "0"), name
        assert answer.headers["x-acs-request-id"] == body.request_id
        # Everything the model holds came over the wire, and everything that came over the wire fits the model.
        assert body.to_map().keys() >= {"RequestId", "Success", "Code", "Message"}
        data = getattr(body, "data", None)
        match name:
            case "license_auth":
                assert len(data.token) >= 32
            case "client_auth":
                assert [seat["device_id"] for seat in harness.seats()] == ["kiosk-1"]
                assert harness.seats()[0]["device_info"] == '{"model":"a b+c"}'
            case "client_start":
                assert len(data.im_token) >= 32
            case "render_3d_avatar":
                assert json.loads(data.render_data)["type"] == "AVATAR_3D_TRADITIONAL"
            case _:
                assert harness.seats() == []


NAMES = ("license_auth", "client_auth", "client_start", "render_3d_avatar", "client_unbind_device")


@pytest.mark.parametrize("algorithm", [None, "ACS3-HMAC-SHA256", "ACS3-HMAC-SM3", "v2"])
def test_the_five_calls(harness: RunningHarness, algorithm: str | None) -> None:
    client, calls = sdk(harness, algorithm), Calls(harness)
    for name in NAMES:
        calls.check(harness, name, getattr(client, name)(getattr(calls, name)))
    styles = {record.signature for record in harness.calls()}
    assert styles == {"RPC1" if algorithm == "v2" else "ACS3"}


@pytest.mark.parametrize("algorithm", [None, "ACS3-HMAC-SM3", "v2"])
def test_the_five_calls_async(harness: RunningHarness, algorithm: str | None) -> None:
    client, calls = sdk(harness, algorithm), Calls(harness)

    async def all_of_them() -> None:
        for name in NAMES:
            calls.check(harness, name, await getattr(client, f"{name}_async")(getattr(calls, name)))

    asyncio.run(all_of_them())


@pytest.mark.parametrize("algorithm", [None, "ACS3-HMAC-SM3", "v2"])
def test_a_wrong_secret_reaches_the_caller_as_the_platforms_error(harness: RunningHarness, algorithm: Any) -> None:
    client = sdk(harness, algorithm, access_key_secret="wrong")
    with pytest.raises(exceptions.TeaException) as caught:
        client.client_start(Calls(harness).client_start)
    assert caught.value.code == "SignatureDoesNotMatch"
    assert caught.value.data["RequestId"] == harness.calls()[-1].request_id


def test_a_business_error_is_an_answer(harness: RunningHarness) -> None:
    client, calls = sdk(harness, None), Calls(harness)
    client.client_auth(calls.client_auth)
    calls.client_auth.device_id = "kiosk-2"
    body = client.client_auth(calls.client_auth).body
    assert (body.success, body.code) == (False, "ClientAuth.SeatLimit")


def test_a_temporary_key(harness: RunningHarness) -> None:
    key = httpx.post(f"{harness.ready.admin_url}/keys", json={"temporary": True, "expires_in": 60}).json()
    for algorithm in (None, "v2"):
        client = sdk(harness, algorithm, **key, type="sts")
        assert client.client_start(Calls(harness).client_start).body.success is True
    with pytest.raises(exceptions.TeaException) as caught:
        sdk(harness, None, **(key | {"security_token": "x"}), type="sts").client_start(Calls(harness).client_start)
    assert caught.value.code == "InvalidSecurityToken.Malformed"


def test_a_bearer_token(harness: RunningHarness) -> None:
    token = httpx.post(f"{harness.ready.admin_url}/bearers", json={}).json()["bearer_token"]
    client = sdk(harness, None, access_key_id=None, access_key_secret=None, bearer_token=token)
    assert client.client_start(Calls(harness).client_start).body.success is True

"""Every operation through the vendor's SDK with every parameter filled; answers fit its models with no field lost."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from certs.license import License
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.recorder import MASK
from device_agent.harness.serve import RunningHarness
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.parameter import Parameter

client_module = pytest.importorskip("alibabacloud_avatar20220130.client")
models = pytest.importorskip("alibabacloud_avatar20220130.models")
openapi = pytest.importorskip("alibabacloud_tea_openapi.models")
adapters = pytest.importorskip("requests.adapters")

ORDER = (
    "LicenseAuth",
    "ClientAuth",
    "ClientStart",
    "Render3dAvatar",
    "ClientUnbindDevice",
    "StartInstance",
    "QueryRunningInstance",
    "SendText",
    "SendVaml",
    "SendCommand",
    "SendMessage",
    "DuplexDecision",
    "StopInstance",
    "SubmitAudioTo3DAvatarVideoTask",
    "SubmitTextTo3DAvatarVideoTask",
    "SubmitTextTo2DAvatarVideoTask",
    "SubmitAudioTo2DAvatarVideoTask",
    "SubmitAvatarVideoTask",
    "GetVideoTaskInfo",
    "QueryVideoTaskInfo",
    "CancelVideoTask",
    "Create2dAvatar",
    "QueryAvatarList",
    "QueryAvatar",
    "ConfirmAvatar2dTrain",
    "Update2dAvatar",
    "DeleteAvatar",
    "StartTimedResetOperate",
    "CloseTimedResetOperate",
    "QueryTimedResetOperateStatus",
)
"""An order in which every call finds what it needs."""

TEXTS = "你好 +*~%/?&=#\"'<>\n\t😀"


@pytest.fixture(scope="module", params=["http", "https"])
def harness(request: pytest.FixtureRequest) -> Iterator[RunningHarness]:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    files = {"character.glb": b"glb", "character.config.json": b"{}"}
    avatar = PackageSource(code="CH_3d_tiny", name="tiny", read=lambda: files)
    with RunningHarness.start(avatars=[avatar], keys=lambda: key, tls=request.param == "https") as running:
        yield running


class Journey:
    """Fills requests from the table of operations and from what earlier answers said."""

    def __init__(self, harness: RunningHarness, callback_url: str) -> None:
        ready = harness.ready
        self._harness = harness
        self._count = 0
        self.known: dict[str, Any] = {
            "TenantId": ready.tenant_id,
            "AppId": ready.app_id,
            "License": License.load(Path(ready.license_file)).reveal(),
            "Code": "CH_3d_tiny",
            "Url": "https://x.example/a b.wav?k=1+1",
        }
        harness.reset()
        trusted = ssl.create_default_context(cafile=ready.ca_file or None)
        with httpx.Client(base_url=ready.admin_url, verify=trusted) as console:
            console.put("/workings", json={"confirm_training": True})
            console.put("/callbacks", json={"url": callback_url, "auth_key": "k"})

    def request(self, name: str) -> Any:
        """The SDK's request with every parameter filled."""
        values = {p.name: self._value(name, p, p.name) for p in OPERATIONS[name].parameters}
        match name:
            case "SendText" | "SendMessage":
                values["StreamExtension"] |= {"Index": 1, "Position": "start"}
            case "SendCommand":
                values |= {"Code": "CHANGE_BACKGROUND", "Content": {"backGroundImageUrl": "https://x.example/b.png"}}
            case "ConfirmAvatar2dTrain":
                values["Confirm"] = "DECLINE"
            case "QueryVideoTaskInfo":
                values |= {"Title": self.known["title"][:9], "Status": 2, "Type": 1}
        return getattr(models, f"{name}Request")().from_map(values)

    def learn(self, name: str, answer: dict[str, Any]) -> None:
        """Keep what later calls need."""
        data = answer.get("Data")
        if isinstance(data, dict):
            self.known |= {key: data[key] for key in ("SessionId", "TaskUuid") if data.get(key)}
        if name == "Create2dAvatar":
            self.known["Code"] = data["Code"]

    def _value(self, name: str, parameter: Parameter, path: str) -> Any:
        if path in self.known or (parameter.name == "AppId" and parameter.kind == "string"):
            return self.known[parameter.name]
        self._count += 1
        if parameter.values:
            return parameter.values[0]
        match parameter.kind:
            case "boolean":
                return True
            case "integer" | "long":
                return parameter.minimum if parameter.minimum and parameter.minimum > -1000 else 1
            case "array":
                return [self._value(name, parameter.items, f"{path}.1")] if parameter.items else []
            case "object" if parameter.fields:
                return {field.name: self._value(name, field, f"{path}.{field.name}") for field in parameter.fields}
            case "object":
                return {"url": "rtmp://x.example/live?k=a b&v=1+2"}
        if parameter.json_text:
            return json.dumps({"a": TEXTS}, ensure_ascii=False)
        if parameter.pattern:
            return "#00ff00ff"
        text = f"{self._count} {TEXTS}"
        if parameter.name == "Title":
            self.known.setdefault("title", text)
            text = self.known["title"]
        return text[: parameter.max_length or 100]


def given(value: Any) -> Any:
    """Without what is None: a model shows fields that it was not given."""
    if isinstance(value, dict):
        return {key: given(inner) for key, inner in value.items() if inner is not None}
    return [given(inner) for inner in value] if isinstance(value, list) else value


def method(client: Any, name: str) -> str:
    """The SDK's own spelling."""
    wanted = name.lower()
    return next(found for found in dir(client) if found.replace("_", "").lower() == wanted and "with" not in found)


def sdk(harness: RunningHarness, algorithm: str | None) -> Any:
    return client_module.Client(
        openapi.Config(
            access_key_id=harness.ready.access_key_id,
            access_key_secret=harness.ready.access_key_secret,
            endpoint=harness.ready.endpoint.partition("://")[2],
            protocol=harness.ready.endpoint.partition(":")[0].upper(),
            ca=harness.ready.ca_file or None,
            signature_algorithm=algorithm,
        )
    )


def prepare(harness: RunningHarness, journey: Journey, name: str) -> None:
    """Bring things to where the next call may happen."""
    if name == "ConfirmAvatar2dTrain":
        client = sdk(harness, None)
        for _ in range(2):
            client.query_avatar(
                models.QueryAvatarRequest(tenant_id=journey.known["TenantId"], code=journey.known["Code"])
            )


def check(harness: RunningHarness, name: str, request: Any, answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = answer.body.to_map()
    assert answer.status_code == 200
    assert str(body["Success"]).lower() == "true", body
    assert isinstance(body["Success"], str) == (name == "DuplexDecision")
    operation = OPERATIONS[name]
    request_id = body["Data"]["RequestId"] if operation.request_id_in_data else body["RequestId"]
    record = next(r for r in reversed(harness.calls(operation=name)))
    assert (record.outcome, record.request_id) == ("0", request_id)
    sent = {p.name for p in operation.parameters}
    assert {key for key in record.parameters if key in {p.name for p in operation.parameters}} == sent
    plain = request.to_map()
    for parameter in operation.parameters:
        shown = record.parameters.get(parameter.name)
        if parameter.kind == "string" and shown not in (None, MASK):
            assert shown == plain[parameter.name]
    return body


@pytest.mark.parametrize("algorithm", [None, "ACS3-HMAC-SM3", "v2"])
def test_all_of_them(
    harness: RunningHarness, callback_url: str, algorithm: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The models keep every field that came over the wire."""
    wire: list[bytes] = []
    send = adapters.HTTPAdapter.send

    def listening(self: Any, *arguments: Any, **named: Any) -> Any:
        response = send(self, *arguments, **named)
        wire.append(response.content)
        return response

    monkeypatch.setattr(adapters.HTTPAdapter, "send", listening)
    client, journey = sdk(harness, algorithm), Journey(harness, callback_url)
    for name in ORDER:
        prepare(harness, journey, name)
        request = journey.request(name)
        answer = getattr(client, method(client, name))(request)
        body = check(harness, name, request, answer)
        assert given(body) == given(json.loads(wire[-1])), name
        journey.learn(name, body)
    assert {record.operation for record in harness.calls()} - {""} == set(OPERATIONS)


@pytest.mark.parametrize("algorithm", [None, "ACS3-HMAC-SM3"])
def test_all_of_them_async(harness: RunningHarness, callback_url: str, algorithm: str | None) -> None:
    client, journey = sdk(harness, algorithm), Journey(harness, callback_url)

    async def go() -> None:
        for name in ORDER:
            prepare(harness, journey, name)
            request = journey.request(name)
            answer = await getattr(client, f"{method(client, name)}_async")(request)
            journey.learn(name, check(harness, name, request, answer))

    asyncio.run(go())


def test_a_session_without_a_channel_of_its_own_gets_one(harness: RunningHarness, callback_url: str) -> None:
    """The other answer of StartInstance: the platform's own channel, with every field the model has for it."""
    client, journey = sdk(harness, None), Journey(harness, callback_url)
    request = journey.request("StartInstance")
    request.channel = None
    channel = client.start_instance(request).body.data.channel.to_map()
    assert set(channel) == {f.name for p in OPERATIONS["StartInstance"].answer if p.name == "Data" for f in _channel(p)}
    assert all(channel.values())


def _channel(data: Parameter) -> tuple[Parameter, ...]:
    return next(field.fields for field in data.fields if field.name == "Channel")

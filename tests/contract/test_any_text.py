"""Any text in any parameter: signed by the client, sent over a socket, verified and read by the stand-in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import example, given, settings
from hypothesis import strategies as st

from certs.license import License
from device_agent.api.client import Client
from device_agent.api.credentials import Credentials
from device_agent.api.direct import Connections
from device_agent.api.signing import Acs3Signer, Draft, RpcSigner, Signer
from device_agent.api.trust import Trust
from device_agent.clock import SystemClock
from device_agent.config import Secret
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.recorder import MASK
from device_agent.harness.serve import RunningHarness
from device_agent.spec.client_render import ClientAuth
from device_agent.spec.operation import VERSION
from device_agent.spec.operations import OPERATIONS

NAMES = sorted({p.name for operation in OPERATIONS.values() for p in operation.parameters if p.kind == "string"})
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
SIGNERS: dict[str, Signer] = {
    "sha256": Acs3Signer(),
    "sm3": Acs3Signer(algorithm="ACS3-HMAC-SM3"),
    "rpc": RpcSigner(),
}


@pytest.fixture(scope="module")
def harness() -> Iterator[RunningHarness]:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    avatar = PackageSource(code="CH_3d_tiny", name="tiny", read=lambda: {"character.glb": b"glb"})
    with RunningHarness.start(avatars=[avatar], seats=100_000, keys=lambda: key) as running:
        yield running


@pytest.fixture(scope="module")
def connections() -> Iterator[Connections]:
    made = Connections(trust=Trust(None), clock=SystemClock(), connect_timeout_s=5.0, timeout_s=30.0)
    yield made
    made.close()


class _Refusal(msgspec.Struct, rename="pascal"):
    code: str
    message: str


@settings(max_examples=150, deadline=None)
@given(
    action=st.sampled_from(sorted(OPERATIONS)),
    signer=st.sampled_from(sorted(SIGNERS)),
    values=st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=5),
)
@example(action="SendText", signer="sha256", values={"SessionId": "a+b *c~d/e%2B&f=g", "Text": " \r\n\t "})
@example(action="SendText", signer="rpc", values={"SessionId": "a+b *c~d/e%2B&f=g", "Text": " \r\n\t "})
@example(action="ClientStart", signer="sm3", values={"AppId": "数字人" * 333 + "。", "Title": "😀\U0001f468‍👩\0"})
@example(action="ClientStart", signer="rpc", values={"AppId": "数" * 1000, "Title": "%", "Code": ""})
@example(action="ClientStart", signer="sha256", values={"AppId": "数" * 1000, "Title": "+", "Code": ""})
def test_the_signature_fits_and_the_text_arrives(
    harness: RunningHarness, connections: Connections, action: str, signer: str, values: dict[str, str]
) -> None:
    ready = harness.ready
    draft = Draft(
        method=OPERATIONS[action].methods[0],
        origin=ready.endpoint,
        host=ready.endpoint.partition("://")[2],
        action=action,
        version=VERSION,
        parameters=values,
    )
    key = Credentials(access_key_id=ready.access_key_id, access_key_secret=Secret(ready.access_key_secret))
    exchange = SIGNERS[signer].sign(draft, credentials=key, now=datetime.now(UTC), nonce=uuid.uuid4().hex)
    answer = connections.send(exchange)
    record = harness.calls()[-1]
    # Whoever gets as far as having an account named has passed signature, time and nonce.
    assert record.access_key_id == ready.access_key_id, msgspec.json.decode(answer.body, type=_Refusal)
    assert record.operation == action
    arrived = {name: record.parameters[name] for name in values}
    assert arrived == {name: text if arrived[name] != MASK else MASK for name, text in values.items()}
    assert set(record.parameters) - set(values) <= {
        *("Action", "Version", "Format", "Timestamp", "SignatureNonce"),
        *("SignatureMethod", "SignatureVersion", "AccessKeyId", "Signature"),
    }


@settings(max_examples=80, deadline=None)
@given(text=TEXTS)
@example(text="+ * ~ %20 \n\r\t\0 😀 " + "字" * 1000)
@example(text="&a=b#c?d/e\\\"'<>")
def test_the_typed_client_takes_it_there_too(harness: RunningHarness, text: str) -> None:
    ready = harness.ready
    key = Credentials(access_key_id=ready.access_key_id, access_key_secret=Secret(ready.access_key_secret))
    request = ClientAuth(
        tenant_id=ready.tenant_id,
        app_id=ready.app_id,
        license=License.load(Path(ready.license_file)).reveal(),
        device_id="kiosk-1",
        device_type="largeScreen",
        device_info=text,
    )
    with Client(endpoint=ready.endpoint, credentials=key, environ={}) as client:
        client.call(request)
    assert harness.calls(operation="ClientAuth")[-1].parameters["DeviceInfo"] == text

"""Events on their way: signature, three attempts, and what is never sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from device_agent.harness import callbacks
from device_agent.harness.callbacks import ANSWER_S, Callbacks, post_over_http, signature


def test_the_signature_is_the_platforms() -> None:
    # The vendor's public callback page.
    assert signature(10000, "1682065029925", "TestAuthkey") == "2b45a54a0a34e658e5c223d5892337a9"


def test_it_is_held_to_the_described_vector(shared: Any) -> None:
    import json

    described = json.loads((shared / "platform/operations.json").read_text())["product"]["callbacks"]
    vector = described["vector"]
    assert signature(vector["tenant_id"], vector["timestamp"], vector["auth_key"]) == vector["signature"]


def deliver(world: Any, statuses: list[int]) -> tuple[Any, list[Any], list[float]]:
    left, sent, pauses = list(statuses), [], []

    async def post(url: str, headers: dict[str, str], body: bytes) -> int:
        sent.append((url, headers, body))
        return left.pop(0)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        world.clock.move(seconds)

    callbacks = Callbacks(store=world.store, clock=world.clock, ids=world.ids, post=post, sleep=sleep)
    callbacks.set_address(tenant_id=1, url="http://c/x", auth_key="key")

    async def run() -> Any:
        delivery = callbacks.tell("KIND", {"a": 1}, tenant_id=1)
        callbacks.flush()
        await callbacks.settle()
        return delivery

    return asyncio.run(run()), sent, pauses


def test_one_attempt_when_it_is_heard(world: Any) -> None:
    delivery, sent, pauses = deliver(world, [200])
    assert (delivery.delivered, len(sent), pauses) == (True, 1, [])
    url, headers, body = sent[0]
    assert url == "http://c/x"
    assert headers["VH-TIMESTAMP"] == "1790000000000"
    assert headers["VH-SIGNATURE"] == signature(1, "1790000000000", "key")
    assert b'"eId":"' in body


def test_two_more_attempts_with_new_times(world: Any) -> None:
    delivery, sent, pauses = deliver(world, [500, 0, 200])
    assert (delivery.delivered, delivery.statuses, pauses) == (True, [500, 0, 200], [0.5, 1.0])
    stamps = [headers["VH-TIMESTAMP"] for _, headers, _ in sent]
    assert stamps == ["1790000000000", "1790000000500", "1790000001500"]
    assert len({headers["VH-SIGNATURE"] for _, headers, _ in sent}) == 3
    assert len({body for _, _, body in sent}) == 1


def test_after_three_it_is_given_up(world: Any) -> None:
    delivery, sent, _ = deliver(world, [302, 404, 201])
    assert (delivery.delivered, len(sent)) == (False, 3)


def test_setting_an_address_sends_the_validation(device: Any, listener: Any) -> None:
    answer = device.order("PUT", "/callbacks", {"url": "http://c", "auth_key": "k"}).json()
    assert answer["statuses"] == [200]
    assert listener.events() == [("VALIDATE", {})]
    assert [event["kind"] for event in device.order("GET", "/callbacks").json()] == ["VALIDATE"]


def test_a_refused_call_tells_nobody(device: Any, listener: Any) -> None:
    device.order("PUT", "/callbacks", {"url": "http://c", "auth_key": "k"})
    listener.heard.clear()
    app = {"AppId": device.world.household.app_id}
    session = device.ask("StartInstance", App=app)["Data"]["SessionId"]
    device.ask("SendText", SessionId=session, Text="a" * 50, UniqueCode="1", Feedback="True")
    # Refused after it would have interrupted the first: nothing of it may remain.
    wrong = {"IsStream": True, "Index": 5, "Position": "end"}
    answer = device.ask("SendText", SessionId=session, Text="b", UniqueCode="2", StreamExtension=wrong)
    assert answer["Code"] == "10010002"
    assert listener.heard == []


def told(answer: bytes) -> int:
    """What a listener that answers so, and then keeps the connection open, comes to."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await reader.read()  # until the platform hangs up
        writer.close()

    async def run() -> int:
        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await post_over_http(f"http://127.0.0.1:{port}/events", {}, b"{}")

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0),
    ],
)
def test_the_listener_s_own_word_counts(answer: bytes, status: int) -> None:
    assert told(answer) == status


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_a_listener_has_three_seconds_for_its_whole_answer(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    assert ANSWER_S == 3.0
    monkeypatch.setattr(callbacks, "ANSWER_S", 0.05)
    assert told(answer) == 0


def test_nobody_listens() -> None:
    assert asyncio.run(post_over_http("http://127.0.0.1:1/", {}, b"{}")) == 0
    assert asyncio.run(post_over_http("no address", {}, b"{}")) == 0

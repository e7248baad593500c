"""Frames of the channel, held to what the vendor's client was seen to send and to read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.drive.packets import LONGEST, Kind, message, read


def test_a_message_as_the_vendor_s_client_writes_it() -> None:
    content = {
        "type": "start", "sessionId": "SES", "dialogMode": "aliYunChat", "duplexMode": "cloud", "outputMode": "video",
        "videoOpen": "0", "format": "wav", "sampleRate": "16000",
    }  # fmt: skip
    frame = message(content, app_id="APP", message_id="msg_1795420436965_571")
    assert frame[0] == "5"
    assert json.loads(frame[1:]) == {
        "receiverId": "ability", "receiverType": "server", "sticky": True, "receiverAppId": "APP", "content": content,
        "messageId": "msg_1795420436965_571",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("frame", "kind", "facts"),
    [
        ("1", Kind.ACCEPTED, {}),
        ("4", Kind.PONG, {}),
        ("3anything", Kind.PING, {}),
        ('5{"messageId":"m1","content":{"type":"a"}}', Kind.MESSAGE, {"id": "m1", "content": {"type": "a"}}),
        ('5{"messageId":7,"content":[1]}', Kind.MESSAGE, {"id": "7", "content": [1]}),
        ('6{"messageId":"x","error":"bad"}', Kind.ACKNOWLEDGED, {"id": "x", "error": "bad"}),
        ('6{"messageId":"x"}', Kind.ACKNOWLEDGED, {"id": "x", "error": ""}),
        ('2{"reason":"HEARTBEAT_TIMEOUT"}', Kind.ENDED, {"reason": "HEARTBEAT_TIMEOUT"}),
        ("2", Kind.ENDED, {"reason": ""}),
        ("2what is this", Kind.ENDED, {"reason": ""}),
        ('2{"reason":"a\\u0007b"}', Kind.ENDED, {"reason": "ab"}),
        ('7{"any":[true]}', Kind.EVENT, {"content": {"any": [True]}}),
    ],
)  # fmt: skip
def test_what_comes(frame: str, kind: Kind, facts: dict[str, object]) -> None:
    packet = read(frame)
    assert packet is not None
    assert packet.kind is kind
    assert {name: getattr(packet, name) for name in facts} == facts


@pytest.mark.parametrize(
    "frame",
    ["", "0", "8{}", "x", "5", "5{", "5[]", "6null", "7{", "5" + "[" * 100_000, '5{"content":"' + "x" * LONGEST + '"}'],
)
def test_what_is_passed_over(frame: str) -> None:
    packet = read(frame)
    assert packet is None or (packet.kind is Kind.MESSAGE and packet.content is None)


@given(st.text(max_size=60))
def test_nothing_that_comes_raises(tail: str) -> None:
    for first in "1234567":
        read(first + tail)
    read(tail)

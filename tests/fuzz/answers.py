"""What the platform, brokers and offices answer, once HTTP is done with."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from device_agent.api import credentials_remote
from device_agent.api.codec import from_answer
from device_agent.api.exchange import Answer
from device_agent.api.scrub import Scrubber
from device_agent.api.skew import ServerClock
from device_agent.api.streams import Streamed
from device_agent.api.trust import Trust
from device_agent.avatars.package import content_key
from device_agent.avatars.render_data import RenderData
from device_agent.clock import SystemClock
from device_agent.errors import AgentError
from device_agent.lifecycle.office import Office, Reply
from device_agent.lifecycle.office_refusals import refused
from device_agent.spec.operations import OPERATIONS
from tests.fuzz.target import Target, of_json, of_rest

SCRUBBER = Scrubber(["License=abcdefgh"])
"""As of a call that carried it."""

ANSWERS: Sequence[dict[str, Any]] = (
    {"RequestId": "R", "Code": "0", "Message": "ok", "Success": True, "Data": {"Token": "t", "ImToken": "i"}},
    {"RequestId": "R", "Code": "Throttling.User", "Message": "License=abcdefgh", "Success": "false", "HostId": "h"},
    {"RequestId": "R", "Success": "true", "Data": {"RenderData": "{}", "List": [{"Code": "c"}], "Total": 1}},
)
RENDER_DATA: Sequence[dict[str, Any]] = (
    {"url": "https://a.example/p.zip?x=1", "secret": base64.b64encode(bytes(32)).decode(), "size": 1000, "version": "1",
     "type": "AVATAR_3D_TRADITIONAL", "sha256": "ab" * 32},
    {"url": "http://a.example/p.zip", "sha256": "ab" * 32, "asset": {"secret": "x", "list": [1, {"a": "b"}]}},
)  # fmt: skip
NAMES = ({}, {"secret": "/asset/secret"}, {"size": "/asset/list/0"}, {"url": "/asset/list/1/a"})
CREDENTIALS = {"Code": "Success", "AccessKeyId": "id", "AccessKeySecret": "s", "SecurityToken": "t",
               "Expiration": "2026-03-01T00:30:00Z"}  # fmt: skip


def read_answer(data: bytes) -> None:
    """The first bytes choose the operation, the status, and the clock's header."""
    first, second, body = data[0] if data else 0, data[1] if len(data) > 1 else 0, data[2:]
    date = ("", "Sun, 01 Mar 2026 00:00:00 GMT", "Sun, 99 Mar 99999999999 00:00:00 GMT", body[:40].decode("latin-1"))
    answer = Answer(
        status=(200, 200, 200, 400, 403, 500, 302, 999)[second % 8], headers={"date": date[second // 8 % 4]}, body=body,
        elapsed_s=0.1,
    )  # fmt: skip
    ServerClock(SystemClock()).learn(answer, clock_refused=True)
    operation = list(OPERATIONS.values())[first % len(OPERATIONS)]
    from_answer(answer, operation, where="https://a", scrubber=SCRUBBER)


def read_render_data(data: bytes) -> None:
    names = NAMES[data[0] % len(NAMES)] if data else {}
    found = RenderData.parse(data[1:].decode("utf-8", "replace"), names=names)
    assert found.address
    content_key(found, None)


class Answering(Office):
    """An office whose answer is at hand."""

    def __init__(self, body: bytes) -> None:
        super().__init__(est_url="", broker_url="https://a/c", identity_folder=Path("/nonexistent"),
                         trust=Trust(None), timeout_s=1.0)  # fmt: skip
        self.body = body

    def _ask(self, *_given: Any, **_named: Any) -> Reply:
        return Reply(body=self.body, headers={})


def read_office(data: bytes) -> None:
    """The first byte chooses what was asked."""
    office, kind = Answering(data[1:]), data[0] % 3 if data else 0
    if kind == 0:
        office.credentials(now=1772323200.0)
    elif kind == 1:
        assert isinstance(office.unbind(last=False), str)
    else:
        body = data[1:]
        error = refused(Streamed(status=403, headers={}, pieces=lambda: iter([body])), body, "https://a")
        assert isinstance(error, AgentError)
        raise error


def read_machine_credentials(data: bytes) -> None:
    answer = Answer(status=200, headers={}, body=data, elapsed_s=0.1)
    credentials_remote._read(answer, where="http://a", origin="test")


def prefixed(documents: Sequence[Any], prefixes: Sequence[bytes]) -> list[bytes]:
    return [prefix + json.dumps(document).encode() for prefix, document in zip(prefixes, documents, strict=True)]


def after(count: int) -> Any:
    """Changes a document behind so many bytes that choose."""
    return lambda data, dice: bytes([dice.randrange(256) for _ in data[:count]]) + of_json(data[count:], dice)


TARGETS = {
    "api-answer": Target(
        run=read_answer, seeds=lambda: prefixed(ANSWERS, (b"\x06\x00", b"\x00\x03", b"\x05\x00")), mutate=after(2)
    ),
    "render-data": Target(
        run=read_render_data, seeds=lambda: prefixed(RENDER_DATA, (b"\x00", b"\x01")), mutate=of_rest
    ),
    "office": Target(
        run=read_office,
        seeds=lambda: prefixed((CREDENTIALS, {"RequestId": "R"}, {"Code": "Removed"}), (b"\0", b"\1", b"\2")),
        mutate=of_rest,
    ),
    "machine-credentials": Target(
        run=read_machine_credentials, seeds=lambda: [msgspec.json.encode(CREDENTIALS)], mutate=of_json
    ),
}

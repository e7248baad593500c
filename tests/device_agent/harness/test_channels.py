"""The platform's end of the drive channel, spoken to by wsproto's client side over a real socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, RejectConnection, Request, TextMessage

from device_agent.harness.serve import RunningHarness

PATIENCE_S = 20.0


@dataclass
class Caller:
    """A client of nobody's make."""

    line: socket.socket
    protocol: WSConnection = field(default_factory=lambda: WSConnection(ConnectionType.CLIENT))
    status: int = 0
    texts: list[str] = field(default_factory=list)
    over: bool = False

    def ask(self, target: str) -> None:
        self.line.settimeout(PATIENCE_S)
        self.line.sendall(self.protocol.send(Request(host="127.0.0.1", target=target)))
        self.until(lambda: self.status != 0)

    def say(self, text: str) -> None:
        self.line.sendall(self.protocol.send(TextMessage(data=text)))

    def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self.protocol.receive_data(self.line.recv(65536) or None)
            for event in self.protocol.events():
                self._take(event)

    def next(self) -> str:
        self.until(lambda: bool(self.texts) or self.over)
        return self.texts.pop(0)

    def _take(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self.status = 101
            case RejectConnection():
                self.status = event.status_code
            case TextMessage():
                self.texts.append(event.data)
            case CloseConnection():
                self.over = True


@dataclass
class Hall:
    harness: RunningHarness
    callers: list[Caller] = field(default_factory=list)

    def token(self) -> str:
        ready = self.harness.ready
        return self.harness.with_world(
            lambda world: world.channels.issue(tenant_id=ready.tenant_id, app_id=ready.app_id)
        )

    def call(self, token: str, *, app_id: str = "", tenant_id: int = 0, path: str = "/ws") -> Caller:
        ready = self.harness.ready
        port = int(ready.im_url.rpartition(":")[2].partition("/")[0])
        caller = Caller(line=socket.create_connection(("127.0.0.1", port)))
        self.callers.append(caller)
        caller.ask(f"{path}?t={token}&app={app_id or ready.app_id}&tenant={tenant_id or ready.tenant_id}")
        return caller


@pytest.fixture
def hall() -> Iterator[Hall]:
    with RunningHarness.start() as harness:
        hall = Hall(harness=harness)
        yield hall
        for caller in hall.callers:
            caller.line.close()


def test_the_recorded_conversation(hall: Hall) -> None:
    caller = hall.call(hall.token())
    assert caller.status == 101
    assert caller.next() == "1"
    caller.say("3")
    assert caller.next() == "4"
    start = {"type": "start", "sessionId": "SES", "dialogMode": "aliYunChat"}
    envelope: dict[str, Any] = {"receiverAppId": hall.harness.ready.app_id, "content": start, "messageId": "msg_1_571"}
    caller.say("5" + json.dumps(envelope))
    assert caller.next() == '6{"messageId": "msg_1_571"}'
    answer = caller.next()
    assert answer[0] == "5"
    assert json.loads(answer[1:])["content"] == {"type": "startResult"}
    caller.say("5" + json.dumps(envelope | {"receiverAppId": "another", "messageId": "m2"}))
    assert json.loads(caller.next()[1:]) == {"messageId": "m2", "error": "receiver unknown"}
    facts = hall.harness.channels()
    assert [one["pings"] for one in facts["open"]] == [1]
    assert [one["content"] for one in facts["messages"]] == [start, start]
    for nonsense in ("", "9", "5", "5{", "5[]", '5{"content":7}', "7{}"):
        caller.say(nonsense)
    caller.say("3")
    while caller.next() != "4":
        pass


@pytest.mark.parametrize("order", [{"message": {"type": "x", "text": "你好"}, "message_id": "m"}, {"event": {"a": 1}}])
def test_what_is_ordered_is_sent(hall: Hall, order: dict[str, Any]) -> None:
    callers = [hall.call(hall.token()) for _ in range(2)]
    assert hall.harness.channel(**order) == 2
    for caller in callers:
        assert caller.next() == "1"
        frame = caller.next()
        body = json.loads(frame[1:])
        assert (frame[0], body) == (
            ("5", {"messageId": "m", "content": order["message"]}) if "message" in order else ("7", {"a": 1})
        )


def test_an_end_has_its_reason_and_a_cut_has_none(hall: Hall) -> None:
    caller = hall.call(hall.token())
    hall.harness.channel(end="UNIT_SWITCH")
    caller.until(lambda: caller.over)
    assert caller.texts == ["1", '2{"reason": "UNIT_SWITCH"}']
    other = hall.call(hall.token())
    hall.harness.channel(cut=True)
    other.until(lambda: other.over)
    assert other.texts == ["1"]
    assert hall.harness.channels()["open"] == []


@pytest.mark.parametrize(
    ("rule", "kicked"), [("token", [True, False]), ("application", [True, True]), ("none", [False, False])]
)
def test_whom_a_second_connection_costs_its_place(hall: Hall, rule: str, kicked: list[bool]) -> None:
    hall.harness.channel_rules(second=rule)
    first, second = hall.token(), hall.token()
    callers = [hall.call(first), hall.call(second)]
    newest = hall.call(first)
    assert newest.next() == "1"
    for caller, gone in zip(callers, kicked, strict=True):
        assert caller.next() == "1"
        if gone:
            assert caller.next() == '2{"reason": "CONNECTION_KICK_OUT"}'
            caller.until(lambda caller=caller: caller.over)  # type: ignore[misc]
    assert len(hall.harness.channels()["open"]) == 3 - sum(kicked)


def test_tokens_that_do_not_fit_are_refused_as_the_rule_says(hall: Hall) -> None:
    token = hall.token()
    for refused in (
        hall.call("unknown"),
        hall.call(token, app_id="ANOTHER"),
        hall.call(token, tenant_id=1),
        hall.call(token, path="/elsewhere"),
    ):
        assert refused.status == 403
    hall.harness.channel_rules(refusal="packet")
    told = hall.call("unknown")
    assert told.status == 101
    told.until(lambda: told.over)
    assert told.texts == ['2{"reason":"TOKEN_INVALID"}']
    hall.harness.channel_rules(refusal="handshake", lives_s=60.0)
    assert hall.call(token).status == 101
    hall.harness.move_time(61.0)
    assert hall.call(token).status == 403


def test_a_network_that_died_half_answers_nothing(hall: Hall) -> None:
    caller = hall.call(hall.token())
    assert caller.next() == "1"
    hall.harness.channel_rules(answers=False)
    caller.say("3")
    caller.say("5" + json.dumps({"receiverAppId": hall.harness.ready.app_id, "content": {}, "messageId": "m"}))
    hall.harness.channel(event={"marker": 1})
    assert caller.next().startswith("7"), "nothing came between"


def test_a_reset_forgets_tokens_and_connections(hall: Hall) -> None:
    token = hall.token()
    caller = hall.call(token)
    hall.harness.reset()
    caller.until(lambda: caller.over)
    assert hall.call(token).status == 403


def test_the_console_over_http(hall: Hall) -> None:
    caller, admin = hall.call(hall.token()), hall.harness.ready.admin_url
    assert httpx.post(f"{admin}/channel", json={"event": {"a": 1}}).json() == {"channels": 1}
    assert caller.next() == "1"
    assert caller.next() == '7{"a": 1}'
    assert httpx.put(f"{admin}/channel", json={"second": "none"}).json()["second"] == "none"
    assert httpx.put(f"{admin}/channel", json={"second": "sometimes"}).status_code == 400
    assert httpx.post(f"{admin}/channel", json={"unknown": 1}).status_code == 400
    facts = httpx.get(f"{admin}/channel").json()
    assert [one["app_id"] for one in facts["open"]] == [hall.harness.ready.app_id]
    assert "token" not in json.dumps(facts["open"])

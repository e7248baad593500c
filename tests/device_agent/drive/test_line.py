"""A line's thread against websockets that a test speaks for, on a clock that a test moves."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from device_agent.drive import Channel, Line, Message, Notice, Session
from device_agent.drive.manners import MOST_S
from device_agent.errors import ChannelRefused, NetworkError
from device_agent.secret import Secret

PATIENCE_S = 20.0
"""Longest that a test waits for another thread; nothing depends on it when all is well."""


@dataclass
class Wire:
    """One websocket."""

    session: Session
    frames: queue.Queue[str | None] = field(default_factory=queue.Queue)
    sent: queue.Queue[str] = field(default_factory=queue.Queue)
    closed: threading.Event = field(default_factory=threading.Event)

    def receive(self, timeout_s: float) -> list[str]:
        frame = self.frames.get(timeout=PATIENCE_S)
        if frame is None:
            return []
        if frame == "cut":
            raise NetworkError("cut", code="network.cut")
        return [frame]

    def send(self, text: str) -> None:
        self.sent.put(text)

    def wake(self) -> None:
        self.frames.put(None)

    def close(self) -> None:
        self.closed.set()


@dataclass
class Bench:
    now: float = 0.0
    refusals: list[Exception] = field(default_factory=list)
    wires: queue.Queue[Wire] = field(default_factory=queue.Queue)
    notices: queue.Queue[Notice] = field(default_factory=queue.Queue)
    deliver: Callable[[Message], object] = lambda message: None

    def __post_init__(self) -> None:
        channel = Channel(dice=lambda: 0.5, wall=lambda: 0.0, deliver=lambda message: self.deliver(message))
        self.line = Line(channel=channel, dial=self.dial, steady=lambda: self.now, told=self.notices.put)
        self.thread = threading.Thread(target=self.line.run, daemon=True)
        self.thread.start()

    def dial(self, session: Session) -> Wire:
        if self.refusals:
            raise self.refusals.pop(0)
        wire = Wire(session=session)
        self.wires.put(wire)
        return wire

    def session(self, token: str = "t1") -> None:
        self.line.session(Session(token=Secret(token), tenant_id=1, app_id="APP"))

    def connected(self, token: str = "t1") -> Wire:
        wire = self.wires.get(timeout=PATIENCE_S)
        assert wire.session.token.reveal() == token
        assert wire.sent.get(timeout=PATIENCE_S) == "3"
        wire.frames.put("1")
        assert wire.sent.get(timeout=PATIENCE_S) == "3"
        assert self.notice() == Notice(kind="connected")
        return wire

    def notice(self) -> Notice:
        return self.notices.get(timeout=PATIENCE_S)

    def later(self, token: str = "t1") -> None:
        """Longer than any wait has passed; the line looks at its clock when it is spoken to."""
        self.now += MOST_S
        self.session(token)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.line.stop()
    bench.thread.join(PATIENCE_S)
    assert not bench.thread.is_alive()


def test_no_session_no_connection(bench: Bench) -> None:
    bench.line.send({"type": "start"})
    bench.line.stop()
    bench.thread.join(PATIENCE_S)
    assert bench.wires.empty()


def test_it_connects_sends_what_waited_and_comes_back_after_every_end(bench: Bench) -> None:
    bench.line.send({"type": "start"})
    bench.session()
    wire = bench.connected()
    assert '"type":"start"' in wire.sent.get(timeout=PATIENCE_S)
    for frame, reason in (
        ("cut", "network.cut"),
        ('2{"reason":"UNIT_SWITCH"}', "UNIT_SWITCH"),
        ('2{"reason":"CONNECTION_TIMEOUT"}', "CONNECTION_TIMEOUT"),
        ("2", "ENDED"),
    ):
        wire.frames.put(frame)
        lost = bench.notice()
        assert (lost.kind, lost.reason) == ("lost", reason)
        assert lost.next_s >= 1.0
        assert wire.closed.wait(PATIENCE_S)
        bench.later()
        wire = bench.connected()


def test_what_is_sent_while_it_is_connected_goes_at_once(bench: Bench) -> None:
    bench.session()
    wire = bench.connected()
    bench.line.send({"type": "dataSend", "text": "hello"})
    assert '"text":"hello"' in wire.sent.get(timeout=PATIENCE_S)


def test_a_newer_session_keeps_the_connection_and_opens_the_next(bench: Bench) -> None:
    bench.session("t1")
    wire = bench.connected("t1")
    bench.session("t2")
    bench.line.send({"still": "here"})
    assert '"still":"here"' in wire.sent.get(timeout=PATIENCE_S)
    assert not wire.closed.is_set()
    wire.frames.put("cut")
    assert bench.notice().kind == "lost"
    bench.later("t2")
    bench.connected("t2")


def test_without_a_session_it_hangs_up_and_is_silent(bench: Bench) -> None:
    bench.session()
    wire = bench.connected()
    bench.line.session(None)
    assert wire.closed.wait(PATIENCE_S)
    bench.now += MOST_S
    bench.line.session(None)
    assert bench.notices.empty()
    bench.later("t9")
    bench.connected("t9")


def test_a_token_that_is_refused_asks_for_another_session(bench: Bench) -> None:
    bench.refusals = [ChannelRefused("no", code="drive.refused", http_status=403)]
    bench.session()
    told = bench.notice()
    assert (told.kind, told.reason) == ("refused", "drive.refused")
    assert told.message == "no"
    assert told.next_s >= 60.0
    bench.later("t2")
    bench.connected("t2")


def test_a_token_that_is_refused_by_a_packet_asks_for_another_session_too(bench: Bench) -> None:
    bench.session()
    wire = bench.wires.get(timeout=PATIENCE_S)
    wire.frames.put('2{"reason":"TOKEN_INVALID"}')
    told = bench.notice()
    assert (told.kind, told.reason) == ("refused", "TOKEN_INVALID")
    assert told.next_s >= 60.0
    bench.later("t2")
    bench.connected("t2")


def test_whoever_takes_what_comes_may_fail_and_may_answer(bench: Bench) -> None:
    bench.session()
    wire = bench.connected()
    bench.deliver = lambda message: 1 // 0
    wire.frames.put('5{"messageId":"m1"}')
    assert bench.notice().reason == "defect ZeroDivisionError"
    assert wire.closed.wait(PATIENCE_S)
    bench.refusals = [ValueError("t1")]
    bench.later()
    assert bench.notice().reason == "defect ValueError", "not what it says"
    bench.deliver = lambda message: bench.line.send({"answers": message.id})
    bench.later()
    wire = bench.connected()
    wire.frames.put('5{"messageId":"m2"}')
    assert '"answers":"m2"' in wire.sent.get(timeout=PATIENCE_S)


def test_a_network_that_is_away_is_tried_for_ever(bench: Bench) -> None:
    bench.refusals = [NetworkError("no", code="network.refused") for _ in range(30)]
    bench.session()
    for _ in range(30):
        assert bench.notice().kind == "lost"
        bench.later()
    bench.connected()


def test_three_kick_outs_are_told_once(bench: Bench) -> None:
    bench.session()
    for number in range(1, 5):
        wire = bench.connected()
        wire.frames.put('2{"reason":"CONNECTION_KICK_OUT"}')
        assert bench.notice().kind == "lost"
        if number == 3:
            assert bench.notice() == Notice(kind="doubled", reason="CONNECTION_KICK_OUT")
        assert wire.closed.wait(PATIENCE_S)
        bench.later()
    bench.connected()

"""The websocket over a pair of sockets; the other end is wsproto's server side, which we did not write."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from device_agent.drive.packets import LONGEST
from device_agent.drive.websocket import WebSocket
from device_agent.errors import ChannelRefused, NetworkError

TARGET = "/ws?t=s3cret-token&app=APP&tenant=1"


@dataclass
class Server:
    """The other end, spoken for by the test."""

    line: socket.socket
    protocol: WSConnection = field(default_factory=lambda: WSConnection(ConnectionType.SERVER))

    def put(self, *events: Event) -> None:
        self.line.sendall(b"".join(self.protocol.send(event) for event in events))

    def take(self) -> list[Event]:
        self.protocol.receive_data(self.line.recv(65536) or None)
        return list(self.protocol.events())


@dataclass
class Pair:
    client: WebSocket
    server: Server

    def open(self, *also: Event) -> None:
        """The handshake: the answer is on its way before the client asks, so one thread is enough."""
        asked = self.client._protocol.send(Request(host="im.example", target=TARGET))
        self.server.protocol.receive_data(asked)
        (request,) = self.server.protocol.events()
        assert isinstance(request, Request)
        assert request.target == TARGET
        self.server.put(AcceptConnection(), *also)
        self.client._put = lambda _request: None  # type: ignore[method-assign,assignment]
        try:
            self.client.open(TARGET, within_s=5.0, steady=time.monotonic)
        finally:
            del self.client._put


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    client = WebSocket(near, host="im.example", where="wss://im.example")
    yield Pair(client=client, server=Server(line=far))
    client.close()
    far.close()


def test_texts_both_ways(pair: Pair) -> None:
    pair.open(TextMessage(data="1"))
    assert pair.client.receive(5.0) == ["1"], "what came with the handshake's answer is not lost"
    pair.client.send("3")
    assert [event.data for event in pair.server.take() if isinstance(event, TextMessage)] == ["3"]
    pair.server.put(TextMessage(data="5{", message_finished=False))
    assert pair.client.receive(5.0) == []
    pair.server.put(TextMessage(data="}"), TextMessage(data="4"))
    assert pair.client.receive(5.0) == ["5{}", "4"]


def test_what_is_no_text_is_passed_over_and_pings_are_answered(pair: Pair) -> None:
    pair.open()
    pair.server.put(BytesMessage(data=b"\x00\xff"), Ping(payload=b"are you there"), TextMessage(data="4"))
    assert pair.client.receive(5.0) == ["4"]
    assert [event.payload for event in pair.server.take() if isinstance(event, Pong)] == [b"are you there"]


def test_what_was_said_before_the_end_is_heard(pair: Pair) -> None:
    pair.open()
    pair.server.put(TextMessage(data='2{"reason":"UNIT_SWITCH"}'), CloseConnection(code=1000))
    assert pair.client.receive(5.0) == ['2{"reason":"UNIT_SWITCH"}']
    for _ in range(2):
        with pytest.raises(NetworkError) as caught:
            pair.client.receive(5.0)
        assert caught.value.code == "network.cut"


def test_who_hangs_up_says_goodbye(pair: Pair) -> None:
    pair.open()
    pair.client.close()
    assert [type(event) for event in pair.server.take()] == [CloseConnection]


def test_a_connection_that_is_cut(pair: Pair) -> None:
    pair.open()
    pair.server.line.close()
    with pytest.raises(NetworkError) as caught:
        pair.client.receive(5.0)
    assert caught.value.code == "network.cut"
    with pytest.raises(NetworkError):
        pair.client.send("3")


def test_bytes_that_are_no_websocket(pair: Pair) -> None:
    pair.open()
    pair.server.line.sendall(b"\xff\xff<html>" * 50)
    with pytest.raises(NetworkError) as caught:
        pair.client.receive(5.0)
    assert caught.value.code == "network.cut"


def test_a_text_without_an_end_is_not_kept(pair: Pair) -> None:
    pair.open()
    piece: Message[str] = TextMessage(data="x" * 30_000, message_finished=False)

    def flood() -> None:
        for _ in range(2 * LONGEST // 30_000):
            pair.server.put(piece)
            pair.client.receive(5.0)

    with pytest.raises(NetworkError) as caught:
        flood()
    assert caught.value.code == "drive.too_long"


def test_pieces_of_nothing_come_to_an_end_too(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_agent.drive.websocket.LONGEST", 1000)
    pair.open()
    piece: Message[str] = TextMessage(data="", message_finished=False)
    pair.server.put(*(piece for _ in range(1100)))
    with pytest.raises(NetworkError) as caught:
        pair.client.receive(5.0)
    assert caught.value.code == "drive.too_long"


class Fragment:
    """A line on which something has arrived that is not yet a whole TLS record."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line

    def __getattr__(self, name: str) -> object:
        return getattr(self.line, name)

    def recv(self, _most: int) -> bytes:
        assert self.line.gettimeout() == 0.0, "it would wait for the rest, deaf to pings that are due and to the stop"
        raise ssl.SSLWantReadError


def test_a_part_of_a_record_is_not_waited_for(pair: Pair) -> None:
    pair.open()
    pair.server.put(TextMessage(data="4"))
    whole = pair.client._line
    pair.client._line = Fragment(whole)  # type: ignore[assignment]
    assert pair.client.receive(3600.0) == []
    assert whole.gettimeout() == 5.0, "sending keeps its patience"
    pair.client._line = whole
    assert pair.client.receive(5.0) == ["4"]


def test_nobody_waits_however_often_it_is_woken(pair: Pair) -> None:
    pair.open()
    for _ in range(5000):
        pair.client.wake()
    assert pair.client.receive(3600.0) == []


def test_waking_ends_the_wait(pair: Pair) -> None:
    pair.open()
    pair.client.wake()
    assert pair.client.receive(3600.0) == []


def test_a_token_that_is_refused_is_not_in_the_message(pair: Pair) -> None:
    asked = pair.client._protocol.send(Request(host="im.example", target=TARGET))
    pair.server.protocol.receive_data(asked)
    list(pair.server.protocol.events())
    pair.server.put(RejectConnection(status_code=403))
    pair.client._put = lambda _request: None  # type: ignore[method-assign,assignment]
    with pytest.raises(ChannelRefused) as caught:
        pair.client.open(TARGET, within_s=5.0, steady=time.monotonic)
    del pair.client._put
    assert caught.value.http_status == 403
    assert "s3cret" not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nhi", "drive.refused"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "drive.unavailable"),
        (b"HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\ncontent-length: 0\r\n\r\n", "drive.unavailable"),
        (b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "drive.unavailable"),
        (b"HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n", "drive.unavailable"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "drive.handshake"),
        (b"HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: \xff\r\n\r\n", "drive.handshake"),
        (b"", "network.cut"),
    ],
)
def test_what_answers_otherwise(pair: Pair, answer: bytes, code: str) -> None:
    pair.server.line.sendall(answer)
    pair.server.line.shutdown(socket.SHUT_WR)
    with pytest.raises(NetworkError) as caught:
        pair.client.open(TARGET, within_s=5.0, steady=time.monotonic)
    assert caught.value.code == code
    assert isinstance(caught.value, ChannelRefused) == (code == "drive.refused"), "only that asks for another session"
    assert "s3cret" not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"


def test_an_answer_that_does_not_come(pair: Pair) -> None:
    moments = iter([0.0, 0.0, 6.0])
    pair.server.line.sendall(b"HTTP/1.1 101 Switch")
    with pytest.raises(NetworkError) as caught:
        pair.client.open(TARGET, within_s=5.0, steady=lambda: next(moments))
    assert caught.value.code == "network.timeout"

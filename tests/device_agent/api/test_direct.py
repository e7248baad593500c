"""Connections of our own: used again, given up when stale, and strict about what comes back."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from device_agent.api import direct_async
from device_agent.api.direct import KEEP_S, Connections
from device_agent.api.direct_async import AsyncConnections
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.http1 import addressed
from device_agent.api.trust import Trust
from device_agent.errors import NetworkError, NotThePlatform

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class SlowClock:
    """A clock that stands until it is told to move."""

    time: float = 1000.0

    def wall(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Talker:
    """Answers the n-th request of every connection with the n-th text, then hangs up."""

    texts: Sequence[bytes] = (OK,)
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    most: int = 0
    open: int = 0

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._server.getsockname()[1]
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            with self._lock:
                self.open += 1
                self.most = max(self.most, self.open)
            for text in self.texts:
                request = b""
                while b"\r\n\r\n" not in request:
                    part = peer.recv(65536)
                    if not part:
                        break
                    request += part
                else:
                    self.heard.append(request)
                    peer.sendall(text)
                    continue
                break
        with self._lock:
            self.open -= 1

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def talker() -> Iterator[Callable[..., Talker]]:
    made: list[Talker] = []

    def start(*texts: bytes) -> Talker:
        made.append(Talker(texts))
        return made[-1]

    yield start
    for one in made:
        one.close()


Ask = Callable[..., list[Answer]]


@pytest.fixture(params=["threads", "asyncio"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Do exchanges one after the other with one pool; ``moves`` seconds pass after each."""

    def run(*exchanges: Exchange, moves: float = 0.0) -> list[Answer]:
        clock = SlowClock()
        facts = {"trust": Trust(None), "clock": clock, "connect_timeout_s": 5.0, "timeout_s": 5.0}
        answers = []
        if request.param == "threads":
            pool = Connections(**facts)  # type: ignore[arg-type]
            try:
                for exchange in exchanges:
                    answers.append(pool.send(exchange))
                    clock.time += moves
            finally:
                pool.close()
            return answers

        async def go() -> None:
            pool = AsyncConnections(**facts)  # type: ignore[arg-type]
            try:
                for exchange in exchanges:
                    answers.append(await pool.send(exchange))
                    clock.time += moves
            finally:
                await pool.close()

        asyncio.run(go())
        return answers

    return run


def to(server: Talker, *, method: str = "POST", target: str = "/?a=b", **headers: str) -> Exchange:
    return Exchange(method=method, url=f"http://127.0.0.1:{server.port}{target}", headers=headers, timeout_s=5.0)


def test_a_connection_is_used_again(ask: Ask, talker: Callable[..., Talker]) -> None:
    server = talker(OK, OK, OK)
    answers = ask(*[to(server, x=str(number)) for number in range(3)])
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"{}")] * 3
    assert server.connections == 1
    first = server.heard[0].split(b"\r\n")
    assert first[0] == b"POST /?a=b HTTP/1.1"
    assert sorted(first[1:-2]) == [b"content-length: 0", b"host: 127.0.0.1:%d" % server.port, b"x: 0"]


def test_an_old_one_is_not(ask: Ask, talker: Callable[..., Talker]) -> None:
    server = talker(OK, OK)
    ask(to(server), to(server), moves=KEEP_S + 0.1)
    assert server.connections == 2


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        OK + b"HTTP/1.1 200 OK\r\n",
    ],
    ids=["close", "1.0", "out of turn"],
)
def test_one_that_must_not_be_is_not(ask: Ask, talker: Callable[..., Talker], text: bytes) -> None:
    server = talker(text, text)
    ask(to(server), to(server))
    assert server.connections == 2


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;x\r\n}\r\n0\r\n\r\n", b"{}"),
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"{}"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
            % len(gzip.compress(b"{}", mtime=0))
            + gzip.compress(b"{}", mtime=0),
            b"{}",
        ),
    ],
    ids=["chunked", "to the end", "informed", "gzip"],
)
def test_every_form_of_an_answer(ask: Ask, talker: Callable[..., Talker], text: bytes, body: bytes) -> None:
    assert ask(to(talker(text)))[0].body == body


def test_headers_in_lower_case_and_joined(ask: Ask, talker: Callable[..., Talker]) -> None:
    text = b"HTTP/1.1 400 Bad Request\r\nX-Acs-Request-Id: R\r\nVary: a\r\nvary: b\r\ncontent-length: 0\r\n\r\n"
    answer = ask(to(talker(text)))[0]
    assert answer.status == 400
    assert dict(answer.headers) == {"x-acs-request-id": "R", "vary": "a, b", "content-length": "0"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    ],
)
def test_a_broken_answer(ask: Ask, talker: Callable[..., Talker], text: bytes) -> None:
    with pytest.raises(NetworkError) as caught:
        ask(to(talker(text)))
    assert (caught.value.code, caught.value.maybe_served) == ("network.cut", True)


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_answer(ask: Ask, talker: Callable[..., Talker], packed: bool) -> None:
    body = b" " * (9 * 1024 * 1024)
    head = b"content-encoding: gzip\r\n" if packed else b""
    sent = gzip.compress(body, 1) if packed else body
    with pytest.raises(NotThePlatform, match="longer than 8 MiB"):
        ask(to(talker(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (head, len(sent), sent))))


def test_a_line_break_begins_no_header(ask: Ask, talker: Callable[..., Talker]) -> None:
    server = talker(OK)
    with pytest.raises(NetworkError):
        ask(to(server, x="a\r\nauthorization: stolen"))
    assert server.heard == []


def test_many_tasks_share_few_connections(talker: Callable[..., Talker]) -> None:
    server = talker(*[OK] * 1000)

    async def go() -> list[Answer]:
        pool = AsyncConnections(trust=Trust(None), clock=SlowClock(), connect_timeout_s=5.0, timeout_s=5.0)
        try:
            return await asyncio.gather(*(pool.send(to(server)) for _ in range(200)))
        finally:
            await pool.close()

    assert len(asyncio.run(go())) == 200
    assert server.connections <= direct_async.MOST


def test_a_cancelled_call_leaves_no_answer_for_the_next(talker: Callable[..., Talker]) -> None:
    silent = talker(b"", b"")
    server = talker(OK)

    async def go() -> bytes:
        pool = AsyncConnections(trust=Trust(None), clock=SlowClock(), connect_timeout_s=5.0, timeout_s=60.0)
        waiting = asyncio.create_task(pool.send(to(silent)))
        while not silent.heard:
            await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError, NetworkError):
            await waiting
        assert pool._idle == []
        return (await pool.send(to(server))).body

    assert asyncio.run(go()) == b"{}"


def test_one_pool_in_two_event_loops(talker: Callable[..., Talker]) -> None:
    server = talker(OK, OK)
    pool = AsyncConnections(trust=Trust(None), clock=SlowClock(), connect_timeout_s=5.0, timeout_s=5.0)
    assert [asyncio.run(pool.send(to(server))).body for _ in range(2)] == [b"{}", b"{}"]


@pytest.mark.parametrize(
    ("url", "shown", "target"),
    [
        ("https://a.example/?x=1", "https://a.example", "/?x=1"),
        ("http://[::1]:81/p", "http://[::1]:81", "/p"),
        ("http://a.example?x", "http://a.example", "/?x"),
        ("http://a.example/a b/é#f", "http://a.example", "/a%20b/%C3%A9"),
    ],
)
def test_addresses_and_targets(url: str, shown: str, target: str) -> None:
    origin, found = addressed(url)
    assert (origin.shown, found) == (shown, target)

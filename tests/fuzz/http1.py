"""HTTP/1.1 as any server may speak it, and the addresses that lead there."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import h11

from device_agent.api.codec import from_answer
from device_agent.api.endpoint import Endpoint
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.faults import translated
from device_agent.api.http1 import Dialogue, addressed
from device_agent.api.proxy import proxy_routes, route
from device_agent.api.scrub import Scrubber
from device_agent.avatars.ranges import content_range, strong_etag
from device_agent.spec.operations import OPERATIONS
from tests.fuzz.target import Target

ASKED = Exchange(method="POST", url="https://a.example/", headers={"accept": "*/*"})
HEADS = (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n")
BODIES = (
    b"Content-Length: 2\r\n\r\n{}", b"\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nx: y\r\n\r\n",
    b"Connection: close\r\nDate: Sun, 01 Mar 2026 00:00:00 GMT\r\n\r\n",
    b"Content-Encoding: gzip\r\nContent-Length: 32\r\n\r\n" + zlib.compress(b"{}" * 9, wbits=31)[:32],
)  # fmt: skip


def pieces(data: bytes) -> Iterator[bytes]:
    """As a network cuts it: the first byte of a case says how; then the end."""
    size = data[0] % 64 + 1 if data else 1
    yield from (data[at : at + size] for at in range(1, len(data), size))
    while True:
        yield b""


def hear(data: bytes) -> None:
    """As ``direct`` reads an answer that is short, and the one that may come after it over the same connection."""
    origin, target = addressed(ASKED.url)
    dialogue, came = Dialogue(origin), pieces(data)
    try:
        dialogue.ask(ASKED, target)
        while (heard := dialogue.hear(next(came))) is None:
            pass
        from_answer(
            Answer(status=heard[0], headers=heard[1], body=heard[2], elapsed_s=0.1),
            OPERATIONS["LicenseAuth"], where=origin.shown, scrubber=Scrubber([]),
        )  # fmt: skip
        if dialogue.next():
            dialogue.ask(ASKED, target)
    except (OSError, h11.ProtocolError, zlib.error) as error:
        raise translated(error, stage="exchange", where=origin.shown, is_loopback=False) from error


def listen(data: bytes) -> None:
    """As ``streams`` reads an answer of any length."""
    origin, target = addressed(ASKED.url)
    dialogue, came, patience = Dialogue(origin), pieces(data), iter(range(len(data) + 9))
    try:
        dialogue.ask(ASKED, target)
        heard = dialogue.listen(lambda: next(came), until=lambda: next(patience, None) is None)
        _status, headers = dialogue.head(heard)
        content_range(headers.get("content-range", "")), strong_etag(headers.get("etag", ""))
        assert sum(map(len, (piece for piece in heard if isinstance(piece, bytes)))) <= len(data)
    except (OSError, h11.ProtocolError) as error:
        raise translated(error, stage="exchange", where=origin.shown, is_loopback=False) from error


def read_proxy(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for routes in (
        lambda: proxy_routes(text, environ={}),
        lambda: proxy_routes("", environ={"https_proxy": "http://p:1", "no_proxy": text + ",10.0.0.0/8,.example"}),
    ):
        route(routes(), "https://a.example:8443/x")
        route(routes(), "http://[::1]/")


def read_endpoint(data: bytes) -> None:
    found = Endpoint.parse(data.decode("utf-8", "replace"))
    assert addressed(found.origin + "/")[0].is_loopback is found.is_loopback


def answers() -> Sequence[bytes]:
    return [bytes([len(head)]) + head + body for head in HEADS for body in BODIES]


TARGETS = {
    "http-answer": Target(run=hear, seeds=answers),
    "http-stream": Target(run=listen, seeds=answers),
    "proxy": Target(
        run=read_proxy,
        seeds=lambda: [b"http://user:pass@proxy.example:3128", b"proxy:1", b"[::1]:3128", b"10.0.0.0/8,*.a,::1/64"],
        longest=512,
    ),
    "endpoint": Target(run=read_endpoint, seeds=lambda: [b"https://a.example:8443/x", b"http://[::1]:1"], longest=512),
}

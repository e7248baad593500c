"""HTTP/1.1 from the client's side without any socket: bytes to send, bytes received, one answer at the end.

h11 does the reading and keeps the rules; this adds where a request goes, what of an answer is kept, and limits.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import h11

from device_agent.api.endpoint import is_loopback
from device_agent.api.exchange import Exchange
from device_agent.api.faults import BODY_LIMIT, endless

HEAD_LIMIT = 64 * 1024
"""Bytes of an answer's status line and headers."""

PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_OUTLINE = (
    h11.Request(method="POST", target="/", headers=[("host", ""), ("content-length", "0")]),
    h11.Request(method="GET", target="/", headers=[("host", "")]),
)
_END = h11.EndOfMessage()
_TARGET = "!#$%&'()*+,/:;=?@[]~"


@dataclass(frozen=True)
class Origin:
    """Where a connection leads."""

    scheme: str
    host: str
    port: int
    authority: str

    @property
    def shown(self) -> str:
        """Scheme and authority, for messages."""
        return f"{self.scheme}://{self.authority}"

    @functools.cached_property
    def is_loopback(self) -> bool:
        """This machine itself."""
        return is_loopback(self.host)


@functools.lru_cache(maxsize=64)
def _origin(prefix: str) -> Origin:
    parts = urlsplit(prefix)
    return Origin(
        parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], parts.netloc.rpartition("@")[2]
    )


def addressed(url: str) -> tuple[Origin, str]:
    """Where a request goes, and its target (path and query)."""
    scheme, _, rest = url.partition("://")
    end = min((place for place in map(rest.find, "/?#") if place >= 0), default=len(rest))
    target = rest[end:].partition("#")[0]
    if not target.startswith("/"):
        target = f"/{target}"
    return _origin(f"{scheme}://{rest[:end]}"), quote(target, safe=_TARGET) if not _plain(target) else target


class Dialogue:
    """What is said on one connection, exchange after exchange."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._head: h11.Response | None = None
        self._body = bytearray()

    def ask(self, exchange: Exchange, target: str, *, body: bytes = b"") -> bytes:
        """The bytes of a request; ``body`` is for POST only.

        Raises:
            h11.LocalProtocolError: a header or the target holds what cannot be sent.
        """
        self._head, self._body = None, bytearray()
        headers = exchange.headers
        host = "" if "host" in headers else f"host: {self._origin.authority}\r\n"
        length = "" if exchange.method == "GET" else f"content-length: {len(body)}\r\n"
        lines = [f"{name}: {value}" for name, value in headers.items()]
        start = f"{exchange.method} {target} HTTP/1.1"
        if not (start + "".join(lines)).isprintable():  # a line break would begin another header
            raise h11.LocalProtocolError("a header holds what cannot be sent")
        # h11 writes headers in four times the time; it is told the outline, which is all that reading depends on.
        self._connection.send(_OUTLINE[exchange.method == "GET"])
        self._connection.send(_END)
        return "\r\n".join((start, *lines, f"{host}{length}\r\n")).encode("latin-1", "replace") + body

    def listen(self, receive: Callable[[], bytes], *, until: Callable[[], bool]) -> Iterator[h11.Response | bytes]:
        """The answer as it comes: its head, then its body piece by piece, of any length.

        Args:
            receive: waits for bytes; gives nothing at the end of the connection.
            until: whether the head takes too long.

        Raises:
            h11.RemoteProtocolError: this is not HTTP, or it was cut short.
            TimeoutError: the head takes too long.
        """
        connection, headless = self._connection, True
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.Response):
                headless = False
                yield event
            elif isinstance(event, h11.EndOfMessage):
                return
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise h11.RemoteProtocolError("closed before it answered")
            elif headless and until():  # also where interim answers (1xx) keep coming
                raise TimeoutError("the answer takes too long")
            elif event is h11.NEED_DATA:
                connection.receive_data(receive())

    def head(self, heard: Iterator[h11.Response | bytes]) -> tuple[int, dict[str, str]]:
        """Status and headers, the first thing that ``listen`` gives."""
        first = next(heard, None)
        if not isinstance(first, h11.Response):
            raise h11.RemoteProtocolError("an answer without a head")
        return first.status_code, _named(first)

    def hear(self, data: bytes) -> tuple[int, dict[str, str], bytes] | None:
        """Take what arrived (nothing for the end of the connection); status, headers and body once they are whole.

        Raises:
            h11.RemoteProtocolError: this is not HTTP, or it was cut short.
            NotThePlatform: the answer has no end.
            zlib.error: the body is compressed, which nobody asked for, and broken.
        """
        connection = self._connection
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > BODY_LIMIT:
                    raise endless(self._head.status_code if self._head else 0, where=self._origin.shown)
            elif isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                return self._whole(self._head)
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("closed before it answered")
            elif event is h11.NEED_DATA:
                return None
            elif event is h11.PAUSED:
                raise h11.RemoteProtocolError("more than one answer")

    def next(self) -> bool:
        """Make ready for another exchange; False when the connection is good for no more."""
        connection = self._connection
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return False
        if connection.trailing_data[0]:  # an answer to nothing: whatever comes next could not be trusted
            return False
        connection.start_next_cycle()
        return True

    def _whole(self, head: h11.Response) -> tuple[int, dict[str, str], bytes]:
        headers = _named(head)
        body = bytes(self._body)
        if headers.get("content-encoding", "identity").strip().lower() in ("gzip", "x-gzip", "deflate"):
            unpacker = zlib.decompressobj(wbits=47)
            body = unpacker.decompress(body, BODY_LIMIT + 1)
            if len(body) > BODY_LIMIT:
                raise endless(head.status_code, where=self._origin.shown)
        return head.status_code, headers, body


def _named(head: h11.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw in head.headers:
        name, value = raw_name.decode("ascii"), raw.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _plain(target: str) -> bool:
    return target.isascii() and target.isprintable() and " " not in target

"""httpx, set up once: for whatever goes through a proxy, and for stand-ins of the network in tests."""

from __future__ import annotations

import functools
import logging
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from device_agent.api.endpoint import is_loopback
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.faults import BODY_LIMIT, WHOLE, Stage, endless, translated
from device_agent.api.proxy import route
from device_agent.api.streams import Streamed
from device_agent.api.trust import Trust
from device_agent.clock import Clock
from device_agent.errors import NetworkError


class _HideQuery(logging.Filter):
    """Takes the query out of the addresses that httpx logs: parameters travel there, the licence among them."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                str(arg.copy_with(query=None, userinfo=b"")) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True


_HIDE_QUERY = _HideQuery()


class _Way:
    """One proxy with one trust; ends the wait for a head that drips: each of its bytes would begin the timeout anew."""

    def __init__(self, *, proxy: str | None, context: ssl.SSLContext) -> None:
        self._http = httpx.HTTPTransport(verify=context, trust_env=False, proxy=proxy)
        self._lines: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.close = self._http.close

    def ask(self, request: httpx.Request) -> httpx.Response:
        """The answer's head, within ``WHOLE`` times what a read may take."""
        longest = request.extensions.get("timeout", {}).get("read")
        if longest is None:
            return self._http.handle_request(request)
        request.extensions = {**request.extensions, "trace": self._seen}
        over = threading.Event()
        timer = threading.Timer(WHOLE * longest, self._hang_up, (over,))
        timer.daemon = True
        timer.start()
        try:
            return self._http.handle_request(request)
        except httpx.TransportError as error:
            if over.is_set():
                raise httpx.ReadTimeout("the answer's head takes too long", request=request) from error
            raise
        finally:
            timer.cancel()

    def _seen(self, event: str, info: Mapping[str, Any]) -> None:
        """httpx tells of its connections: TLS makes another socket of the first."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._lines.add(info["return_value"].get_extra_info("socket"))

    def _hang_up(self, over: threading.Event) -> None:
        """On all of this way: which line a request has is httpx's own affair, and the others ask again."""
        over.set()
        for line in list(self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Ways(httpx.BaseTransport):
    """Sends each request by the proxy and with the trust of its host; each way is made when it is first needed."""

    def __init__(self, *, context: Callable[[httpx.URL], ssl.SSLContext], routes: Mapping[str, str | None]) -> None:
        self._context = context
        self._routes = routes
        self._made: dict[tuple[str | None, ssl.SSLContext], _Way] = {}
        self._making = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        context = self._context(request.url)
        proxy = route(self._routes, str(request.url))
        with self._making:
            way = self._made.get((proxy, context))
            if way is None:
                way = self._made[proxy, context] = _Way(proxy=proxy, context=context)
        return way.ask(request)

    def close(self) -> None:
        for way in self._made.values():
            way.close()


class _AsyncWays(httpx.AsyncBaseTransport):
    """As ``_Ways``, for asyncio."""

    def __init__(self, *, trust: Trust, routes: Mapping[str, str | None]) -> None:
        self._trust = trust
        self._routes = routes
        self._made: dict[tuple[str | None, ssl.SSLContext], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import asyncio  # here: it is slow to load, and the other way does without it

        context = await asyncio.to_thread(_context, self._trust, request.url)
        proxy = route(self._routes, str(request.url))
        way = self._made.get((proxy, context))
        if way is None:
            way = self._made[proxy, context] = httpx.AsyncHTTPTransport(verify=context, trust_env=False, proxy=proxy)
        longest = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(WHOLE * longest if longest is not None else None):
                return await way.handle_async_request(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer's head takes too long", request=request) from error

    async def aclose(self) -> None:
        for way in self._made.values():
            await way.aclose()


_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: for addresses without TLS."""


def _context(trust: Trust, url: httpx.URL) -> ssl.SSLContext:
    return trust.context(url.host, url.port or 443) if url.scheme == "https" else _NOBODY


def http_client(
    *,
    trust: Trust,
    routes: Mapping[str, str | None],
    connect_timeout_s: float,
    timeout_s: float,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client that follows no redirect and reads nothing from the environment; ``routes`` as ``proxy_routes`` gives
    them.
    """
    logging.getLogger("httpx").addFilter(_HIDE_QUERY)
    return httpx.Client(
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(timeout_s, connect=connect_timeout_s),
        transport=transport or _Ways(context=functools.partial(_context, trust), routes=routes),
    )


def async_http_client(
    *,
    trust: Trust,
    routes: Mapping[str, str | None],
    connect_timeout_s: float,
    timeout_s: float,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """As ``http_client``, for asyncio."""
    logging.getLogger("httpx").addFilter(_HIDE_QUERY)
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(timeout_s, connect=connect_timeout_s),
        transport=transport or _AsyncWays(trust=trust, routes=routes),
    )


class HttpxWeb:
    """Downloads through httpx; see ``avatars.web.Web``."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @contextmanager
    def get(self, url: str, *, headers: Mapping[str, str], connect_s: float, timeout_s: float) -> Iterator[Streamed]:
        """One GET."""
        timeout = httpx.Timeout(timeout_s, connect=connect_s)
        try:
            with self._http.stream("GET", url, headers=dict(headers), timeout=timeout, follow_redirects=False) as got:
                yield _streamed(got)
        except httpx.TransportError as exc:
            raise _translated(exc, httpx.URL(url)) from exc
        except (httpx.InvalidURL, httpx.HTTPError):  # no cause: it may quote the address with its query
            raise NetworkError("the address cannot be asked", code="network.address") from None


@contextmanager
def proxied(
    method: str, url: str, *, headers: Mapping[str, str], body: bytes, tls: ssl.SSLContext, proxy: str, timeout_s: float
) -> Iterator[Streamed]:
    """One exchange through a proxy with a TLS context of its own, the device's certificate in it; see ``Streams.ask``.

    Raises:
        NetworkError: no connection, no answer, or a cut one.
    """
    try:
        with (
            httpx.Client(
                trust_env=False, timeout=timeout_s, transport=_Ways(context=lambda _url: tls, routes={"all://": proxy})
            ) as http,
            http.stream(method, url, content=body or None, headers=dict(headers)) as got,
        ):
            yield _streamed(got)
    except (httpx.TransportError, httpx.DecodingError) as exc:
        raise _translated(exc, httpx.URL(url)) from exc


def _streamed(got: httpx.Response) -> Streamed:
    named = {name.lower(): value for name, value in got.headers.items()}
    return Streamed(status=got.status_code, headers=named, pieces=got.iter_bytes)


def send(exchange: Exchange, *, http: httpx.Client, clock: Clock) -> Answer:
    """Do one exchange.

    Raises:
        NetworkError: no connection, no answer, or a cut one.
        NotThePlatform: the answer has no end.
    """
    address, timeout = httpx.URL(exchange.url), _timeout(exchange, http.timeout)
    started = clock.steady()
    ends = started + WHOLE * (timeout.read or 0.0)
    try:
        with http.stream(exchange.method, address, headers=dict(exchange.headers), timeout=timeout) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise endless(response.status_code, where=origin_of(address))
                if clock.steady() > ends:
                    raise httpx.ReadTimeout("the answer takes too long")
            return _answer(response, bytes(body), elapsed_s=clock.steady() - started)
    except (httpx.TransportError, httpx.DecodingError) as exc:
        raise _translated(exc, address) from exc


async def send_async(exchange: Exchange, *, http: httpx.AsyncClient, clock: Clock) -> Answer:
    """As ``send``, for asyncio."""
    address, timeout = httpx.URL(exchange.url), _timeout(exchange, http.timeout)
    started = clock.steady()
    ends = started + WHOLE * (timeout.read or 0.0)
    try:
        async with http.stream(exchange.method, address, headers=dict(exchange.headers), timeout=timeout) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise endless(response.status_code, where=origin_of(address))
                if clock.steady() > ends:
                    raise httpx.ReadTimeout("the answer takes too long")
            return _answer(response, bytes(body), elapsed_s=clock.steady() - started)
    except (httpx.TransportError, httpx.DecodingError) as exc:
        raise _translated(exc, address) from exc


def _timeout(exchange: Exchange, usual: httpx.Timeout) -> httpx.Timeout:
    return usual if exchange.timeout_s is None else httpx.Timeout(exchange.timeout_s)


def _answer(response: httpx.Response, body: bytes, *, elapsed_s: float) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body, elapsed_s=max(0.0, elapsed_s))


def _translated(error: httpx.RequestError, address: httpx.URL) -> NetworkError:
    stage: Stage = "exchange"
    if isinstance(error, httpx.ProxyError):
        stage = "proxy"
    elif isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        stage = "connect"
    return translated(
        error,
        stage=stage,
        where=origin_of(address),
        is_loopback=is_loopback(address.host),
        timed_out=isinstance(error, httpx.TimeoutException),
    )


def origin_of(address: httpx.URL) -> str:
    """Scheme and authority of an address, for messages."""
    return f"{address.scheme}://{address.netloc.decode('ascii')}"

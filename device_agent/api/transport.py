"""The HTTP library, set up once: one pool and one TLS context for the client's life."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx

from device_agent.api.endpoint import is_loopback
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.faults import translated
from device_agent.api.proxy import proxy_routes
from device_agent.clock import Clock
from device_agent.errors import ConfigurationError, NotThePlatform

BODY_LIMIT = 8 * 1024 * 1024
"""Longest answer that is read; the platform's are a few KiB."""


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


def tls_context(ca_file: Path | None, *, where: str = "") -> ssl.SSLContext:
    """Always verifying, TLS 1.2 or newer; ``ca_file`` is trusted in addition.

    Raises:
        ConfigurationError: ``ca_file`` cannot be read or holds no certificate.
    """
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as exc:
            raise ConfigurationError(
                "the authority's certificate cannot be read",
                code="config.ca_file",
                where=where or str(ca_file),
                hint="ca_file names a PEM file",
            ) from exc
    return context


def http_client(
    *,
    tls: ssl.SSLContext,
    proxy: str,
    environ: Mapping[str, str],
    connect_timeout_s: float,
    timeout_s: float,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client that follows no redirect and reads nothing from the environment but the proxy variables."""
    routes = _prepare(proxy, environ, stood_in=transport is not None)
    return httpx.Client(
        verify=tls,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(timeout_s, connect=connect_timeout_s),
        transport=transport,
        mounts={
            pattern: None if address is None else httpx.HTTPTransport(verify=tls, proxy=address)
            for pattern, address in routes.items()
        },
    )


def async_http_client(
    *,
    tls: ssl.SSLContext,
    proxy: str,
    environ: Mapping[str, str],
    connect_timeout_s: float,
    timeout_s: float,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """As ``http_client``, for asyncio."""
    routes = _prepare(proxy, environ, stood_in=transport is not None)
    return httpx.AsyncClient(
        verify=tls,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(timeout_s, connect=connect_timeout_s),
        transport=transport,
        mounts={
            pattern: None if address is None else httpx.AsyncHTTPTransport(verify=tls, proxy=address)
            for pattern, address in routes.items()
        },
    )


def send(exchange: Exchange, *, http: httpx.Client, clock: Clock) -> Answer:
    """Do one exchange.

    Raises:
        NetworkError: no connection, no answer, or a cut one.
        NotThePlatform: the answer has no end.
    """
    address, timeout = httpx.URL(exchange.url), _timeout(exchange, http.timeout)
    started = clock.steady()
    try:
        with http.stream(exchange.method, address, headers=dict(exchange.headers), timeout=timeout) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise endless(response.status_code, where=origin_of(address))
            return _answer(response, bytes(body), elapsed_s=clock.steady() - started)
    except (httpx.TransportError, httpx.DecodingError) as exc:
        raise translated(exc, where=origin_of(address), is_loopback=is_loopback(address.host)) from exc


async def send_async(exchange: Exchange, *, http: httpx.AsyncClient, clock: Clock) -> Answer:
    """As ``send``, for asyncio."""
    address, timeout = httpx.URL(exchange.url), _timeout(exchange, http.timeout)
    started = clock.steady()
    try:
        async with http.stream(exchange.method, address, headers=dict(exchange.headers), timeout=timeout) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise endless(response.status_code, where=origin_of(address))
            return _answer(response, bytes(body), elapsed_s=clock.steady() - started)
    except (httpx.TransportError, httpx.DecodingError) as exc:
        raise translated(exc, where=origin_of(address), is_loopback=is_loopback(address.host)) from exc


def _prepare(proxy: str, environ: Mapping[str, str], *, stood_in: bool) -> dict[str, str | None]:
    logging.getLogger("httpx").addFilter(_HIDE_QUERY)
    return {} if stood_in else proxy_routes(proxy, environ=environ)


def _timeout(exchange: Exchange, usual: httpx.Timeout) -> httpx.Timeout:
    return usual if exchange.timeout_s is None else httpx.Timeout(exchange.timeout_s)


def _answer(response: httpx.Response, body: bytes, *, elapsed_s: float) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=body, elapsed_s=max(0.0, elapsed_s))


def endless(status: int, *, where: str) -> NotThePlatform:
    """The error for an answer that is longer than any of the platform's."""
    return NotThePlatform(
        f"the answer is longer than {BODY_LIMIT // 1024**2} MiB",
        code="network.not_the_platform",
        where=where,
        hint="check endpoint and the proxy",
        http_status=status,
    )


def origin_of(address: httpx.URL) -> str:
    """Scheme and authority of an address, for messages."""
    return f"{address.scheme}://{address.netloc.decode('ascii')}"

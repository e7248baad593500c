"""Connections that stay open: straight to a host, or by CONNECT through a proxy."""

from __future__ import annotations

import base64
import socket
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import h11

from device_agent.api.direct import CHUNK, open_socket
from device_agent.api.endpoint import is_loopback
from device_agent.api.faults import translated
from device_agent.api.http1 import HEAD_LIMIT, Origin
from device_agent.api.proxy import route
from device_agent.api.trust import Trust
from device_agent.errors import ConfigurationError, NetworkError


def connect(origin: Origin, *, trust: Trust, routes: Mapping[str, str | None], seconds: float) -> socket.socket:
    """An open connection to an origin, TLS and all.

    Args:
        routes: which proxy leads where, as ``proxy_routes`` gives it.
        seconds: to wait for each step.

    Raises:
        NetworkError: no connection could be made.
        ConfigurationError: the proxy is spoken to over https, which carries no second TLS here.
    """
    proxy = route(routes, origin.shown)
    try:
        if proxy is None:
            return open_socket(origin, seconds, trust.context)
        return _through(proxy, origin, trust=trust, seconds=seconds)
    except (OSError, ValueError) as error:
        raise translated(error, stage="connect", where=origin.shown, is_loopback=origin.is_loopback) from error


def _through(proxy: str, origin: Origin, *, trust: Trust, seconds: float) -> socket.socket:
    parts = urlsplit(proxy)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.scheme != "http":
        raise ConfigurationError(
            "a channel that stays open cannot go through an https proxy",
            code="config.proxy",
            where=shown,
            hint="name the proxy's http address, or except the host with no_proxy",
        )
    try:
        line = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=seconds)
    except OSError as error:
        raise translated(error, stage="proxy", where=shown, is_loopback=is_loopback(parts.hostname or "")) from error
    try:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _ask(line, origin, login=(parts.username, parts.password), where=shown)
        if origin.scheme != "https":
            return line
        return trust.context(origin.host, origin.port).wrap_socket(line, server_hostname=origin.host)
    except BaseException:
        line.close()
        raise


def _ask(line: socket.socket, origin: Origin, *, login: tuple[str | None, str | None], where: str) -> None:
    """CONNECT (RFC 9110, 9.3.6), and the proxy's yes."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    target = f"{host}:{origin.port}"
    headers = [("Host", target)]
    name, password = login
    if name is not None:
        pair = f"{unquote(name)}:{unquote(password or '')}".encode()
        headers.append(("Proxy-Authorization", f"Basic {base64.b64encode(pair).decode()}"))
    speaker = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
    line.sendall(speaker.send(h11.Request(method="CONNECT", target=target, headers=headers)) or b"")
    line.sendall(speaker.send(h11.EndOfMessage()) or b"")
    try:
        while True:
            event = speaker.next_event()
            if event is h11.NEED_DATA:
                speaker.receive_data(line.recv(CHUNK))
            elif isinstance(event, h11.Response):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise NetworkError("the proxy hung up", code="network.proxy", where=where)
    except h11.ProtocolError as error:
        raise translated(error, stage="proxy", where=where, is_loopback=False) from error
    if event.status_code // 100 != 2:
        raise NetworkError(
            f"the proxy refused (HTTP {event.status_code})",
            code="network.proxy",
            where=where,
            hint="check the setting proxy and its login",
            http_status=event.status_code,
        )

"""What ``avatar-agent doctor`` looks at beyond this device: the ways out, the servers' certificates, the platform."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from device_agent.api.endpoint import Endpoint
from device_agent.api.exchange import Exchange
from device_agent.api.network import Network
from device_agent.api.proxy import proxy_routes, route
from device_agent.api.trust_settings import trust_of
from device_agent.clock import SystemClock
from device_agent.config import Settings
from device_agent.errors import NetworkError
from device_agent.service.drive import checked
from device_agent.service.finding import CLOSE_S, Finding, Level, told
from device_agent.service.tls_probe import look


def proxy(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Which proxies connections go through, and who says so; asks nobody."""
    routes = proxy_routes(settings.proxy, environ=environ)
    used = sorted({urlsplit(address).hostname or "?" for address in routes.values() if address})
    where = "the setting proxy" if settings.proxy else "the environment"
    yield Finding(check="proxy", level=Level.OK, says=f"through {', '.join(used)}, from {where}" if used else "none")


def tls(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Who signed the certificates of the servers that this device speaks to, and which setting believes them."""
    trust, routes = trust_of(settings, environ=environ), proxy_routes(settings.proxy, environ=environ)
    seen = set()
    for address in (
        Endpoint.parse(settings.endpoint).origin,
        settings.enroll_url,
        settings.broker_url,
        settings.content_manifest,
        f"http{checked(settings).removeprefix('ws')}" if settings.drive_url else "",
        settings.order_url,
        settings.root_url,
    ):
        parts = urlsplit(address)
        whom = (parts.hostname or "", parts.port or 443)
        if parts.scheme != "https" or whom in seen:
            continue
        seen.add(whom)
        shown = parts.netloc.rpartition("@")[2]
        try:
            server = look(*whom, trust=trust, proxy=route(routes, address))
        except NetworkError as error:
            yield Finding(check="tls", level=Level.BAD, says=told(error), fix=error.hint)
            continue
        if server.problem is not None:
            says = f"{shown}: {server.problem.message}" + (f"; issued by {server.issuer}" if server.issuer else "")
            yield Finding(check="tls", level=Level.BAD, says=says, fix=server.problem.hint)
        else:
            says = f"{shown}: issued by {server.issuer}, trusted by {server.believed}"
            yield Finding(check="tls", level=Level.OK, says=says)


def platform(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """One request without any parameter: whether something answers, whether it is trusted, and what time it has."""
    endpoint = Endpoint.parse(settings.endpoint)
    host = urlsplit(endpoint.origin).hostname or ""
    if not endpoint.is_loopback:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            yield Finding(
                check="platform", level=Level.BAD, says=f"the name {host} is not known", fix="check this device's DNS"
            )
            return
    network = Network(
        trust=trust_of(settings, environ=environ),
        proxy=settings.proxy,
        environ=environ,
        clock=SystemClock(),
        connect_timeout_s=settings.connect_timeout_s,
        timeout_s=min(settings.timeout_s, 10.0),
    )
    before = time.time()
    try:
        answer = network.send(Exchange(method="GET", url=f"{endpoint.origin}/", headers={}, timeout_s=10.0))
    except NetworkError as error:
        yield Finding(check="platform", level=Level.BAD, says=told(error), fix=error.hint)
        return
    finally:
        network.close()
    if 300 <= answer.status < 400 or "text/html" in answer.headers.get("content-type", ""):
        yield Finding(
            check="platform",
            level=Level.BAD,
            says="something else answers in the platform's place: a captive portal or an intercepting proxy",
            fix="log in to this network, or ask its operator",
        )
        return
    yield Finding(check="platform", level=Level.OK, says=f"{endpoint.origin} answers")
    yield from _their_time(answer.headers.get("date", ""), before)


def _their_time(date: str, before: float) -> Iterator[Finding]:
    try:
        off = parsedate_to_datetime(date).timestamp() - before
    except (TypeError, ValueError):
        return
    if abs(off) > CLOSE_S:
        yield Finding(
            check="clock",
            level=Level.WARNING,
            says=f"this device's clock is {off:+.0f} s off the platform's",
            fix="turn on time synchronisation: timedatectl set-ntp true; requests are signed with the difference",
        )

"""Which way an exchange takes: straight over connections of our own, or through httpx.

Straight is the usual way: many calls to one server, each short. Measured over TLS it takes a fraction of httpx's time
and, with many tasks at once, a small fraction (docs/performance.md). httpx goes through proxies and gives tests a place
to stand in for the network; it is loaded when one of these is wanted, and a service keeps what it has loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from device_agent.api.direct import Connections
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.proxy import proxy_routes
from device_agent.api.streams import Streams, connected
from device_agent.api.trust import Trust
from device_agent.clock import Clock

if TYPE_CHECKING:
    import httpx

    from device_agent.api.transport import HttpxWeb


class Network:
    """The ways of one client; safe to share between threads.

    Raises:
        ConfigurationError: a proxy's address is not usable.
    """

    def __init__(
        self,
        *,
        trust: Trust,
        proxy: str,
        environ: Mapping[str, str],
        clock: Clock,
        connect_timeout_s: float,
        timeout_s: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._timeout_s = timeout_s
        self._transport = transport
        self._routes = {} if transport is not None else proxy_routes(proxy, environ=environ)
        self._straight: Connections | None = None
        if transport is None and not self._routes:
            self._straight = Connections(
                trust=self._trust, clock=clock, connect_timeout_s=connect_timeout_s, timeout_s=timeout_s
            )
        self._http: httpx.Client | None = None
        self._making = threading.Lock()

    @property
    def web(self) -> Streams | HttpxWeb:
        """What is asked once and may be long, a download: with this client's trust and proxies."""
        if self._straight is not None:
            return Streams(connect=connected(self._trust), steady=self._clock.steady)
        from device_agent.api.transport import HttpxWeb

        return HttpxWeb(self._httpx())

    def send(self, exchange: Exchange) -> Answer:
        """Do one exchange.

        Raises:
            NetworkError: no connection, no answer, or a cut one.
            NotThePlatform: the answer has no end.
        """
        if self._straight is not None:
            return self._straight.send(exchange)
        from device_agent.api.transport import send

        return send(exchange, http=self._httpx(), clock=self._clock)

    def close(self) -> None:
        """Close all connections."""
        if self._straight is not None:
            self._straight.close()
        if self._http is not None:
            self._http.close()

    def _httpx(self) -> httpx.Client:
        with self._making:
            if self._http is None:
                from device_agent.api.transport import http_client

                self._http = http_client(
                    trust=self._trust,
                    routes=self._routes,
                    connect_timeout_s=self._connect_timeout_s,
                    timeout_s=self._timeout_s,
                    transport=self._transport,
                )
            return self._http

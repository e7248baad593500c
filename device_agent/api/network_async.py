"""Which way an exchange takes under asyncio: see ``network``; a module of its own because asyncio is slow to load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from device_agent.api.direct_async import AsyncConnections
from device_agent.api.exchange import Answer, Exchange
from device_agent.api.proxy import proxy_routes
from device_agent.api.trust import Trust
from device_agent.clock import Clock

if TYPE_CHECKING:
    import httpx


class AsyncNetwork:
    """As ``Network``, for asyncio."""

    def __init__(
        self,
        *,
        trust: Trust,
        proxy: str,
        environ: Mapping[str, str],
        clock: Clock,
        connect_timeout_s: float,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._straight: AsyncConnections | None = None
        self._http: httpx.AsyncClient | None = None
        routes = {} if transport is not None else proxy_routes(proxy, environ=environ)
        if transport is None and not routes:
            self._straight = AsyncConnections(
                trust=trust, clock=clock, connect_timeout_s=connect_timeout_s, timeout_s=timeout_s
            )
            return
        from device_agent.api.transport import async_http_client

        self._http = async_http_client(
            trust=trust,
            routes=routes,
            connect_timeout_s=connect_timeout_s,
            timeout_s=timeout_s,
            transport=transport,
        )

    async def send(self, exchange: Exchange) -> Answer:
        """As ``Network.send``."""
        if self._straight is not None:
            return await self._straight.send(exchange)
        from device_agent.api.transport import send_async

        assert self._http is not None
        return await send_async(exchange, http=self._http, clock=self._clock)

    async def close(self) -> None:
        """Close all connections."""
        if self._straight is not None:
            await self._straight.close()
        if self._http is not None:
            await self._http.aclose()

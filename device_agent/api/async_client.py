"""The platform client for programs built on asyncio; the same calls, another driver.

Unlike ``client`` it loads TLS and HTTP at once: loading them with the first client would hold up the event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from device_agent.api.call import call
from device_agent.api.client import client_options
from device_agent.api.context import Context, require_seconds
from device_agent.api.credentials import Credentials, CredentialSource
from device_agent.api.exchange import Answer, Exchange, Pause
from device_agent.api.network_async import AsyncNetwork
from device_agent.api.retry import RetryPolicy
from device_agent.api.signing import Signer
from device_agent.api.trust import Trust
from device_agent.clock import Clock, SystemClock
from device_agent.errors import NetworkError
from device_agent.spec.wire import Request, Result

if TYPE_CHECKING:
    import httpx

    from device_agent.config import Settings

T = TypeVar("T")
ResultT = TypeVar("ResultT", bound=Result)


class AsyncClient:
    """Calls the platform's operations without blocking the event loop; arguments as for ``Client``.

    ``await client.call(LicenseAuth(...))`` gives a ``LicenseAuthResult``. Use it in ``async with``, or ``await`` its
    ``close()``.

    Args:
        sleep: how to wait between attempts.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        credentials: Credentials | CredentialSource,
        signer: Signer | None = None,
        retry: RetryPolicy | None = None,
        connect_timeout_s: float = 5.0,
        timeout_s: float = 30.0,
        ca_file: Path | None = None,
        trust: Trust | None = None,
        proxy: str = "",
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        offset_s: float = 0.0,
        nonce: Callable[[], str] | None = None,
        dice: Callable[[], float] | None = None,
        seat_full_codes: Collection[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        require_seconds(connect_timeout_s, "connect_timeout_s")
        require_seconds(timeout_s, "timeout_s")
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._context = Context.make(
            endpoint=endpoint,
            credentials=credentials,
            clock=self._clock,
            signer=signer,
            retry=retry,
            offset_s=offset_s,
            nonce=nonce,
            dice=dice,
            seat_full_codes=seat_full_codes,
        )
        self._network = AsyncNetwork(
            trust=trust or Trust(ca_file),
            proxy=proxy,
            environ=os.environ if environ is None else environ,
            clock=self._clock,
            connect_timeout_s=connect_timeout_s,
            timeout_s=timeout_s,
            transport=transport,
        )
        self._owns_network = True

    @classmethod
    def from_settings(cls, settings: Settings, **more: Any) -> Self:
        """A client as the settings describe it; ``more`` goes to the constructor."""
        return cls(**{**client_options(settings, environ=more.get("environ"), trust=more.get("trust")), **more})

    async def call(
        self, request: Request[ResultT], *, timeout_s: float | None = None, retry: RetryPolicy | None = None
    ) -> ResultT:
        """Send a request and wait for its result; see ``Client.call``."""
        return await self._drive(call(request, context=self._context, timeout_s=timeout_s, retry=retry))

    def copy(
        self,
        *,
        endpoint: str | None = None,
        credentials: Credentials | CredentialSource | None = None,
        signer: Signer | None = None,
        retry: RetryPolicy | None = None,
        seat_full_codes: Collection[str] | None = None,
    ) -> Self:
        """A client with other values on the same connection pool, which this one still owns and closes."""
        twin = object.__new__(type(self))
        twin._clock, twin._sleep = self._clock, self._sleep
        twin._context = self._context.changed(
            endpoint=endpoint,
            credentials=credentials,
            signer=signer,
            retry=retry,
            seat_full_codes=seat_full_codes,
        )
        twin._network = self._network
        twin._owns_network = False
        return twin

    @property
    def retry(self) -> RetryPolicy:
        """When it tries again, unless a call says otherwise."""
        return self._context.retry

    @property
    def offset_s(self) -> float:
        """Seconds that this device's clock is behind the platform's, as learned so far."""
        return self._context.clock.offset_s

    async def close(self) -> None:
        """Close all connections; a copy leaves them to the client it was made from."""
        if self._owns_network:
            await self._network.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _drive(self, steps: Generator[Exchange | Pause, Answer | None, T]) -> T:
        try:
            wanted = next(steps)
            while True:
                if isinstance(wanted, Pause):
                    await self._sleep(wanted.seconds)
                    wanted = steps.send(None)
                    continue
                try:
                    answer = await self._network.send(wanted)
                except NetworkError as error:
                    wanted = steps.throw(error)
                else:
                    wanted = steps.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

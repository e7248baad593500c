"""The platform client for programs that wait for an answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from device_agent.api.call import call
from device_agent.api.context import Context, require_seconds
from device_agent.api.credentials import Credentials, CredentialSource
from device_agent.api.credentials_chain import from_settings
from device_agent.api.endpoint import Endpoint
from device_agent.api.exchange import Answer, Exchange, Pause
from device_agent.api.retry import RetryPolicy
from device_agent.api.signing import Signer
from device_agent.clock import Clock, SystemClock
from device_agent.errors import NetworkError
from device_agent.spec.wire import Request, Result

if TYPE_CHECKING:
    import httpx

    from device_agent.api.streams import Streams
    from device_agent.api.transport import HttpxWeb
    from device_agent.api.trust import Trust
    from device_agent.config import Settings

T = TypeVar("T")
ResultT = TypeVar("ResultT", bound=Result)


class Client:
    """Calls the platform's operations; safe to share between threads.

    ``client.call(LicenseAuth(...))`` gives a ``LicenseAuthResult``. One connection pool and one TLS context live as
    long as the client; redirects are not followed. Close it, or use it in a ``with`` statement.

    Args:
        endpoint: address of the platform.
        credentials: an access key, or a source of them.
        signer: ACS3-HMAC-SHA256 when left out.
        ca_file: PEM file of an authority to trust besides the public ones.
        trust: whom to trust, shared with others; ``ca_file`` is not looked at then.
        proxy: see ``Settings.proxy``.
        offset_s: what is known of this device's clock error, seconds to add.
        seat_full_codes: codes that mean "every seat is taken"; the platform documents none.
        transport: stands in for the network, for tests.
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
        offset_s: float = 0.0,
        nonce: Callable[[], str] | None = None,
        dice: Callable[[], float] | None = None,
        seat_full_codes: Collection[str] = (),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # Late: TLS and HTTP are a third of what loading this module took.
        from device_agent.api.network import Network
        from device_agent.api.trust import Trust

        require_seconds(connect_timeout_s, "connect_timeout_s")
        require_seconds(timeout_s, "timeout_s")
        self._clock = clock or SystemClock()
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
        self._network = Network(
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

    def call(
        self, request: Request[ResultT], *, timeout_s: float | None = None, retry: RetryPolicy | None = None
    ) -> ResultT:
        """Send a request and wait for its result.

        Args:
            timeout_s: seconds for each part of the answer, for this call.
            retry: when to try again, for this call.

        Raises:
            ParameterError: the request breaks a documented limit; nothing was sent.
            NetworkError: no answer, or none of the platform's.
            PlatformError, LicenseRefused: the platform refused.
        """
        return self._drive(call(request, context=self._context, timeout_s=timeout_s, retry=retry))

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
        twin._clock = self._clock
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
    def web(self) -> Streams | HttpxWeb:
        """Downloads, with its trust and proxies."""
        return self._network.web

    @property
    def retry(self) -> RetryPolicy:
        """When it tries again, unless a call says otherwise."""
        return self._context.retry

    @property
    def offset_s(self) -> float:
        """Seconds that this device's clock is behind the platform's, as learned so far."""
        return self._context.clock.offset_s

    def close(self) -> None:
        """Close all connections; a copy leaves them to the client it was made from."""
        if self._owns_network:
            self._network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _drive(self, steps: Generator[Exchange | Pause, Answer | None, T]) -> T:
        try:
            wanted = next(steps)
            while True:
                if isinstance(wanted, Pause):
                    self._clock.sleep(wanted.seconds)
                    wanted = steps.send(None)
                    continue
                try:
                    answer = self._network.send(wanted)
                except NetworkError as error:
                    wanted = steps.throw(error)
                else:
                    wanted = steps.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result


def client_options(
    settings: Settings, *, environ: Mapping[str, str] | None = None, trust: Trust | None = None
) -> dict[str, Any]:
    """The constructor arguments that settings give, for either client; ``trust`` when somebody else has it already.

    Raises:
        ConfigurationError: the endpoint is no address, or nothing can sign.
    """
    from device_agent.api.trust_settings import trust_of  # late, as above

    Endpoint.parse(settings.endpoint, where=settings.where("endpoint"))
    return {
        "endpoint": settings.endpoint,
        "credentials": from_settings(settings, environ=os.environ if environ is None else environ),
        "connect_timeout_s": settings.connect_timeout_s,
        "timeout_s": settings.timeout_s,
        "trust": trust or trust_of(settings, environ=os.environ if environ is None else environ),
        "proxy": settings.proxy,
        "seat_full_codes": settings.seat_full_codes,
    }

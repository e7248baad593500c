"""What all calls of one client share, whichever driver runs them."""

from __future__ import annotations

import math
import platform
import random
import secrets
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from device_agent.api.credentials import Credentials, CredentialSource, StaticCredentials
from device_agent.api.endpoint import Endpoint
from device_agent.api.retry import RetryPolicy
from device_agent.api.signing import Acs3Signer, Signer
from device_agent.api.skew import ServerClock
from device_agent.clock import Clock
from device_agent.errors import UsageError

USER_AGENT = f"avatar-device-agent python/{platform.python_version()}"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a call needs to know.

    Attributes:
        nonce: gives a text that was never used before.
        dice: gives a random number in [0, 1).
        seat_full_codes: codes that mean "every seat is taken", or ``/.../`` expressions for code or message.
    """

    endpoint: Endpoint
    credentials: CredentialSource
    signer: Signer
    clock: ServerClock
    retry: RetryPolicy
    user_agent: str
    nonce: Callable[[], str]
    dice: Callable[[], float]
    seat_full_codes: Collection[str] = ()

    @classmethod
    def make(
        cls,
        *,
        endpoint: str,
        credentials: Credentials | CredentialSource,
        clock: Clock,
        signer: Signer | None = None,
        retry: RetryPolicy | None = None,
        offset_s: float = 0.0,
        nonce: Callable[[], str] | None = None,
        dice: Callable[[], float] | None = None,
        seat_full_codes: Collection[str] = (),
    ) -> Context:
        """The context of a client; what is left out is what nearly everybody wants."""
        return cls(
            endpoint=Endpoint.parse(endpoint),
            credentials=_source(credentials),
            signer=signer or Acs3Signer(),
            clock=ServerClock(clock, offset_s=offset_s),
            retry=retry or RetryPolicy(),
            user_agent=USER_AGENT,
            nonce=nonce or _nonce,
            dice=dice or random.SystemRandom().random,
            seat_full_codes=tuple(seat_full_codes),
        )

    def changed(
        self,
        *,
        endpoint: str | None = None,
        credentials: Credentials | CredentialSource | None = None,
        signer: Signer | None = None,
        retry: RetryPolicy | None = None,
        seat_full_codes: Collection[str] | None = None,
    ) -> Context:
        """The same with other values; ``None`` keeps what there is."""
        changes: dict[str, Any] = {
            "endpoint": None if endpoint is None else Endpoint.parse(endpoint),
            "credentials": None if credentials is None else _source(credentials),
            "signer": signer,
            "retry": retry,
            "seat_full_codes": None if seat_full_codes is None else tuple(seat_full_codes),
        }
        return msgspec.structs.replace(self, **{name: value for name, value in changes.items() if value is not None})


def require_seconds(value: float, name: str) -> None:
    """Refuse a wait of nothing, or without end: it would look like a server that does not answer.

    Raises:
        UsageError: it is not a finite number above nothing.
    """
    if not 0 < value < math.inf:
        raise UsageError(
            f"{name} is no time to wait", code="client.timeout", where=name, hint="give seconds, more than 0"
        )


def _source(credentials: Credentials | CredentialSource) -> CredentialSource:
    return StaticCredentials(credentials) if isinstance(credentials, Credentials) else credentials


def _nonce() -> str:
    return secrets.token_hex(16)

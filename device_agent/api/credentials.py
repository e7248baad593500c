"""Who signs: credentials, and where they come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Protocol

import msgspec

from device_agent.api.exchange import Answer, Exchange, Pause
from device_agent.errors import AgentError
from device_agent.secret import Secret

NONE = Secret("")


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """An access key, with a token when it is a temporary one, or a bearer token alone.

    Attributes:
        expires_at: seconds since 1970 by the platform's clock; ``None`` for credentials that do not end.
        origin: where they came from, for the reader.
    """

    access_key_id: str = ""
    access_key_secret: Secret = NONE
    security_token: Secret | None = None
    bearer_token: Secret | None = None
    expires_at: float | None = None
    origin: str = "explicit"


CredentialSteps = Generator[Exchange | Pause, Answer | None, Credentials]


class CredentialSource(Protocol):
    """Something that can be asked for credentials; it may need exchanges of its own to get them."""

    def resolve(self, *, now: float) -> CredentialSteps:
        """The credentials to sign with at ``now`` (seconds since 1970)."""

    def drop(self) -> bool:
        """The platform does not accept what was fetched: fetch anew next time; whether that can help."""


class StaticCredentials:
    """Credentials that were given."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def resolve(self, *, now: float) -> CredentialSteps:
        yield from ()
        return self._credentials

    def drop(self) -> bool:
        return False


class RefreshedCredentials:
    """Credentials that end, fetched again before they do; kept in memory only.

    Args:
        fetch: the steps of one fetch, at a time of the platform's clock (seconds since 1970).
        early_s: seconds before their end at which new ones are fetched.
        passing: whether an error of a fetch says nothing against the credentials that are here.
    """

    def __init__(
        self,
        fetch: Callable[[float], CredentialSteps],
        *,
        early_s: float = 180.0,
        passing: Callable[[AgentError], bool] = lambda _error: True,
    ) -> None:
        self._fetch = fetch
        self._early_s = early_s
        self._passing = passing
        self._kept: Credentials | None = None
        self._refused = False

    def resolve(self, *, now: float) -> CredentialSteps:
        """What is kept while it lasts; a refresh that fails costs nothing as long as the old ones are valid."""
        kept = self._kept
        if kept is not None and not self._refused and now < _end(kept) - self._early_s:
            return kept
        try:
            self._kept = yield from self._fetch(now)
            self._refused = False
        except AgentError as error:
            if kept is None or now >= _end(kept) or not self._passing(error):
                raise
            return kept
        return self._kept

    def drop(self) -> bool:
        """The old ones stay until there are new ones: not every call of theirs need be refused."""
        self._refused = True
        return True


def _end(credentials: Credentials) -> float:
    return math.inf if credentials.expires_at is None else credentials.expires_at

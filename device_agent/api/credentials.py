"""Who signs: credentials, and where they come from."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from device_agent.api.exchange import Answer, Exchange, Pause
from device_agent.config import Secret, Settings
from device_agent.errors import ConfigurationError

NONE = Secret("")


@dataclass(frozen=True, kw_only=True)
class Credentials:
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


class CredentialSource(Protocol):
    """Something that can be asked for credentials; it may need exchanges of its own to get them."""

    def resolve(self, *, now: float) -> Generator[Exchange | Pause, Answer | None, Credentials]:
        """The credentials to sign with at ``now`` (seconds since 1970)."""


class StaticCredentials:
    """Credentials that were given."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def resolve(self, *, now: float) -> Generator[Exchange | Pause, Answer | None, Credentials]:
        yield from ()
        return self._credentials


def from_settings(settings: Settings) -> Credentials:
    """The access key in the settings.

    Raises:
        ConfigurationError: it is not there, or only half of it.
    """
    if not settings.access_key_id or not settings.access_key_secret:
        missing = "access_key_id" if not settings.access_key_id else "access_key_secret"
        raise ConfigurationError(
            f"the setting {missing} is missing: nothing can sign the calls",
            code="credentials.missing",
            hint=f"put it in the settings file (--config) or in AVATAR_AGENT_{missing.upper()}",
        )
    return Credentials(
        access_key_id=settings.access_key_id,
        access_key_secret=settings.access_key_secret,
        security_token=settings.security_token,
        origin=settings.where("access_key_secret"),
    )

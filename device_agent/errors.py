"""Errors of the agent, the whole tree at a glance, with the exit status each one ends in.

AgentError                     1
├── UsageError                 2  the command was called the wrong way
├── ConfigurationError         3  a setting is missing or wrong; a folder cannot be written
├── LicenseRefused             4  wrong licence, licence of another app, licence ended
│   └── SeatsFull              4  every seat of the licence is taken
├── NetworkError               5  no answer, a cut connection, or an answer that is not the platform's
└── PlatformError              6  the platform refused the call
    ├── SignatureRefused       6  signature, access key, nonce
    └── ClockSkew              6  the request's time is outside the platform's window
"""

from __future__ import annotations


class AgentError(Exception):
    """Base of the agent's errors. The message never holds a secret.

    Attributes:
        code: stable name of the problem: the platform's own code where it gave one, else a dotted name of ours.
        where: address, file or operation; may be empty.
        hint: what the reader can do about it; may be empty.
        request_id: the platform's RequestId where an answer carried one.
        exit_status: what the command line ends with.
    """

    exit_status = 1

    def __init__(self, message: str, *, code: str, where: str = "", hint: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint
        self.request_id = request_id

    def __str__(self) -> str:
        facts = [fact for fact in (self.where, self.request_id and f"RequestId {self.request_id}") if fact]
        where = f" ({', '.join(facts)})" if facts else ""
        hint = f": {self.hint}" if self.hint else ""
        return f"{self.message}{where}{hint}"


class UsageError(AgentError):
    """The command was called the wrong way."""

    exit_status = 2


class ConfigurationError(AgentError):
    """A setting is missing or wrong, or a folder cannot be read or written."""

    exit_status = 3


class LicenseRefused(AgentError):
    """The platform knows the caller but not this licence for this tenant and app."""

    exit_status = 4


class SeatsFull(LicenseRefused):
    """Every seat of the licence is taken by another device."""


class NetworkError(AgentError):
    """No answer, a cut connection, or an answer that does not come from the platform."""

    exit_status = 5


class PlatformError(AgentError):
    """The platform answered and refused."""

    exit_status = 6


class SignatureRefused(PlatformError):
    """The platform did not accept the signature, the access key or the nonce."""


class ClockSkew(PlatformError):
    """The request's time was outside the platform's window, also after one correction from its Date header."""

"""Errors of the agent, the whole tree at a glance, with the exit status each one ends in.

AgentError                     1
├── UsageError                 2  the command was called the wrong way
│   └── ParameterError         2  a parameter breaks a documented limit; nothing was sent
├── ConfigurationError         3  a setting is missing or wrong; a folder cannot be written
│   └── StateError             3  the device's record does not allow this step, or cannot be kept
├── LicenseRefused             4  wrong licence, licence of another app, licence ended
│   └── SeatsFull              4  every seat of the licence is taken
├── NetworkError               5  no answer, or a cut connection
│   ├── NotThePlatform         5  an answer that does not come from the platform
│   └── ChannelRefused         5  the drive channel's server answers, and does not open it
├── PlatformError              6  the platform refused the call
│   ├── SignatureRefused       6  signature, access key, nonce
│   ├── ClockSkew              6  the request's time is outside the platform's window
│   ├── Throttled              6  too many calls
│   ├── PermissionRefused      6  the credential may not do this
│   │   └── TakenOut           6  headquarters took this device out, says the office
│   ├── ParameterRefused       6  the platform did not like a parameter
│   └── ServerFault            6  the platform itself failed
└── PackageError               7  the avatar package is damaged, malicious, or not what was promised
"""

from __future__ import annotations


class AgentError(Exception):
    """Base of the agent's errors. The message never holds a secret.

    Attributes:
        code: stable name of the problem: the platform's own code where it gave one, else a dotted name of ours.
        where: address, file or operation; may be empty.
        hint: what the reader can do about it; may be empty.
        request_id: the platform's RequestId where an answer carried one.
        operation: the platform's name of the call that failed; may be empty.
        http_status: status of the answer; 0 where there was none.
        exit_status: what the command line ends with.
    """

    exit_status = 1

    def __init__(
        self,
        message: str,
        *,
        code: str,
        where: str = "",
        hint: str = "",
        request_id: str = "",
        operation: str = "",
        http_status: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint
        self.request_id = request_id
        self.operation = operation
        self.http_status = http_status

    def __str__(self) -> str:
        facts = [fact for fact in (self.where, self.request_id and f"RequestId {self.request_id}") if fact]
        where = f" ({', '.join(facts)})" if facts else ""
        hint = f": {self.hint}" if self.hint else ""
        return f"{self.message}{where}{hint}"


class UsageError(AgentError):
    """The command was called the wrong way."""

    exit_status = 2


class ParameterError(UsageError):
    """A parameter breaks a documented limit; ``where`` names it; nothing was sent."""


class ConfigurationError(AgentError):
    """A setting is missing or wrong, or a folder cannot be read or written."""

    exit_status = 3


class StateError(ConfigurationError):
    """The device's record does not allow this step now, or cannot be read or kept."""


class LicenseRefused(AgentError):
    """The platform knows the caller but not this licence for this tenant and app."""

    exit_status = 4


class SeatsFull(LicenseRefused):
    """Every seat of the licence is taken by another device."""


class NetworkError(AgentError):
    """No answer or a cut connection.

    Attributes:
        maybe_served: the request had left when the connection failed, so the platform may have served it.
    """

    exit_status = 5
    maybe_served: bool = False


class NotThePlatform(NetworkError):
    """Something answered, but not the platform: a captive portal, a proxy, another service."""


class ChannelRefused(NetworkError):
    """The drive channel's server answers, and does not open it; ``http_status`` says how."""


class PlatformError(AgentError):
    """The platform answered and refused.

    Attributes:
        advised_s: seconds that the answer asked to wait; ``None`` where it did not say.
    """

    exit_status = 6
    advised_s: float | None = None


class SignatureRefused(PlatformError):
    """The platform did not accept the signature, the access key or the nonce."""


class ClockSkew(PlatformError):
    """The request's time was outside the platform's window, also after one correction from its Date header."""


class Throttled(PlatformError):
    """The platform wants fewer calls."""


class PermissionRefused(PlatformError):
    """The credential is known but may not do this."""


class TakenOut(PermissionRefused):
    """The office says that headquarters took this device out.

    Attributes:
        order: the signed order that came with it; empty where none did.
    """

    order: bytes = b""


class ParameterRefused(PlatformError):
    """A parameter is missing or wrong in the platform's eyes."""


class ServerFault(PlatformError):
    """The platform failed on its own side; trying later may help."""


class PackageError(AgentError):
    """The avatar package, or the RenderData that describes it, is damaged, malicious, or not what was promised."""

    exit_status = 7

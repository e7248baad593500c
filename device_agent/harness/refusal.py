"""How the platform says no: at its gateway with an HTTP status, or behind it with HTTP 200 and a code.

Refusal
├── GatewayRefusal    signature, time, parameters' form: HTTP 4xx or 5xx
└── BusinessRefusal   licence, seat, state: HTTP 200, ``Success: false``
"""

from __future__ import annotations


class Refusal(Exception):
    """Base: a code and a message of the platform's kind. The message never holds a secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class GatewayRefusal(Refusal):
    """Refused before any operation ran.

    The statuses are those that public pages of products behind the same gateway show.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.status = status


class BusinessRefusal(Refusal):
    """Refused by the operation: HTTP 200 with ``Success: false``."""


def missing(name: str) -> GatewayRefusal:
    """A required parameter is absent."""
    return GatewayRefusal(400, f"Missing{name}", f"{name} is mandatory for this action.")


def not_found(what: str = "Specified api is not found, please check your url and method.") -> GatewayRefusal:
    """No such operation, version or path."""
    return GatewayRefusal(404, "InvalidApi.NotFound", what)


NO_ACCESS = "10010003"
EMPTY_PARAMETER = "10010001"
BAD_PARAMETER = "10010002"
SYSTEM_FAULT = "10009999"
SEATS_FULL = "ClientAuth.SeatLimit"
"""Stand-in of ours: the platform documents no code for "every seat is taken"."""

"""What a refusal or a failure means, as data: code -> cause, error type and advice.

The first row that fits wins. Codes are the platform's (business codes come with HTTP 200, the others from its gateway)
or our own dotted ones. A code that no row knows is ``UNKNOWN``: nothing destructive ever follows from it.
"""

from __future__ import annotations

import enum
from collections.abc import Collection

import msgspec

from device_agent.code_patterns import names
from device_agent.errors import (
    AgentError,
    ClockSkew,
    LicenseRefused,
    NetworkError,
    NotThePlatform,
    ParameterRefused,
    PermissionRefused,
    PlatformError,
    SeatsFull,
    ServerFault,
    SignatureRefused,
    Throttled,
)


class Cause(enum.StrEnum):
    """Why a call did not succeed."""

    NET = "net"  # no answer, or the platform failed on its own side
    THROTTLE = "throttle"
    CAPTIVE = "captive"  # somebody else answered
    TLS_TRUST = "tls_trust"
    CLOCK = "clock"
    NONCE = "nonce"
    CRED = "cred"  # access key, token, permission
    CONFIG = "config"  # tenant, application or a parameter is wrong
    SEAT = "seat"
    BUSY = "busy"
    EXPIRED = "expired"
    GONE = "gone"  # released or unsubscribed
    UNKNOWN = "unknown"


PASSING = frozenset({Cause.NET, Cause.THROTTLE, Cause.NONCE})
"""Causes that trying again soon can help."""

LICENSED = ("LicenseAuth", "ClientAuth", "ClientStart")
"""Operations whose refusal is about the licence."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        codes: exact codes; one that ends in ``*`` fits every code that starts so.
        operations: operations it is about; empty for all.
        says: what to tell; empty tells that the call was refused, with the platform's words.
        least_wait_s: shortest wait before a repeat that the platform advises.
    """

    cause: Cause
    raises: type[AgentError]
    codes: tuple[str, ...]
    operations: tuple[str, ...] = ()
    says: str = ""
    hint: str = ""
    least_wait_s: float = 0.0

    def fits(self, code: str, operation: str) -> bool:
        """Whether the row speaks about this code of this operation."""
        if self.operations and operation not in self.operations:
            return False
        return any(
            code.startswith(known.removesuffix("*")) if known.endswith("*") else code == known for known in self.codes
        )


_ORDER_HINT = "renew the order in the console; the device keeps its identity and its licence"

ROWS: tuple[Row, ...] = (
    Row(
        cause=Cause.CLOCK,
        raises=ClockSkew,
        codes=("InvalidTimeStamp.*",),
        says="the platform does not accept this device's time",
        hint="set the clock (timedatectl), or check what answers between this device and the platform",
    ),
    Row(
        cause=Cause.NONCE,
        raises=SignatureRefused,
        codes=("SignatureNonceUsed",),
        says="the platform has seen this request before",
        hint="try again",
    ),
    Row(
        cause=Cause.CRED,
        raises=SignatureRefused,
        codes=("SignatureDoesNotMatch", "IncompleteSignature"),
        says="the platform does not accept the signature",
        hint="check access_key_secret: it does not belong to access_key_id",
    ),
    Row(
        cause=Cause.CRED,
        raises=SignatureRefused,
        codes=("InvalidAccessKeyId*",),
        says="the platform does not know the access key",
        hint="check access_key_id",
    ),
    Row(
        cause=Cause.CRED,
        raises=SignatureRefused,
        codes=("InvalidSecurityToken*", "InvalidBearerToken*"),
        says="the temporary credential is not valid any more",
        hint="get a new one from where it came from",
    ),
    Row(
        cause=Cause.CRED,
        raises=PermissionRefused,
        codes=("Forbidden*", "NoPermission*"),
        hint="give the access key the right to this operation",
    ),
    Row(
        cause=Cause.CRED,
        raises=PermissionRefused,
        codes=("office.long_lived_credentials",),
        says="the broker's credentials live longer than an hour, and are not used",
        hint="let the broker ask STS for 3600 seconds or less",
    ),
    Row(cause=Cause.THROTTLE, raises=Throttled, codes=("Throttling*",), hint="wait a minute and try again"),
    Row(
        cause=Cause.GONE,
        raises=LicenseRefused,
        codes=("10020005", "10020006"),
        says="the licence's order was released or cancelled",
        hint=_ORDER_HINT,
    ),
    Row(
        cause=Cause.EXPIRED,
        raises=LicenseRefused,
        codes=("10020001",),
        says="the licence's order has ended",
        hint=_ORDER_HINT,
    ),
    Row(
        cause=Cause.EXPIRED,
        raises=LicenseRefused,
        codes=("10010018",),
        operations=LICENSED,
        says="the application has no usable avatar, or its order has ended",
        hint=_ORDER_HINT,
    ),
    Row(
        cause=Cause.CONFIG,
        raises=LicenseRefused,
        codes=("10010002", "10010003"),
        operations=("LicenseAuth", "ClientAuth"),
        says="the platform does not accept this licence for this tenant and application",
        hint="check license_file, tenant_id and app_id: they must come from the same instance",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=ParameterRefused,
        codes=("10010001", "10010002"),
        operations=("Render3dAvatar",),
        hint="check the avatar's code: it is in the console, and belongs to one application",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=ParameterRefused,
        codes=("10010001", "10010002", "Missing*", "InvalidParameter*"),
        hint="check the parameters against docs/operations.md",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=PermissionRefused,
        codes=("10010003", "10010005", "10010028", "10010033"),
        hint="check tenant_id and app_id, and that the service is bought for them",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=PermissionRefused,
        codes=("10010018",),
        says="the application has no usable avatar, or its order has ended",
        hint=_ORDER_HINT,
    ),
    Row(
        cause=Cause.CONFIG,
        raises=ParameterRefused,
        codes=("10010014",),
        hint="start another session (StartInstance): one that was closed does not come back",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=ParameterRefused,
        codes=("10010030",),
        hint="change the text: the platform does not let it be said",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=ParameterRefused,
        codes=("10010040",),
        hint="give a UniqueCode, or ask for no callback",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=PermissionRefused,
        codes=("10010041", "10010042"),
        hint="set the callback address and its key in the console, or ask for no callback",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=PermissionRefused,
        codes=("InsufficientBalance*",),
        hint="the account has to be topped up in the console",
    ),
    Row(
        cause=Cause.CONFIG,
        raises=PlatformError,
        codes=(
            "InvalidApi.NotFound",
            "InvalidProduct.NotFound",
            "InvalidVersion*",
            "InvalidProtocol*",
            "UnsupportedHTTPMethod",
        ),
        hint="check endpoint: what answers there does not know this operation",
    ),
    Row(
        cause=Cause.BUSY,
        raises=Throttled,
        codes=("10010031",),
        says="all of the application's sessions are in use",
        hint="try again when one has ended",
    ),
    Row(
        cause=Cause.BUSY,
        raises=Throttled,
        codes=("10010021",),
        hint="try again when some of the account's videos are done",
    ),
    Row(
        cause=Cause.NET,
        raises=ServerFault,
        codes=("10010032",),
        hint="try again",
        least_wait_s=0.1,
    ),
    Row(
        cause=Cause.NET,
        raises=ServerFault,
        codes=("10009999", "10009008", "InternalError*", "ServiceUnavailable*"),
        hint="the platform has a problem of its own; try again later",
    ),
    Row(
        cause=Cause.NET,
        raises=NetworkError,
        codes=("network.refused", "network.name", "network.unreachable", "network.timeout", "network.cut"),
        hint="check the address and the network",
    ),
    Row(cause=Cause.CLOCK, raises=NetworkError, codes=("network.tls_time",)),
    Row(cause=Cause.TLS_TRUST, raises=NetworkError, codes=("network.tls*",)),
    Row(cause=Cause.CAPTIVE, raises=NotThePlatform, codes=("network.not_the_platform", "network.redirect")),
)

SEAT_ROW = Row(
    cause=Cause.SEAT,
    raises=SeatsFull,
    codes=(),
    operations=("LicenseAuth", "ClientAuth"),
    says="every seat of the licence is taken",
    hint="unbind a device that is not used any more, or buy more seats; this device will get the next free one",
)
"""The row of what an operator lists in ``seat_full_codes``, codes and expressions: the platform documents none."""

SERVER_ROW = Row(
    cause=Cause.NET,
    raises=ServerFault,
    codes=(),
    hint="the platform has a problem of its own; try again later",
)
"""The row of unknown codes that come with HTTP 5xx."""

THROTTLED_ROW = Row(
    cause=Cause.THROTTLE,
    raises=Throttled,
    codes=(),
    hint="wait a minute and try again",
)
"""The row of unknown codes that come with HTTP 429."""

UNKNOWN_ROW = Row(
    cause=Cause.UNKNOWN,
    raises=PlatformError,
    codes=(),
    hint="the code is not documented; ask the platform's support and name the RequestId",
)
"""The row of everything else."""


def row_of(
    code: str,
    *,
    operation: str = "",
    http_status: int = 200,
    message: str = "",
    seat_full_codes: Collection[str] = (),
) -> Row:
    """The row that speaks about a code; ``message`` for operators' expressions in ``seat_full_codes`` only."""
    if operation in SEAT_ROW.operations and names(seat_full_codes, code=code, message=message):
        return SEAT_ROW
    found = next((row for row in ROWS if row.fits(code, operation)), None)
    if found is not None:
        return found
    if http_status == 429:
        return THROTTLED_ROW
    return SERVER_ROW if http_status >= 500 else UNKNOWN_ROW


def cause_of(error: AgentError) -> Cause:
    """Why a call failed, from the error it raised."""
    if isinstance(error, SeatsFull):
        return Cause.SEAT
    return row_of(error.code, operation=error.operation, http_status=error.http_status).cause

"""From foreign errors of a failed exchange to ours: the one seam where they are translated."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Literal

from device_agent.errors import NetworkError, NotThePlatform

Stage = Literal["connect", "proxy", "exchange"]
"""How far it came: only in the last one may the request have been served."""

BODY_LIMIT = 8 * 1024 * 1024
"""Longest answer that is read; the platform's are a few KiB."""

WHOLE = 4.0
"""A whole answer may take this many times the wait for a part of it: one byte a second is no answer."""


def translated(
    error: BaseException, *, stage: Stage, where: str, is_loopback: bool, timed_out: bool = False
) -> NetworkError:
    """Our error for a failed exchange; the message holds neither the request's address nor its headers.

    Args:
        where: scheme and authority of the address.
        timed_out: the error stands for a wait that was too long, whatever its type.
    """
    code, problem, hint = _told(error, stage=stage, is_loopback=is_loopback, timed_out=timed_out)
    ours = NetworkError(problem, code=code, where=where, hint=hint)
    ours.maybe_served = stage == "exchange"
    return ours


def endless(status: int, *, where: str) -> NotThePlatform:
    """The error for an answer that is longer than any of the platform's."""
    return NotThePlatform(
        f"the answer is longer than {BODY_LIMIT // 1024**2} MiB",
        code="network.not_the_platform",
        where=where,
        hint="check endpoint and the proxy",
        http_status=status,
    )


def _told(error: BaseException, *, stage: Stage, is_loopback: bool, timed_out: bool) -> tuple[str, str, str]:
    causes = list(_chain(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate(cause)
    if any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in causes) or (
        stage == "connect" and any(isinstance(cause, ssl.SSLError) for cause in causes)
    ):
        return "network.tls", "no TLS connection could be agreed on", "check that the endpoint speaks https"
    if stage == "proxy":
        return "network.proxy", "the proxy refused", "check the setting proxy, or https_proxy in the environment"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "network.name", "the host name is not known", "check the endpoint, and this device's DNS"
    if timed_out or isinstance(error, TimeoutError):
        return "network.timeout", "no answer in time", "check the network; timeout_s and connect_timeout_s can be set"
    if stage == "connect":
        if is_loopback:
            start = "start the harness with `avatar-agent harness serve`, or name its endpoint (--endpoint, --config)"
            return "network.refused", "nothing answers at this address", start
        return "network.refused", "no connection could be made", "check the endpoint, the network and the firewall"
    return "network.cut", "the connection was cut", "try again"


def _certificate(error: ssl.SSLCertVerificationError) -> tuple[str, str, str]:
    reason = (error.verify_message or "").lower()
    if "revoked" in reason:
        return (
            "network.tls_revoked",
            "the server's certificate was revoked by its authority",
            "do not go on; whoever runs this server must give it a new certificate",
        )
    if "crl" in reason:
        return (
            "network.tls_crl",
            f"the server's certificate cannot be checked for revocation ({reason})",
            "the list in crl_urls must be of the authority that signed this server's certificate",
        )
    if "expired" in reason or "not yet valid" in reason:
        return (
            "network.tls_time",
            f"the server's certificate is not valid at this device's time ({reason})",
            "check the date of this device (timedatectl) and of the certificate",
        )
    if "hostname" in reason or "ip address" in reason:
        return (
            "network.tls_name",
            "the server's certificate is for another name",
            "check the endpoint; a captive portal or an intercepting proxy answers like this",
        )
    return (
        "network.tls_trust",
        f"the server's certificate is not trusted ({reason or 'unknown reason'})",
        "if this server is meant to be trusted, name its authority's PEM file in ca_file, "
        "or in ca_files for this host alone",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 20:
        yield error
        error = error.__cause__ or error.__context__
        seen += 1

"""Who vouches for a server, and which setting believes them: handshakes for ``doctor``, over which nothing is sent."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from device_agent.api.endpoint import is_loopback
from device_agent.api.faults import Stage, translated
from device_agent.api.trust import Trust
from device_agent.errors import NetworkError

TIMEOUT_S = 10.0
LONGEST_HEAD = 16 * 1024


@dataclass(frozen=True, kw_only=True)
class Server:
    """What a TLS server showed.

    Attributes:
        issuer: who signed its certificate; empty when it showed none.
        believed: the setting that trusts it, or ``"the public authorities"``; empty when nothing does.
        problem: why it is not trusted.
    """

    issuer: str
    believed: str
    problem: NetworkError | None = None


def look(
    host: str, port: int, *, trust: Trust, proxy: str | None, steady: Callable[[], float] = time.monotonic
) -> Server:
    """Shake hands as the agent would, and find out whom it believed.

    Raises:
        NetworkError: there is no connection at all.
    """
    try:
        issuer = _shake(host, port, trust.context(host, port), proxy, steady)
    except NetworkError as error:
        if not error.code.startswith("network.tls_"):
            raise
        return Server(issuer=_unverified_issuer(host, port, proxy, steady), believed="", problem=error)
    for setting, file in trust.says(host, port):
        only = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        only.load_verify_locations(cafile=str(file))
        try:
            _shake(host, port, only, proxy, steady)
        except NetworkError:
            continue
        return Server(issuer=issuer, believed=setting)
    return Server(issuer=issuer, believed="the public authorities")


def _unverified_issuer(host: str, port: int, proxy: str | None, steady: Callable[[], float]) -> str:
    """Who claims to have signed the certificate of a server that is not trusted: only its name is taken from it."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    try:
        return _shake(host, port, blind, proxy, steady)
    except NetworkError:
        return ""


def _shake(host: str, port: int, context: ssl.SSLContext, proxy: str | None, steady: Callable[[], float]) -> str:
    """One handshake; the issuer of the certificate that the server showed."""
    with (
        _told(host, port, "connect"),
        closing(_connected(host, port, proxy, steady)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    return _issuer(der) if der else ""


def _issuer(der: bytes) -> str:
    from cryptography import x509

    try:
        name = x509.load_der_x509_certificate(der).issuer.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion):
        return "an unreadable name"
    return name.encode("unicode_escape").decode()[:80] or "an empty name"


def _connected(host: str, port: int, proxy: str | None, steady: Callable[[], float]) -> socket.socket:
    if proxy is None:
        return socket.create_connection((host, port), timeout=TIMEOUT_S)
    parts = urlsplit(proxy)
    with _told(host, port, "proxy"):
        line = socket.create_connection((parts.hostname or "", parts.port or _port(parts.scheme)), timeout=TIMEOUT_S)
        try:
            if parts.scheme == "https":
                line = ssl.create_default_context().wrap_socket(line, server_hostname=parts.hostname)
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            login = ""
            if parts.username is not None:
                pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
                login = f"Proxy-Authorization: Basic {base64.b64encode(pair).decode()}\r\n"
            line.sendall(f"CONNECT {shown} HTTP/1.1\r\nHost: {shown}\r\n{login}\r\n".encode())
            _check_tunnel(line, steady)
        except BaseException:
            line.close()
            raise
    return line


def _check_tunnel(line: socket.socket, steady: Callable[[], float]) -> None:
    head, ends = b"", steady() + TIMEOUT_S
    while b"\r\n\r\n" not in head:
        if steady() > ends:
            raise TimeoutError("the proxy's answer takes too long")
        piece = line.recv(1)  # byte by byte: what comes after the head belongs to TLS
        if not piece or len(head) > LONGEST_HEAD:
            raise ConnectionResetError("the proxy hung up")
        head += piece
    status = head.split(b" ", 2)[1] if head.startswith(b"HTTP/1.") else b""
    if not status.startswith(b"2"):
        raise ConnectionRefusedError("the proxy refused")


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


@contextmanager
def _told(host: str, port: int, stage: Stage) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        shown = f"https://{host}" if port == 443 else f"https://{host}:{port}"
        raise translated(error, stage=stage, where=shown, is_loopback=is_loopback(host)) from error

"""Is an address this machine's own?"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a bare host name or address is this machine's own."""
    if host.casefold() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_host(header: str) -> bool:
    """Whether a ``Host`` or ``Origin`` header names this machine itself.

    A page from elsewhere that a developer's browser shows could otherwise order faults, or read calls through a
    name that resolves to 127.0.0.1.
    """
    text = header.strip()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)

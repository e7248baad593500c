"""The platform's address."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec

from device_agent.errors import ConfigurationError

_VENDORS = ".aliyuncs.com"
"""The platform has one region: every address of the vendor's leads to the same seats (inferred, not documented)."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the platform answers.

    Attributes:
        origin: scheme and authority, no path, e.g. ``https://avatar.cn-zhangjiakou.aliyuncs.com``.
        host: value of the Host header; the port only when it is not the scheme's own.
        is_loopback: this machine itself.
    """

    origin: str
    host: str
    is_loopback: bool

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Endpoint:
        """Read an address; a bare host name means ``https``.

        Plain ``http`` is for this machine itself: a licence never travels in the clear.

        Raises:
            ConfigurationError: it is no address of a server, or plain ``http`` to another machine.
        """
        try:
            parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
            name, port = parts.hostname or "", parts.port
        except ValueError as exc:
            raise _wrong("the endpoint is not an address", where) from exc
        if parts.scheme not in ("http", "https") or not name or not _is_host(name):
            raise _wrong("the endpoint is not an address", where)
        if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise _wrong("the endpoint has more than a scheme, a host and a port", where)
        loopback = is_loopback(name)
        if parts.scheme == "http" and not loopback:
            raise ConfigurationError(
                "plain http is only for this machine itself",
                code="config.plain_http",
                where=where,
                hint="use https; the harness serves it with --tls",
            )
        shown = f"[{name}]" if ":" in name else name
        default = 443 if parts.scheme == "https" else 80
        host = shown if port in (None, default) else f"{shown}:{port}"
        return cls(origin=f"{parts.scheme}://{host}", host=host, is_loopback=loopback)


def is_same_platform(one: str, other: str) -> bool:
    """Whether both addresses lead to the same seats: they have the same origin, or both are the vendor's.

    Raises:
        ConfigurationError: one is no address.
    """
    first, second = Endpoint.parse(one), Endpoint.parse(other)
    both_the_vendor_s = all(origin.split(":")[1].endswith(_VENDORS) for origin in (first.origin, second.origin))
    return first.origin == second.origin or both_the_vendor_s


def is_loopback(name: str) -> bool:
    """Whether a host name or address is this machine itself."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_host(name: str) -> bool:
    return name.isascii() and all(c.isalnum() or c in ".-_:" for c in name)


def _wrong(message: str, where: str) -> ConfigurationError:
    return ConfigurationError(
        message, code="config.endpoint", where=where, hint="it looks like https://avatar.cn-zhangjiakou.aliyuncs.com"
    )

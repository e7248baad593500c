"""Which proxy leads where.

Decided here and not by the HTTP library, which would also read ``.netrc`` and variables that name other authorities.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from device_agent.errors import ConfigurationError

ALWAYS_DIRECT = ("all://localhost", "all://127.0.0.1", "all://[::1]", "all://100.100.100.200")
"""This machine itself and the cloud's metadata address are never behind a proxy."""


def proxy_routes(setting: str, *, environ: Mapping[str, str], where: str = "") -> dict[str, str | None]:
    """Address pattern -> proxy address; ``None`` goes straight; ``route`` reads it.

    Patterns are ``all://``, ``http://`` and ``https://`` for every host, ``all://host``, ``all://*.host`` and
    ``all://network/bits``.

    Args:
        setting: a proxy's address, ``none``, or empty for the environment's ``https_proxy``, ``http_proxy``,
            ``all_proxy`` and ``no_proxy`` (upper case too).

    Raises:
        ConfigurationError: the address cannot be read, or is of a kind that is not supported.
    """
    if setting.lower() == "none":
        return {}
    routes: dict[str, str | None] = {}
    if setting:
        routes["all://"] = _checked(setting, where)
    else:
        for variable, pattern in (("all_proxy", "all://"), ("http_proxy", "http://"), ("https_proxy", "https://")):
            # HTTP_PROXY in upper case can be set by a request header in CGI programs; this is none, so it counts.
            address = environ.get(variable) or environ.get(variable.upper())
            if address:
                routes[pattern] = _checked(address, f"environment {variable}")
    if not routes:
        return {}
    exceptions = "" if setting else environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    for name in filter(None, (part.strip() for part in exceptions.split(","))):
        if name == "*":
            return {}
        bare = name.lower().removeprefix("*.").removeprefix(".")
        if bare.count(":") > 1 and "/" not in bare and not bare.startswith("["):
            bare = f"[{bare}]"
        routes[f"all://{bare}"] = None
        routes[f"all://*.{bare}"] = None
    return {**routes, **dict.fromkeys(ALWAYS_DIRECT)}


def route(routes: Mapping[str, str | None], url: str) -> str | None:
    """The proxy that leads to an address; ``None`` when the way is straight. The nearest pattern counts."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    labels = host.split(".")
    above = [f"all://*.{'.'.join(labels[place:])}" for place in range(1, len(labels))]
    for pattern in (f"all://{shown}:{parts.port}", f"all://{shown}", *above):
        if pattern in routes:
            return routes[pattern]
    if any(_holds(pattern.removeprefix("all://"), host) for pattern in routes if "/" in pattern.removeprefix("all://")):
        return None
    return routes.get(f"{parts.scheme}://", routes.get("all://"))


def _holds(network: str, host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    return False


def _checked(address: str, where: str) -> str:
    whole = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(whole)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
    if not right:
        raise ConfigurationError(
            "the proxy is not an http or https address",
            code="config.proxy",
            where=where,
            hint='it looks like http://proxy.example:3128; "none" uses no proxy',
        )
    return whole

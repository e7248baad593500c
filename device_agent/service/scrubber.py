"""What is taken out of a text before it leaves the house: addresses, names, people, and what the log masks too."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from device_agent.redaction import redactions

_ADDRESSES = (
    (re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.IGNORECASE), "mac"),
    (re.compile(r"\b(?!127\.)(?:\d{1,3}\.){3}\d{1,3}\b"), "ip"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+"), "e-mail"),
)
_HOME = re.compile(r"(?<![\w/])/home/[^/\s,;:'\")]+")
_COLONS = re.compile(r"[0-9a-f]{0,4}:[0-9a-f:]{0,40}:[0-9a-f:.]{0,40}", re.IGNORECASE)


def scrub(text: str, *, hostname: str = "", names: Collection[str] = ()) -> tuple[str, dict[str, int]]:
    """The text without addresses, e-mails, this machine's name, people's folders, logins and queries in addresses,
    long opaque strings, and whole words of ``names``; and how many of each kind went, without those of which none did.

    Kinds: ``mac``, ``ip``, ``e-mail``, ``host``, ``user``, ``id``, ``login``, ``query``, ``opaque``, and ``cut`` for
    the end of a text that is too long to be searched.
    """
    text, counts = redactions(text)

    def take(kind: str, pattern: re.Pattern[str], text: str, instead: str) -> str:
        text, number = pattern.subn(instead, text)
        counts[kind] = counts.get(kind, 0) + number
        return text

    def address(found: re.Match[str]) -> str:
        if not _is_ipv6(found[0]):
            return found[0]
        counts["ip"] += 1
        return "<ip>"

    text = take("user", _HOME, text, "/home/<user>")
    for name in filter(None, names):
        text = take("id", re.compile(rf"(?<!\w){re.escape(name)}(?!\w)"), text, "<id>")
    for pattern, kind in _ADDRESSES:
        text = take(kind, pattern, text, f"<{kind}>")
    text = _COLONS.sub(address, text)
    if len(hostname) > 2:
        text = take("host", re.compile(rf"\b{re.escape(hostname)}\b"), text, "<host>")
    return text, {kind: number for kind, number in counts.items() if number}


def _is_ipv6(text: str) -> bool:
    """Else it may be a time of day."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True

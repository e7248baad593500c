"""A request as it came over the wire, and the platform's own percent-encoding."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

FORM = "application/x-www-form-urlencoded"

_RESERVED = re.compile(rb"[^A-Za-z0-9_.~-]")

Pairs = tuple[tuple[bytes, bytes], ...]
"""Decoded names and values, in the order they came."""


@dataclass(frozen=True, kw_only=True)
class WireRequest:
    """One HTTP request before anybody has interpreted it.

    Attributes:
        path: path as sent, still percent-encoded.
        query: query as sent, still percent-encoded, without the question mark.
        headers: names in lower case, values as sent; a name may occur more than once.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(default=b"", repr=False)
    scheme: str = "http"

    def header(self, name: str) -> str | None:
        """The value of a header, surrounding blanks removed; several values are joined with a comma."""
        return self._values.get(name)

    @functools.cached_property
    def _values(self) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in self.headers:
            values[name] = f"{values[name]},{value.strip()}" if name in values else value.strip()
        return values

    @functools.cached_property
    def query_pairs(self) -> Pairs:
        """Parameters in the query."""
        return decode_pairs(self.query)

    def form(self) -> Pairs:
        """Parameters in the body; empty when the body is not a form."""
        kind = (self.header("content-type") or "").partition(";")[0].strip().lower()
        return decode_pairs(self.body) if kind == FORM else ()


def decode_pairs(raw: bytes) -> Pairs:
    """Names and values of a query or a form; ``+`` is a blank and a percent sign that encodes nothing stays."""
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decode(name), _decode(value)))
    return tuple(pairs)


def encode(raw: bytes) -> str:
    """Percent-encode everything but the unreserved characters of RFC 3986 (``A-Z a-z 0-9 - _ . ~``)."""
    return _RESERVED.sub(_encoded, raw).decode("ascii")


def encode_pairs(pairs: Pairs) -> str:
    """The canonical query: encoded names and values, sorted by name."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(pairs))


def encode_path(raw: bytes) -> str:
    """The canonical path: each segment decoded and encoded again."""
    return "/".join(encode(unquote_to_bytes(segment)) for segment in raw.split(b"/")) or "/"


def _encoded(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found.group()[0]


def _decode(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))

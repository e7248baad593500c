"""HTTP ranges of one file (RFC 9110, 14): one range, conditions, and what to answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Part of a file to send: ``status`` 200, 206, 304 or 416; ``end`` is not included."""

    status: int
    start: int
    end: int

    @property
    def length(self) -> int:
        """Bytes to send."""
        return self.end - self.start


def choose(*, size: int, etag: str, range_header: str | None, if_range: str | None, if_none_match: str | None) -> Slice:
    """Which bytes to send.

    A header that names several ranges, or that is malformed, is ignored as the RFC allows: the whole file is sent.
    ``If-Range`` with another tag, a weak tag or a date sends the whole file too.
    """
    if if_none_match is not None and _any_match(if_none_match, etag):
        return Slice(status=304, start=0, end=0)
    whole = Slice(status=200, start=0, end=size)
    if range_header is None or (if_range is not None and if_range.strip() != etag):
        return whole
    found = _ONE_RANGE.fullmatch(range_header.strip())
    if found is None or found.groups() == ("", ""):
        return whole
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return whole
    if start >= size or start >= end:
        return Slice(status=416, start=0, end=0)
    return Slice(status=206, start=start, end=end)


def _any_match(header: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag in tags

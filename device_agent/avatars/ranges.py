"""What answers say about pieces of a file: Content-Range and entity tags (RFC 9110, 14.4 and 8.8.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

_CONTENT_RANGE = re.compile(r"bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')


class ContentRange(NamedTuple):
    """First and last byte of the piece, both -1 where the server has none; None for a whole of unknown length."""

    first: int
    last: int
    whole: int | None


def content_range(header: str) -> ContentRange | None:
    """Read a Content-Range header; None if it is missing or makes no sense."""
    match = _CONTENT_RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last, whole = match.groups()
    piece = ContentRange(int(first or -1), int(last or -1), None if whole == "*" else int(whole))
    if piece.first > piece.last or (piece.whole is not None and piece.last >= piece.whole):
        return None
    return piece


def strong_etag(header: str) -> str:
    """The entity tag if it promises the same bytes, else nothing: a weak one does not guard a range."""
    tag = header.strip()
    return tag if _STRONG_ETAG.fullmatch(tag) else ""

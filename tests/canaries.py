"""Secrets that tests plant, and every form in which they could come out somewhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus


def forms(secret: str) -> dict[str, bytes]:
    """Name of a form -> the bytes to look for: as it is, percent-encoded, base64, JSON-escaped, hexadecimal, repr.

    Base64 depends on what stands before: all three alignments, without the edges that depend on the neighbours.
    """
    data = secret.encode()
    found = {
        "plain": data,
        "percent": quote(secret, safe="").encode(),
        "percent, lower case": quote(secret, safe="").lower().encode(),
        "form": quote_plus(secret).encode(),
        "twice percent": quote(quote(secret, safe=""), safe="").encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "repr": repr(secret)[1:-1].encode(),
        "hexadecimal": data.hex().encode(),
    }
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + data)
        inner = whole[4 if shift else 0 : len(whole) // 4 * 4 - 4]
        found[f"base64 at {shift}"] = inner
        found[f"base64url at {shift}"] = inner.replace(b"+", b"-").replace(b"/", b"_")
    return found


def showing(sink: bytes, canaries: Mapping[str, str]) -> list[str]:
    """Which secrets a sink shows, and how."""
    return [
        f"{name} ({form})" for name, secret in canaries.items() for form, mark in forms(secret).items() if mark in sink
    ]

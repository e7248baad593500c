"""The one place where secrets are masked, in logs and in what support is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "<hidden>"
LONGEST = 64 * 1024
"""Characters of a text that are looked through; the rest is cut."""

_SECRET_NAMES = re.compile(
    r"(?:licen[cs]e|secret|token|password|passwd|authorization|signature|credential|private_?key|render_?data)$",
    re.IGNORECASE,
)
# Lengths are bounded: without that, a long foreign text costs its length squared.
_ADDRESS = re.compile(r"(?P<address>[a-z][a-z0-9+.-]{0,30}://[^\s?#'\"<>]{1,2000})[?#][^\s'\"<>]*", re.IGNORECASE)
_LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{0,30}://)[^\s/@'\"<>]{1,2000}@", re.IGNORECASE)
_LONG_OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]{80,}")


def redacted(text: str) -> str:
    """The text without what addresses carry after ``?`` or before ``@``, and without long opaque strings; of a very
    long one the beginning, to a blank, because half a secret would not be known for one.
    """
    return redactions(text)[0]


def redactions(text: str) -> tuple[str, dict[str, int]]:
    """As ``redacted``, and how many of each kind went: ``cut``, ``login``, ``query``, ``opaque``."""
    cut = int(len(text) > LONGEST)
    if cut:
        text = f"{text[:LONGEST].rpartition(' ')[0]} …"
    text, logins = _LOGIN.subn(r"\g<scheme>", text)
    text, queries = _ADDRESS.subn(r"\g<address>", text)
    text, opaque = _LONG_OPAQUE.subn(HIDDEN, text)
    return text, {"cut": cut, "login": logins, "query": queries, "opaque": opaque}


def traceback_of(error: BaseException) -> str:
    """The traceback of an error that nobody foresaw, masked: its text may hold a request's address."""
    import traceback

    return redacted("".join(traceback.format_exception(error)))


def redact(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event of the log, masked: values by the name they go by, texts by what is in them, at any depth."""
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name) and value not in (None, ""):
        return HIDDEN
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(name, inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))

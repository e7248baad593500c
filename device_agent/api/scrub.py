"""Takes out of a foreign text whatever a request carried that nobody else should read."""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "<hidden>"

# A scheme's length is bounded: without that, a long row of letters costs its length squared.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,30}(?:://|%3A%2F%2F)[^\s'\"<>]*", re.IGNORECASE)
_LONGEST = 64 * 1024
"""Characters of a foreign text that are looked at."""

_SHORTEST = 4
"""Texts shorter than this are no secrets and would blank out half of any message."""


class Scrubber:
    """Knows the values to hide, in the forms that servers and proxies echo them in."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(values)

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        """Made only when a call has failed: it costs more than a whole call that goes well."""
        forms = {form for value in self._values if len(value) >= _SHORTEST for form in _forms(value)}
        # Longest first, so that a value inside another does not leave a rest.
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def clean(self, text: str, *, limit: int) -> str:
        """One line of at most ``limit`` characters, without the values and without addresses."""
        if len(text) > _LONGEST:
            text = text[:_LONGEST].rpartition(" ")[0]  # to a blank: half a secret would not be known for one
        if self._pattern:
            text = self._pattern.sub(HIDDEN, text)
        text = _ADDRESS.sub("<address>", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _forms(value: str) -> set[str]:
    import json  # late: only a failed call needs it

    once, plus = quote(value, safe="~"), quote_plus(value)
    escaped = json.dumps(value)[1:-1]
    return {
        value,
        once,
        quote(once, safe="~"),
        plus,
        quote_plus(plus),
        escaped,
        json.dumps(value, ensure_ascii=False)[1:-1],
        base64.b64encode(value.encode()).decode().rstrip("="),
    }

"""Codes that an operator names: exact ones, or ``/.../``, a regular expression found in the code or in the message.

The platform documents no code for some refusals, and its words may be all there is to go by. An expression is held to
what ends soon on any text: it is short, and what makes a search try again is counted.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

LONGEST = 200
"""Characters of an expression, and of a code or message that it is looked for in."""

MOST_CHOICES = 20
"""``?`` and ``|`` count 1 each, ``*``, ``+`` and ``{`` 8."""

_PLAIN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escaped character or a set: what is in it repeats nothing."""

_GROUP_AGAIN = re.compile(r"\)\s*[*+{]")
_FOUND_AGAIN = re.compile(r"\\[1-9]|\(\?P=")
"""A group that is repeated, or repeats what another found: searches that may not end within a lifetime."""

_LISTED = re.compile(r"\s*(/(?:\\.|[^/\\])*/|[^,]*?)\s*(?:,|$)", re.DOTALL)


def split(text: str) -> list[str]:
    """Entries from one text, between commas; a comma within ``/.../`` is part of the expression."""
    return [entry for entry in _LISTED.findall(text) if entry]


def is_expression(entry: str) -> bool:
    """Whether an entry is an expression, and no code."""
    return len(entry) >= 2 and entry.startswith("/") and entry.endswith("/")


@functools.lru_cache(maxsize=64)
def compiled(entry: str) -> re.Pattern[str]:
    """The expression of an entry.

    Raises:
        ValueError: it is empty or none, is too long, or a search with it may take too long.
    """
    inside = entry[1:-1]
    bare = _PLAIN.sub("x", inside)
    choices = sum(8 if sign in "*+{" else 1 for sign in bare if sign in "*+{?|")
    endless = _GROUP_AGAIN.search(bare) or _FOUND_AGAIN.search(inside)
    if not inside or len(inside) > LONGEST or choices > MOST_CHOICES or endless:
        raise ValueError("no expression, or one that may take too long")
    try:
        return re.compile(inside)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError("no expression") from error


def check(entries: Iterable[str]) -> None:
    """Raise what ``compiled`` does, for each expression among the entries."""
    for entry in entries:
        if is_expression(entry):
            compiled(entry)


def names(entries: Iterable[str], *, code: str, message: str) -> bool:
    """Whether an entry names this code, or is found in it or in the message."""
    return any(
        bool(compiled(entry).search(code[:LONGEST]) or compiled(entry).search(message[:LONGEST]))
        if is_expression(entry)
        else entry == code
        for entry in entries
    )

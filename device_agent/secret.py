"""A text that never prints itself."""

from __future__ import annotations

import hmac
from typing import NoReturn

HIDDEN = "<hidden>"


class Secret:
    """Holds a secret text; only ``reveal()`` gives it out.

    It is no ``str``, so that formatting, logging, JSON encoders and tracebacks cannot show it by accident; it cannot be
    pickled.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

"""Texts and bytes that do not show themselves where a value is printed, formatted, pickled or captured in a traceback.

They are still ``str`` and ``bytes``: what works on the value itself (slicing, joining, encrypting, writing) sees it
whole and returns plain values. The guard is against accidents, not against code that wants the value.
"""

from __future__ import annotations

from typing import NoReturn

_HIDDEN = "<hidden>"


class _Hidden:
    """What both kinds have in common."""

    __slots__ = ()

    def __repr__(self) -> str:
        return _HIDDEN

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, specification: str) -> str:
        return _HIDDEN

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


class SecretText(_Hidden, str):
    """A text whose ``repr``, ``str`` and ``format`` say only that it is hidden; ``reveal`` gives the plain text."""

    __slots__ = ()

    def reveal(self) -> str:
        """The text itself, as a plain ``str``."""
        return "".join(self)


class SecretBytes(_Hidden, bytes):
    """Bytes whose ``repr``, ``str`` and ``format`` say only that they are hidden."""

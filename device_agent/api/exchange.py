"""What a call asks of its driver and gets back: plain data, so that no HTTP library shows in the call itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Discreet(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what carries secrets in many of its fields: a repr shows none of them."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Exchange(Discreet, frozen=True, kw_only=True):
    """One HTTP request to send.

    Attributes:
        timeout_s: seconds for each part of the answer; ``None`` takes the client's.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    timeout_s: float | None = None


class Answer(Discreet, frozen=True, kw_only=True):
    """One HTTP answer.

    Attributes:
        headers: names in lower case.
        elapsed_s: seconds between sending and the whole answer, by the steady clock.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Wait before going on."""

    seconds: float

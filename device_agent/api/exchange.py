"""What a call asks of its driver and gets back: plain data, so that no HTTP library shows in the call itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One HTTP request to send. The address and the headers carry secrets and stay out of the repr.

    Attributes:
        timeout_s: seconds for each part of the answer; ``None`` takes the client's.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer.

    Attributes:
        headers: names in lower case.
        elapsed_s: seconds between sending and the whole answer, by the steady clock.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    elapsed_s: float


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Wait before going on."""

    seconds: float

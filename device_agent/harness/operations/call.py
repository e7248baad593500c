"""What an operation is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from device_agent.harness.state.accounts import Caller
from device_agent.harness.world import World

RequestT = TypeVar("RequestT")


@dataclass(frozen=True, kw_only=True)
class Call(Generic[RequestT]):
    """One call that passed the gate."""

    request: RequestT
    caller: Caller
    request_id: str
    now: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an operation says. ``data`` uses the platform's names; a field that is None is left out."""

    data: dict[str, Any] | list[Any] | None = field(default=None, repr=False)
    code: str = "0"
    message: str = "success"
    success: bool = True


Handler = Callable[[World, Call[Any]], Answer]

"""What a look at this device can find."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from certs.errors import CertError
from device_agent.config import Settings
from device_agent.errors import AgentError

CLOSE_S = 600.0
"""A clock that is wrong by less is of no consequence: the platform's window is 15 minutes."""


class Level(enum.IntEnum):
    """How bad a finding is."""

    OK = 0
    NOTE = 1
    WARNING = 2
    BAD = 3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; without any secret, and without names of this machine."""

    check: str
    level: Level
    says: str
    fix: str = ""


Check = Callable[[Settings, Mapping[str, str]], Iterator[Finding]]


def told(error: AgentError | CertError) -> str:
    """What a finding says of an error: its message, and where."""
    return f"{error.message} ({error.where})" if error.where else error.message

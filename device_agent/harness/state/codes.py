"""Codes that a caller promises never to use twice."""

from __future__ import annotations

from device_agent.harness.refusal import BAD_PARAMETER, BusinessRefusal
from device_agent.harness.state.store import Store


def spend_code(store: Store, *, scope: str, name: str, code: str) -> None:
    """Note a code.

    Raises:
        BusinessRefusal: 10010002, it was used before. The platform asks for unlike codes and does not say what it
            does with a repeated one.
    """
    if not store.run("INSERT OR IGNORE INTO spent_codes VALUES (?, ?)", (scope, code)):
        raise BusinessRefusal(BAD_PARAMETER, f"{name} was used before")

"""How the service opens the device for a step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from device_agent.api.retry import RetryPolicy
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.observe import Observer
from device_agent.lifecycle.points import Reach, unwatched

RETRY = RetryPolicy(first_s=2.0, least_s=1.0)
"""Within a step, where two calls of one kind are never less than a second apart; between steps ``pace`` decides."""


def open_for_service(
    settings: Settings,
    observer: Observer | None,
    *,
    machine: Callable[[str], Hardware],
    clock: Clock,
    client_options: dict[str, Any] | None = None,
    reach: Reach = unwatched,
) -> AbstractContextManager[Engine]:
    """The device, for one step; see ``Engine.open``.

    Args:
        machine: the TPM's address in the settings -> the hardware that this runs on.
        client_options: for tests.
        reach: told of every point that the step gets to.
    """
    return Engine.open(
        settings,
        observer=observer,
        hardware=machine(settings.tpm),
        clock=clock,
        client_options={"retry": RETRY, **(client_options or {})},
        reach=reach,
    )

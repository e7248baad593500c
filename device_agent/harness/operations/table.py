"""Operation name -> what does it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from device_agent.harness.operations import avatar, client_render, console, dialog, instance, message, video
from device_agent.harness.operations.call import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        name: handler
        for family in (instance, message, video, avatar, client_render, console, dialog)
        for name, handler in family.HANDLERS.items()
    }
)

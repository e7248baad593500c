"""The table of operations: client, command line, documentation and harness are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from device_agent.spec import avatar, client_render, console, dialog, instance, message, video_order, video_task
from device_agent.spec.operation import Operation

OPERATIONS: Mapping[str, Operation[Any]] = MappingProxyType(
    {
        operation.name: operation
        for family in (instance, message, video_order, video_task, avatar, client_render, console, dialog)
        for operation in family.FAMILY
    }
)
"""Operation name -> operation."""

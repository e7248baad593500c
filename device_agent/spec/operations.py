"""The table of operations: client, command line, documentation and harness are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from device_agent.spec import client_render
from device_agent.spec.operation import Operation
from device_agent.spec.wire import Request, ResultT

OPERATIONS: Mapping[str, Operation[Any]] = MappingProxyType(
    {operation.name: operation for operation in (*client_render.FAMILY,)}
)
"""Operation name -> operation."""


def operation_of(request: Request[ResultT]) -> Operation[ResultT]:
    """The operation that a request calls."""
    return OPERATIONS[type(request).__name__]

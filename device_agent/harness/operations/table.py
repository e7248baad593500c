"""Operation name -> what does it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from device_agent.harness.operations import client_render
from device_agent.harness.operations.call import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType({**client_render.HANDLERS})

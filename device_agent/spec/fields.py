"""Fields that many operations share."""

from __future__ import annotations

from typing import Annotated

from device_agent.spec.wire import about

LONG_MAX = 2**63 - 1

TenantId = Annotated[int, about("Number of the tenant.", long=True, ge=-LONG_MAX - 1, le=LONG_MAX)]
AppId = Annotated[str, about("Id of the application.")]
AvatarCode = Annotated[str, about("Code of the avatar.")]
Secret = Annotated[str, about(secret=True)]

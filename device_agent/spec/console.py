"""Switching instances off and on; asynchronous: ask for the state about every three seconds, never faster than one."""

from __future__ import annotations

from typing import Annotated, Any

from device_agent.spec.fields import TenantId
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about

InstanceId = Annotated[str, about("Instance, as the console shows it.")]


class InstanceData(Wire, frozen=True, kw_only=True):
    """The instance that is being switched."""

    instance_id: str | None = None
    tenant_id: Annotated[int, about(long=True)] | None = None


class StartTimedResetOperateResult(Result, frozen=True, kw_only=True):
    """Answer to ``StartTimedResetOperate``."""

    data: InstanceData | None = None


class StartTimedResetOperate(Request[StartTimedResetOperateResult], frozen=True, kw_only=True):
    """Switch an instance on."""

    tenant_id: TenantId
    instance_id: InstanceId


class CloseTimedResetOperateResult(Result, frozen=True, kw_only=True):
    """Answer to ``CloseTimedResetOperate``."""

    data: InstanceData | None = None


class CloseTimedResetOperate(Request[CloseTimedResetOperateResult], frozen=True, kw_only=True):
    """Switch an instance off; it cannot be used from then on."""

    tenant_id: TenantId
    instance_id: InstanceId


class InstanceStatus(Wire, frozen=True, kw_only=True):
    """Data of ``QueryTimedResetOperateStatus``; the tenant is a text here."""

    instance_id: str | None = None
    status_str: str | None = None
    tenant_id: str | None = None
    status: Annotated[int, about(long=True, meanings={10: "on", 11: "going on", 20: "off", 21: "going off"})] | None = (
        None
    )


class QueryTimedResetOperateStatusResult(Result, frozen=True, kw_only=True):
    """Answer to ``QueryTimedResetOperateStatus``."""

    data: InstanceStatus | None = None


class QueryTimedResetOperateStatus(Request[QueryTimedResetOperateStatusResult], frozen=True, kw_only=True):
    """Ask whether an instance is on or off."""

    tenant_id: TenantId
    instance_id: InstanceId


FAMILY: tuple[Operation[Any], ...] = (
    Operation(
        request=StartTimedResetOperate,
        result=StartTimedResetOperateResult,
        family="console",
        methods=("POST", "GET"),
        repeat=Repeat.NATURAL,
    ),
    Operation(
        request=CloseTimedResetOperate,
        result=CloseTimedResetOperateResult,
        family="console",
        methods=("POST", "GET"),
        repeat=Repeat.NATURAL,
    ),
    Operation(
        request=QueryTimedResetOperateStatus,
        result=QueryTimedResetOperateStatusResult,
        family="console",
        methods=("POST", "GET"),
        repeat=Repeat.SAFE,
    ),
)

"""Instances that are switched on and off."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.state.switches import NAMES
from device_agent.harness.world import World
from device_agent.spec.console import CloseTimedResetOperate, QueryTimedResetOperateStatus, StartTimedResetOperate


def start(world: World, call: Call[StartTimedResetOperate]) -> Answer:
    """On its way on."""
    return _turn(world, call, on=True)


def close(world: World, call: Call[CloseTimedResetOperate]) -> Answer:
    """On its way off."""
    return _turn(world, call, on=False)


def status(world: World, call: Call[QueryTimedResetOperateStatus]) -> Answer:
    """Where it is; the tenant is a text here, as on the platform."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    found = world.switches.look(
        request.instance_id, tenant_id=request.tenant_id, pace=world.workings.switch, now=call.now
    )
    return Answer(
        data={
            "InstanceId": request.instance_id,
            "StatusStr": NAMES[found],
            "TenantId": str(request.tenant_id),
            "Status": found,
        }
    )


def _turn(world: World, call: Call[StartTimedResetOperate] | Call[CloseTimedResetOperate], *, on: bool) -> Answer:
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    world.switches.turn(
        request.instance_id, tenant_id=request.tenant_id, on=on, pace=world.workings.switch, now=call.now
    )
    return Answer(data={"InstanceId": request.instance_id, "TenantId": request.tenant_id})


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "StartTimedResetOperate": start,
        "CloseTimedResetOperate": close,
        "QueryTimedResetOperateStatus": status,
    }
)

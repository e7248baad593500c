"""Events that calls and time bring about, as they are told to a tenant's callback address."""

from __future__ import annotations

from typing import Any

import msgspec

from device_agent.harness.state import tasks
from device_agent.harness.state.store import Row
from device_agent.harness.world import World


def tell_messages(world: World, *, now: float) -> None:
    """Messages whose saying has ended, by itself or by an interruption."""
    for row in world.messages.untold(now=now):
        data = {
            "sessionId": row["session_id"],
            "uniqueCode": row["unique_code"],
            "status": "INTERRUPTED" if row["interrupted"] else "FINISHED",
        }
        world.callbacks.tell("MESSAGE", data, tenant_id=row["tenant_id"])


def look_at_tasks(world: World, *, tenant_id: int, now: float) -> None:
    """Let a tenant's video tasks go on, and tell of those that ended."""
    for row in world.tasks.advance(tenant_id=tenant_id, pace=world.workings.video, now=now):
        if row["callback"]:
            world.callbacks.tell("VIDEO_TASK", _task_event(row), tenant_id=tenant_id)


def look_at_avatars(world: World, *, tenant_id: int, now: float) -> None:
    """Let the making of a tenant's 2D avatars go on, and tell of those that are made."""
    for row in world.avatars.advance(tenant_id=tenant_id, workings=world.workings, now=now):
        if row["callback"]:
            world.callbacks.tell("AVATAR", {"code": row["code"], "makeStatus": "3"}, tenant_id=tenant_id)


def let_time_tell(world: World) -> None:
    """Everything that the passing of time alone brings about, for every tenant."""
    now = world.clock.now()
    with world.store.transaction():
        tell_messages(world, now=now)
        for row in world.store.all("SELECT DISTINCT tenant_id FROM access_keys"):
            look_at_tasks(world, tenant_id=row["tenant_id"], now=now)
            look_at_avatars(world, tenant_id=row["tenant_id"], now=now)


def _task_event(row: Row) -> dict[str, Any]:
    params = row["callback_params"]
    try:
        passed_on = msgspec.json.decode(params) if params else None
    except msgspec.DecodeError:
        passed_on = params
    return {
        "taskUuid": row["task_uuid"],
        "status": str(tasks.FAILED),
        "failReason": tasks.NOT_MADE,
        "callbackParams": passed_on,
    }

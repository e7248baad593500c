"""Orders for videos: taken, followed, cancelled. The videos themselves are not made yet: every task ends as failed."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.operations.events import look_at_tasks
from device_agent.harness.refusal import BAD_PARAMETER, BusinessRefusal
from device_agent.harness.state import tasks
from device_agent.harness.state.store import Row
from device_agent.harness.world import World
from device_agent.spec.video_order import (
    SubmitAudioTo2DAvatarVideoTask,
    SubmitAudioTo3DAvatarVideoTask,
    SubmitAvatarVideoTask,
    SubmitTextTo2DAvatarVideoTask,
    SubmitTextTo3DAvatarVideoTask,
)
from device_agent.spec.video_task import CancelVideoTask, GetVideoTaskInfo, QueryVideoTaskInfo

Order = (
    SubmitAudioTo3DAvatarVideoTask
    | SubmitTextTo3DAvatarVideoTask
    | SubmitTextTo2DAvatarVideoTask
    | SubmitAudioTo2DAvatarVideoTask
    | SubmitAvatarVideoTask
)

IN_3D, IN_2D = 1, 3

DEFAULT_PAGE = 10


def submit(world: World, call: Call[Order], *, kind: int) -> Answer:
    """A task that waits."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app.app_id)
    if request.callback:
        world.callbacks.check(tenant_id=request.tenant_id)
    task_uuid = world.ids.uuid()
    world.tasks.add(
        {
            "task_uuid": task_uuid,
            "tenant_id": request.tenant_id,
            "app_id": request.app.app_id,
            "title": request.title,
            "type": kind,
            "operation": type(request).__name__,
            "order_json": msgspec.json.encode(request).decode(),
            "callback": int(bool(request.callback)),
            "callback_params": request.callback_params,
            "since": call.now,
        }
    )
    return Answer(data={"TaskUuid": task_uuid})


def get_video_task_info(world: World, call: Call[GetVideoTaskInfo]) -> Answer:
    """One task; its numbers are texts here."""
    row = _task(world, call, go_on=True)
    world.tasks.seen(row["task_uuid"])
    data = {"TaskUuid": row["task_uuid"], "Type": str(row["type"]), "Status": str(row["status"])}
    return Answer(data=data | _outcome(row))


def cancel_video_task(world: World, call: Call[CancelVideoTask]) -> Answer:
    """The end of a task that waits; any other stays what it is."""
    # An order to cancel is no look: where looks set the pace, it must find what the last look saw.
    row = _task(world, call, go_on=world.workings.video.reads is None)
    cancelled = world.tasks.cancel(row["task_uuid"])
    data: dict[str, Any] = {"TaskUuid": row["task_uuid"], "IsCancel": cancelled}
    if not cancelled:
        data["FailReason"] = "only a task that waits can be cancelled"
    return Answer(data=data)


def query_video_task_info(world: World, call: Call[QueryVideoTaskInfo]) -> Answer:
    """A page of tasks; their numbers are numbers here."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app.app_id)
    look_at_tasks(world, tenant_id=request.tenant_id, now=call.now)
    page_no, page_size = request.page_no or 1, request.page_size or DEFAULT_PAGE
    total, rows = world.tasks.page(
        {
            "tenant_id": request.tenant_id,
            "app_id": request.app.app_id,
            "task_uuid": request.task_uuid or None,
            "title": request.title or None,
            "type": request.type,
            "status": request.status,
        },
        newest_first=request.order_by_id != "asc",
        page_no=page_no,
        page_size=page_size,
    )
    listed = [
        {"TaskUuid": row["task_uuid"], "Title": row["title"], "Type": row["type"], "Status": row["status"]}
        | _outcome(row)
        for row in rows
    ]
    world.tasks.seen(*(row["task_uuid"] for row in rows))
    return Answer(data={"PageNo": page_no, "PageSize": page_size, "TotalCount": total, "List": listed})


def _task(world: World, call: Call[GetVideoTaskInfo] | Call[CancelVideoTask], *, go_on: bool) -> Row:
    """The task, after it went on to where it must be by now."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app.app_id)
    if go_on:
        look_at_tasks(world, tenant_id=request.tenant_id, now=call.now)
    row = world.tasks.find(request.task_uuid, tenant_id=request.tenant_id, app_id=request.app.app_id)
    if row is None:
        raise BusinessRefusal(BAD_PARAMETER, "TaskUuid names no task of this application")
    return row


def _outcome(row: Row) -> dict[str, Any]:
    if row["status"] != tasks.FAILED:
        return {}
    return {"TaskResult": {"FailReason": tasks.NOT_MADE, "FailCode": "HarnessMakesNoVideos"}}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "SubmitAudioTo3DAvatarVideoTask": functools.partial(submit, kind=IN_3D),
        "SubmitTextTo3DAvatarVideoTask": functools.partial(submit, kind=IN_3D),
        "SubmitTextTo2DAvatarVideoTask": functools.partial(submit, kind=IN_2D),
        "SubmitAudioTo2DAvatarVideoTask": functools.partial(submit, kind=IN_2D),
        "SubmitAvatarVideoTask": functools.partial(submit, kind=IN_3D),
        "GetVideoTaskInfo": get_video_task_info,
        "CancelVideoTask": cancel_video_task,
        "QueryVideoTaskInfo": query_video_task_info,
    }
)

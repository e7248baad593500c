"""Following the videos that were ordered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from device_agent.spec.fields import INT_MAX, Address, App, TenantId
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about

TaskUuid = Annotated[str, about("The task, as the order's answer named it.")]


class TaskOutcome(Wire, frozen=True, kw_only=True):
    """What became of a task; addresses work for seven days."""

    video_url: Address | None = None
    subtitles_url: Address | None = None
    word_subtitles_url: Address | None = None
    fail_reason: str | None = None
    fail_code: str | None = None
    video_duration: Annotated[int, about("Milliseconds.")] | None = None
    alpha_url: Annotated[Address, about("The matte that belongs to an mp4.")] | None = None
    preview_pic: Address | None = None
    attachment_url: Address | None = None


class GetVideoTaskInfoData(Wire, frozen=True, kw_only=True):
    """Data of ``GetVideoTaskInfo``; numbers are texts here."""

    task_uuid: str | None = None
    type: Annotated[str, about(meanings={"1": "3D video", "3": "2D video"})] | None = None
    status: (
        Annotated[
            str,
            about(
                meanings={
                    "1": "waiting",
                    "2": "running",
                    "3": "succeeded",
                    "4": "failed",
                    "5": "cancelled",
                    "6": "expired",
                }
            ),
        ]
        | None
    ) = None
    process: Annotated[str, about("Progress; the platform does not fill it yet.")] | None = None
    task_result: TaskOutcome | None = None


class GetVideoTaskInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``GetVideoTaskInfo``."""

    data: GetVideoTaskInfoData | None = None


class GetVideoTaskInfo(Request[GetVideoTaskInfoResult], frozen=True, kw_only=True):
    """Look one task up."""

    tenant_id: TenantId
    app: App
    task_uuid: TaskUuid


class CancelVideoTaskData(Wire, frozen=True, kw_only=True):
    """Data of ``CancelVideoTask``."""

    task_uuid: str | None = None
    is_cancel: bool | None = None
    fail_reason: str | None = None


class CancelVideoTaskResult(Result, frozen=True, kw_only=True):
    """Answer to ``CancelVideoTask``."""

    data: CancelVideoTaskData | None = None


class CancelVideoTask(Request[CancelVideoTaskResult], frozen=True, kw_only=True):
    """Cancel a task that is still waiting."""

    tenant_id: TenantId
    app: App
    task_uuid: TaskUuid


class VideoTask(Wire, frozen=True, kw_only=True):
    """One task of a list."""

    task_uuid: str | None = None
    title: str | None = None
    type: Annotated[int, about(meanings={1: "3D video", 3: "2D video"})] | None = None
    status: Annotated[int, about(meanings={1: "waiting", 2: "running", 3: "succeeded", 4: "failed"})] | None = None
    task_result: TaskOutcome | None = None


class QueryVideoTaskInfoData(Wire, frozen=True, kw_only=True):
    """Data of ``QueryVideoTaskInfo``: one page; expired and cancelled tasks are in none."""

    page_no: int | None = None
    page_size: int | None = None
    total_count: Annotated[int, about(long=True)] | None = None
    tasks: list[VideoTask] | None = msgspec.field(default=None, name="List")


class QueryVideoTaskInfoResult(Result, frozen=True, kw_only=True):
    """Answer to ``QueryVideoTaskInfo``."""

    data: QueryVideoTaskInfoData | None = None


class QueryVideoTaskInfo(Request[QueryVideoTaskInfoResult], frozen=True, kw_only=True):
    """List tasks, filtered and in pages."""

    tenant_id: TenantId
    app: App
    task_uuid: TaskUuid | None = None
    title: Annotated[str, about("Part of the title.", max_length=9)] | None = None
    type: Annotated[Literal[1, 3], about(meanings={1: "3D video", 3: "2D video"})] | None = None
    status: (
        Annotated[Literal[1, 2, 3, 4], about(meanings={1: "waiting", 2: "running", 3: "succeeded", 4: "failed"})] | None
    ) = None
    order_by_id: (
        Annotated[
            Literal["desc", "asc"], about(meanings={"desc": "newest first", "asc": "oldest first"}, default="desc")
        ]
        | None
    ) = None
    page_no: Annotated[int, about("From 1.", ge=1, le=INT_MAX, default=1)] | None = None
    page_size: Annotated[int, about(ge=1, le=100, default=10)] | None = None


FAMILY: tuple[Operation[Any], ...] = (
    Operation(
        request=GetVideoTaskInfo,
        result=GetVideoTaskInfoResult,
        family="video",
        methods=("GET",),
        repeat=Repeat.SAFE,
    ),
    Operation(request=CancelVideoTask, result=CancelVideoTaskResult, family="video", repeat=Repeat.NATURAL),
    Operation(
        request=QueryVideoTaskInfo,
        result=QueryVideoTaskInfoResult,
        family="video",
        methods=("POST", "GET"),
        repeat=Repeat.SAFE,
    ),
)

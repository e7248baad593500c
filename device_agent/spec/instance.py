"""Avatars that the platform draws and streams: start, stop, and what is running."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from device_agent.spec.fields import (
    Address,
    App,
    AppId,
    Locate,
    PitchRate,
    Secret,
    SessionId,
    SpeechRate,
    TenantId,
    Volume,
)
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about


class InstanceApp(Wire, frozen=True, kw_only=True):
    """The application a session is for; the platform lets it be absent here."""

    app_id: AppId | None = None


class User(Wire, frozen=True, kw_only=True):
    """Who talks to the avatar."""

    user_id: str | None = None
    user_name: Annotated[str, about(secret=True)] | None = None


class PushChannel(Wire, frozen=True, kw_only=True):
    """Where to push the stream, when the platform does not host it."""

    type: Annotated[Literal["RTMP"], about(meanings={"RTMP": "to an RTMP address"})] | None = None
    req_config: Annotated[dict[str, Any], about('For RTMP {"url": address}.', secret=True)] | None = None


class CommandRequest(Wire, frozen=True, kw_only=True):
    """How the stream looks."""

    alpha_switch: Annotated[bool, about("Stream with an alpha channel.")] | None = None
    back_ground_image_url: Annotated[Address, about("Picture in the stream's aspect ratio.")] | None = None
    locate: Locate | None = None


class InstanceVoice(Wire, frozen=True, kw_only=True):
    """How the avatar sounds."""

    pitch_rate: PitchRate | None = None
    speech_rate: SpeechRate | None = None
    voice: str | None = None
    volume: Volume | None = None


class RtcChannel(Wire, frozen=True, kw_only=True):
    """The channel to pull the stream from."""

    channel_id: str | None = None
    token: Secret | None = None
    type: str | None = None
    expired_time: Annotated[str, about("Milliseconds since 1970, or an ISO time.")] | None = None
    nonce: Secret | None = None
    user_id: str | None = None
    app_id: str | None = None
    user_info_in_channel: Secret | None = None
    gslb: list[str] | None = None


class StartInstanceData(Wire, frozen=True, kw_only=True):
    """Data of ``StartInstance``."""

    request_id: str | None = None
    session_id: str | None = None
    channel: Annotated[RtcChannel, about("Absent when the stream is pushed elsewhere.")] | None = None
    token: Secret | None = None


class StartInstanceResult(Result, frozen=True, kw_only=True):
    """Answer to ``StartInstance``."""

    data: StartInstanceData | None = None


class StartInstance(Request[StartInstanceResult], frozen=True, kw_only=True):
    """Start a session of a streamed avatar and learn where to pull its stream."""

    tenant_id: TenantId | None = None
    app: InstanceApp | None = None
    user: User | None = None
    channel: Annotated[PushChannel, about("Only to push the stream to another service.")] | None = None
    command_request: CommandRequest | None = None
    biz_id: Annotated[str, about("Calls with the same value start one session only.", max_length=64)] | None = None
    text_request: InstanceVoice | None = None


class StopInstanceData(Wire, frozen=True, kw_only=True):
    """Data of ``StopInstance``."""

    request_id: str | None = None
    session_id: str | None = None


class StopInstanceResult(Result, frozen=True, kw_only=True):
    """Answer to ``StopInstance``."""

    data: StopInstanceData | None = None


class StopInstance(Request[StopInstanceResult], frozen=True, kw_only=True):
    """End a session."""

    tenant_id: TenantId | None = None
    session_id: SessionId | None = None


class RunningInstance(Wire, frozen=True, kw_only=True):
    """One session that is running."""

    session_id: str | None = None
    channel: RtcChannel | None = None
    user: User | None = None
    token: Secret | None = None


class QueryRunningInstanceResult(Result, frozen=True, kw_only=True):
    """Answer to ``QueryRunningInstance``: newest first, at most 100; ended sessions are not in it."""

    data: list[RunningInstance] | None = None


class QueryRunningInstance(Request[QueryRunningInstanceResult], frozen=True, kw_only=True):
    """List the sessions that are running, or look one up."""

    tenant_id: TenantId
    app: App
    session_id: Annotated[SessionId, about("All that are running when left out.")] | None = None


FAMILY: tuple[Operation[Any], ...] = (
    Operation(
        request=StartInstance,
        result=StartInstanceResult,
        family="instance",
        repeat=Repeat.KEYED,
        repeat_key="BizId",
        request_id_in_data=True,
    ),
    Operation(
        request=StopInstance,
        result=StopInstanceResult,
        family="instance",
        repeat=Repeat.NATURAL,
        request_id_in_data=True,
    ),
    Operation(
        request=QueryRunningInstance,
        result=QueryRunningInstanceResult,
        family="instance",
        repeat=Repeat.SAFE,
    ),
)

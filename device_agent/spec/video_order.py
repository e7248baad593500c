"""Ordering videos: 3D and 2D avatars, from text, audio, or a template."""

from __future__ import annotations

from typing import Annotated, Any

from device_agent.spec.fields import App, Callback, CallbackParams, ExtParams, TenantId
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.video_fields import (
    AlphaFormat,
    Audio,
    AudioUrl,
    Avatar2d,
    Avatar3d,
    Background,
    IsAlpha,
    IsSubtitles,
    Resolution2d,
    Resolution3d,
    SpokenText,
    SubtitleEmbedded,
    SubtitleStyle,
    TaskResultEnvelope,
    TitleLong,
    TitleShort,
    Voice,
)
from device_agent.spec.wire import Request, Wire, about


class AudioVideo3d(Wire, frozen=True, kw_only=True):
    """The picture of a 3D video from audio."""

    resolution: Resolution3d | None = None
    is_alpha: IsAlpha | None = None
    background_image_url: Background | None = None
    alpha_format: AlphaFormat | None = None


class SubmitAudioTo3DAvatarVideoTaskResult(TaskResultEnvelope, frozen=True, kw_only=True):
    """Answer to ``SubmitAudioTo3DAvatarVideoTask``."""


class SubmitAudioTo3DAvatarVideoTask(Request[SubmitAudioTo3DAvatarVideoTaskResult], frozen=True, kw_only=True):
    """Order a video of a 3D avatar that speaks a given audio (some stock avatars and their descendants only)."""

    tenant_id: TenantId
    app: App
    title: TitleShort
    video_info: AudioVideo3d | None = None
    avatar_info: Avatar3d | None = None
    url: AudioUrl
    callback: Callback | None = None
    callback_params: CallbackParams | None = None
    ext_params: ExtParams | None = None
    audio_info: Audio | None = None


class TextVideo3d(Wire, frozen=True, kw_only=True):
    """The picture of a 3D video from text."""

    is_alpha: IsAlpha | None = None
    alpha_format: AlphaFormat | None = None
    is_subtitles: IsSubtitles | None = None
    subtitle_embedded: SubtitleEmbedded | None = None
    resolution: Resolution3d
    background_image_url: Background | None = None
    subtitle_style: SubtitleStyle | None = None


class SubmitTextTo3DAvatarVideoTaskResult(TaskResultEnvelope, frozen=True, kw_only=True):
    """Answer to ``SubmitTextTo3DAvatarVideoTask``."""


class SubmitTextTo3DAvatarVideoTask(Request[SubmitTextTo3DAvatarVideoTaskResult], frozen=True, kw_only=True):
    """Order a video of a 3D avatar that speaks a text."""

    tenant_id: TenantId
    app: App
    title: TitleLong
    text: SpokenText
    video_info: TextVideo3d | None = None
    avatar_info: Avatar3d | None = None
    audio_info: Voice | None = None
    callback: Callback | None = None
    callback_params: CallbackParams | None = None
    ext_params: ExtParams | None = None


class TextVideo2d(Wire, frozen=True, kw_only=True):
    """The picture of a 2D video from text."""

    is_alpha: IsAlpha | None = None
    alpha_format: AlphaFormat | None = None
    is_subtitles: IsSubtitles | None = None
    subtitle_embedded: SubtitleEmbedded | None = None
    background_image_url: Background | None = None
    resolution: Resolution2d | None = None
    subtitle_style: SubtitleStyle | None = None


class SubmitTextTo2DAvatarVideoTaskResult(TaskResultEnvelope, frozen=True, kw_only=True):
    """Answer to ``SubmitTextTo2DAvatarVideoTask``."""


class SubmitTextTo2DAvatarVideoTask(Request[SubmitTextTo2DAvatarVideoTaskResult], frozen=True, kw_only=True):
    """Order a video of a 2D avatar that speaks a text."""

    tenant_id: TenantId
    app: App
    title: TitleLong
    text: SpokenText
    video_info: TextVideo2d | None = None
    audio_info: Voice | None = None
    avatar_info: Avatar2d | None = None
    callback: Callback | None = None
    callback_params: CallbackParams | None = None
    ext_params: ExtParams | None = None


class AudioVideo2d(Wire, frozen=True, kw_only=True):
    """The picture of a 2D video from audio."""

    is_alpha: IsAlpha | None = None
    background_image_url: Background | None = None
    resolution: Resolution2d | None = None
    alpha_format: AlphaFormat | None = None


class SubmitAudioTo2DAvatarVideoTaskResult(TaskResultEnvelope, frozen=True, kw_only=True):
    """Answer to ``SubmitAudioTo2DAvatarVideoTask``."""


class SubmitAudioTo2DAvatarVideoTask(Request[SubmitAudioTo2DAvatarVideoTaskResult], frozen=True, kw_only=True):
    """Order a video of a 2D avatar that speaks a given audio."""

    tenant_id: TenantId
    app: App
    title: TitleShort
    video_info: AudioVideo2d | None = None
    avatar_info: Avatar2d | None = None
    audio_info: Audio | None = None
    url: AudioUrl
    callback: Callback | None = None
    callback_params: CallbackParams | None = None
    ext_params: ExtParams | None = None


class SubmitAvatarVideoTaskResult(TaskResultEnvelope, frozen=True, kw_only=True):
    """Answer to ``SubmitAvatarVideoTask``."""


class SubmitAvatarVideoTask(Request[SubmitAvatarVideoTaskResult], frozen=True, kw_only=True):
    """Order a video from a template that the platform made for a customer; it is charged."""

    tenant_id: TenantId
    app: App
    title: str
    video_params: Annotated[str, about("What the template asks for.", json_text=True, secret=True)]
    callback: Callback | None = None
    callback_params: CallbackParams | None = None
    ext_params: ExtParams | None = None


FAMILY: tuple[Operation[Any], ...] = (
    Operation(
        request=SubmitAudioTo3DAvatarVideoTask,
        result=SubmitAudioTo3DAvatarVideoTaskResult,
        family="video",
        repeat=Repeat.UNSAFE,
    ),
    Operation(
        request=SubmitTextTo3DAvatarVideoTask,
        result=SubmitTextTo3DAvatarVideoTaskResult,
        family="video",
        repeat=Repeat.UNSAFE,
    ),
    Operation(
        request=SubmitTextTo2DAvatarVideoTask,
        result=SubmitTextTo2DAvatarVideoTaskResult,
        family="video",
        repeat=Repeat.UNSAFE,
    ),
    Operation(
        request=SubmitAudioTo2DAvatarVideoTask,
        result=SubmitAudioTo2DAvatarVideoTaskResult,
        family="video",
        repeat=Repeat.UNSAFE,
    ),
    Operation(
        request=SubmitAvatarVideoTask,
        result=SubmitAvatarVideoTaskResult,
        family="video",
        repeat=Repeat.UNSAFE,
        plain_http=False,
        paid=True,
    ),
)

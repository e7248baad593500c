"""Objects that orders for videos share."""

from __future__ import annotations

from typing import Annotated, Literal

from device_agent.spec.fields import (
    Address,
    AvatarCode,
    Integer,
    Locate,
    PitchRate,
    SampleRate,
    SpeechRate,
    Volume,
)
from device_agent.spec.wire import Result, Wire, about

IsAlpha = Annotated[bool, about("Video with an alpha channel.", default=False)]
AlphaFormat = Annotated[
    Literal[1, 2, 3],
    about("Container of a video with alpha.", meanings={1: "webm", 2: "mov", 3: "mp4"}, default=1),
]
Resolution3d = Annotated[
    Literal[1, 2, 3, 4],
    about("Pixels.", meanings={1: "720x1280", 2: "1280x720", 3: "1080x1920", 4: "1920x1080"}),
]
Resolution2d = Annotated[
    Literal[3, 4],
    about("Pixels; which one works depends on the avatar.", meanings={3: "1080x1920", 4: "1920x1080"}),
]
Background = Annotated[Address, about("Picture in the video's aspect ratio.")]
IsSubtitles = Annotated[bool, about("A separate file of subtitles is made anyway.", default=True, deprecated=True)]
SubtitleEmbedded = Annotated[bool, about("Draw the subtitles into the picture.", default=False)]
Color = Annotated[str, about("Red, green, blue, alpha in hexadecimal.", pattern="^#[0-9A-Fa-f]{8}$")]
TitleShort = Annotated[str, about("Name of the task.", max_length=32)]
TitleLong = Annotated[str, about("Name of the task.", max_length=64)]
SpokenText = Annotated[str, about("Plain text or SSML.", max_length=1000, secret=True)]
AudioUrl = Annotated[Address, about("Audio under 30 minutes: 16 kHz, one channel, 16 bit.")]


class SubtitleStyle(Wire, frozen=True, kw_only=True):
    """How subtitles look."""

    name: Annotated[str, about("Font.", default="alibabapuhuiti")] | None = None
    color: Color | None = None
    outline_color: Color | None = None
    y: Annotated[Integer, about("Pixels from the upper edge.")] | None = None
    size: Annotated[int, about("Pixels.", ge=36, le=72, default=36)] | None = None


class Avatar3d(Wire, frozen=True, kw_only=True):
    """Which 3D avatar, and how it stands."""

    locate: Locate | None = None
    angle: (
        Annotated[
            Literal[0, 1, 2],
            about(meanings={0: "from the front", 1: "turned 30 degrees left", 2: "turned 30 degrees right"}, default=0),
        ]
        | None
    ) = None
    code: AvatarCode | None = None
    industry_code: (
        Annotated[
            Literal["default", "kefu", "live"],
            about(
                "Style of the gestures.",
                meanings={"default": "general", "kefu": "customer service", "live": "live streaming"},
                default="default",
            ),
        ]
        | None
    ) = None


class Avatar2d(Wire, frozen=True, kw_only=True):
    """Which 2D avatar, and where it stands (pixels)."""

    code: AvatarCode | None = None
    x: Integer | None = None
    y: Integer | None = None
    width: Integer | None = None
    height: Integer | None = None


class Audio(Wire, frozen=True, kw_only=True):
    """How a given audio is sampled."""

    sample_rate: SampleRate | None = None


class Voice(Wire, frozen=True, kw_only=True):
    """How a text is spoken."""

    voice: str | None = None
    speech_rate: SpeechRate | None = None
    volume: Volume | None = None
    pitch_rate: PitchRate | None = None
    sample_rate: SampleRate | None = None


class TaskData(Wire, frozen=True, kw_only=True):
    """The task that an order became."""

    task_uuid: str | None = None


class TaskResultEnvelope(Result, frozen=True, kw_only=True):
    """Answer to an order for a video."""

    data: TaskData | None = None

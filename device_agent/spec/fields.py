"""Fields and objects that many operations share."""

from __future__ import annotations

from typing import Annotated, Literal

from device_agent.spec.wire import Wire, about

LONG_MAX = 2**63 - 1
INT_MAX = 2**31 - 1

TenantId = Annotated[int, about("Number of the tenant.", long=True, ge=-LONG_MAX - 1, le=LONG_MAX)]
AppId = Annotated[str, about("Id of the application.")]
AvatarCode = Annotated[str, about("Code of the avatar.")]
SessionId = Annotated[str, about("Session of a running avatar, as StartInstance gave it.")]
Integer = Annotated[int, about(ge=-INT_MAX - 1, le=INT_MAX)]
Secret = Annotated[str, about(secret=True)]
Address = Annotated[str, about("Public address.", secret=True)]

UniqueCode = Annotated[str, about("Unlike that of any other request; comes back in callbacks.", max_length=64)]
Callback = Annotated[bool, about("Tell the address set in the console when it is done.", default=False)]
Feedback = Annotated[bool, about("Tell the address set in the console how it went.", default=False)]

PitchRate = Annotated[int, about("Voice lower or higher.", ge=-500, le=500)]
SpeechRate = Annotated[int, about("-500 is half the speed, 500 twice the speed.", ge=-500, le=500)]
Volume = Annotated[int, about(ge=0, le=100)]
SampleRate = Annotated[
    Literal[16000, 24000, 48000], about("Samples per second.", meanings={16000: "Hz", 24000: "Hz", 48000: "Hz"})
]
Locate = Annotated[
    Literal[0, 1, 2, 3, 4, 5, 6],
    about(
        "Camera.",
        meanings={
            0: "whole body from near",
            1: "head from near",
            2: "whole body from far",
            3: "upper body from near",
            4: "upper body from far",
            5: "from the left, near",
            6: "from the right, near",
        },
        default=0,
    ),
]
CallbackParams = Annotated[str, about("Comes back in the callback, when one is asked for.", json_text=True)]
ExtParams = Annotated[str, about("Reserved for the platform.", json_text=True)]


class App(Wire, frozen=True, kw_only=True):
    """The application a request is for."""

    app_id: AppId


class StreamExtension(Wire, frozen=True, kw_only=True):
    """One piece of a text that the caller streams and cuts itself."""

    is_stream: bool | None = None
    index: Annotated[Integer, about("Number of the piece.")] | None = None
    position: (
        Annotated[
            Literal["start", "mid", "end"], about(meanings={"start": "first", "mid": "in between", "end": "last"})
        ]
        | None
    ) = None

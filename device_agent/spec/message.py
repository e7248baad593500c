"""What a running avatar is told: text, VAML documents, commands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from device_agent.spec.fields import Feedback, SessionId, StreamExtension, TenantId, UniqueCode
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about


class MessageData(Wire, frozen=True, kw_only=True):
    """Data of ``SendText``, ``SendVaml`` and ``SendCommand``."""

    session_id: str | None = None
    unique_code: str | None = None


class SendTextResult(Result, frozen=True, kw_only=True):
    """Answer to ``SendText``."""

    data: MessageData | None = None


class SendText(Request[SendTextResult], frozen=True, kw_only=True):
    """Let a running avatar say a text."""

    tenant_id: TenantId
    session_id: SessionId
    text: Annotated[str, about("Plain text or SSML.", text_limit=1000, secret=True)]
    interrupt: Annotated[bool, about("Stop what is being said now.", default=True)] | None = None
    unique_code: UniqueCode
    feedback: Feedback | None = None
    stream_extension: Annotated[StreamExtension, about("Only for a text in pieces.")] | None = None


class SendVamlResult(Result, frozen=True, kw_only=True):
    """Answer to ``SendVaml``."""

    data: MessageData | None = None


class SendVaml(Request[SendVamlResult], frozen=True, kw_only=True):
    """Give a running avatar a VAML document: speech with behaviour marked up."""

    tenant_id: TenantId
    session_id: SessionId
    vaml: Annotated[str, about("The document.", secret=True)]


class SendCommandResult(Result, frozen=True, kw_only=True):
    """Answer to ``SendCommand``."""

    data: MessageData | None = None


class SendCommand(Request[SendCommandResult], frozen=True, kw_only=True):
    """Interrupt a running avatar or change its background."""

    tenant_id: TenantId
    session_id: SessionId
    code: Annotated[
        Literal["INTERRUPT", "CHANGE_BACKGROUND"],
        about(
            meanings={
                "INTERRUPT": "be silent; takes no Content and causes no callback",
                "CHANGE_BACKGROUND": "takes Content.backGroundImageUrl",
            }
        ),
    ]
    content: Annotated[dict[str, Any], about("What the command needs.", secret=True)] | None = None
    unique_code: UniqueCode
    feedback: Feedback | None = None


class MessageText(Wire, frozen=True, kw_only=True):
    """A text and what to do with it."""

    command_type: (
        Annotated[
            Literal["START", "HOLDING", "RESUME"],
            about(meanings={"START": "speak", "HOLDING": "pause", "RESUME": "go on"}),
        ]
        | None
    ) = None
    speech_text: Annotated[str, about("Plain text or SSML.", text_limit=1000, secret=True)] | None = None
    id: Annotated[str, about("Unlike that of any other request.", max_length=64)] | None = None
    interrupt: Annotated[bool, about("Stop what is being said now.", default=False)] | None = msgspec.field(
        default=None, name="interrupt"
    )


class MessageVaml(Wire, frozen=True, kw_only=True):
    """A VAML document."""

    code: Annotated[str, about("VAML_REQUEST, or nothing.")] | None = None
    vaml: Annotated[str, about("The document.", secret=True)] | None = None


class SendMessageData(Wire, frozen=True, kw_only=True):
    """Data of ``SendMessage``."""

    request_id: str | None = None
    session_id: str | None = None


class SendMessageResult(Result, frozen=True, kw_only=True):
    """Answer to ``SendMessage``."""

    data: SendMessageData | None = None


class SendMessage(Request[SendMessageResult], frozen=True, kw_only=True):
    """Text or VAML in one older call; the three above replace it."""

    session_id: SessionId | None = None
    tenant_id: TenantId | None = None
    text_request: MessageText | None = None
    vaml_request: MessageVaml | None = msgspec.field(default=None, name="VAMLRequest")
    feedback: Feedback | None = None
    stream_extension: Annotated[StreamExtension, about("Only for a text in pieces.")] | None = None


FAMILY: tuple[Operation[Any], ...] = (
    Operation(request=SendText, result=SendTextResult, family="message", repeat=Repeat.UNSAFE),
    Operation(request=SendVaml, result=SendVamlResult, family="message", repeat=Repeat.UNSAFE),
    Operation(request=SendCommand, result=SendCommandResult, family="message", repeat=Repeat.UNSAFE),
    Operation(
        request=SendMessage,
        result=SendMessageResult,
        family="message",
        repeat=Repeat.UNSAFE,
        request_id_in_data=True,
    ),
)

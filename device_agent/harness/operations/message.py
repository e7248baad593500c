"""What running avatars are told: said in turn, at once, or piece by piece."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.operations.events import tell_messages
from device_agent.harness.refusal import BAD_PARAMETER, EMPTY_PARAMETER, BusinessRefusal
from device_agent.harness.state.codes import spend_code
from device_agent.harness.state.messages import Saying
from device_agent.harness.world import World
from device_agent.spec.fields import StreamExtension
from device_agent.spec.message import SendCommand, SendMessage, SendText, SendVaml

_TAG = re.compile(r"<[^<>]*>")
_CODE_IN_VAML = re.compile(r"unique_?code\s*=\s*[\"']([^\"'<>]{1,64})[\"']", re.IGNORECASE)


def send_text(world: World, call: Call[SendText]) -> Answer:
    """A text to be said."""
    request = call.request
    _open(world, call, request.tenant_id, request.session_id)
    _promise(world, call, request.unique_code, name="UniqueCode", feedback=bool(request.feedback))
    saying = _saying(
        world,
        session_id=request.session_id,
        unique_code=request.unique_code,
        kind="text",
        content=request.text,
        interrupt=request.interrupt is not False,
        feedback=bool(request.feedback),
    )
    _say(world, call, saying, request.stream_extension)
    return Answer(data={"SessionId": request.session_id, "UniqueCode": request.unique_code})


def send_vaml(world: World, call: Call[SendVaml]) -> Answer:
    """A document to be performed; a unique code inside it comes back, else a new one does."""
    request = call.request
    _open(world, call, request.tenant_id, request.session_id)
    found = _CODE_IN_VAML.search(request.vaml)
    code = found.group(1) if found else world.ids.uuid()
    saying = _saying(
        world,
        session_id=request.session_id,
        unique_code=code,
        kind="vaml",
        content=request.vaml,
        interrupt=True,
        feedback=False,
    )
    _say(world, call, saying, None)
    return Answer(data={"SessionId": request.session_id, "UniqueCode": code})


def send_command(world: World, call: Call[SendCommand]) -> Answer:
    """Silence, or another background. An interruption causes no event of its own (documented)."""
    request = call.request
    _open(world, call, request.tenant_id, request.session_id)
    picture = (request.content or {}).get("backGroundImageUrl")
    if request.code == "CHANGE_BACKGROUND" and not isinstance(picture, str | None):
        raise BusinessRefusal(BAD_PARAMETER, "a parameter is not valid: Content.backGroundImageUrl is no text")
    if request.code == "CHANGE_BACKGROUND" and not picture:
        raise BusinessRefusal(EMPTY_PARAMETER, "a parameter is empty: Content.backGroundImageUrl")
    _promise(world, call, request.unique_code, name="UniqueCode", feedback=bool(request.feedback))
    if request.code == "INTERRUPT":
        world.messages.interrupt(request.session_id, now=call.now)
    else:
        saying = Saying(
            session_id=request.session_id,
            unique_code=request.unique_code,
            kind="background",
            content=str(picture),
            seconds=0.0,
            interrupt=False,
            feedback=bool(request.feedback),
        )
        world.messages.say(saying, now=call.now)
    tell_messages(world, now=call.now)
    return Answer(data={"SessionId": request.session_id, "UniqueCode": request.unique_code})


def send_message(world: World, call: Call[SendMessage]) -> Answer:
    """The older call: a text, a document, a pause or its end."""
    request = call.request
    for name, value in (("TenantId", request.tenant_id), ("SessionId", request.session_id)):
        if not value:
            raise BusinessRefusal(EMPTY_PARAMETER, f"a parameter is empty: {name}")
    text, vaml = request.text_request, request.vaml_request
    session_id = str(request.session_id)
    _open(world, call, request.tenant_id, session_id)
    speaks = text is not None and (text.command_type or "START") == "START"
    content = (text.speech_text if text is not None and speaks else None) or (vaml.vaml if vaml is not None else None)
    if not content and (text is None or speaks):
        raise BusinessRefusal(EMPTY_PARAMETER, "a parameter is empty: TextRequest.SpeechText or VAMLRequest.Vaml")
    code = (text.id if text is not None else None) or ""
    _promise(world, call, code, name="TextRequest.Id", feedback=bool(request.feedback))
    if content:
        saying = _saying(
            world,
            session_id=session_id,
            unique_code=code or world.ids.uuid(),
            kind="text" if text is not None and text.speech_text else "vaml",
            content=content,
            interrupt=bool(text and text.interrupt),
            feedback=bool(request.feedback),
        )
        _say(world, call, saying, request.stream_extension)
    return Answer(data={"SessionId": session_id})


def _open(world: World, call: Call[Any], tenant_id: int | None, session_id: str) -> None:
    world.accounts.admit(call.caller, tenant_id=tenant_id)
    world.sessions.running(session_id, tenant_id=call.caller.tenant_id)


def _promise(world: World, call: Call[Any], code: str, *, name: str, feedback: bool) -> None:
    """The code is new, and whoever wants to be told can be."""
    if feedback:
        if not code:
            raise BusinessRefusal("10010040", f"{name} is missing though a callback is asked for")
        world.callbacks.check(tenant_id=call.caller.tenant_id)
    if code:
        spend_code(world.store, scope=f"message {call.caller.tenant_id}", name=name, code=code)


def _saying(
    world: World, *, session_id: str, unique_code: str, kind: str, content: str, interrupt: bool, feedback: bool
) -> Saying:
    return Saying(
        session_id=session_id,
        unique_code=unique_code,
        kind=kind,
        content=content,
        seconds=len(_TAG.sub("", content)) / world.workings.speech,
        interrupt=interrupt,
        feedback=feedback,
    )


def _say(world: World, call: Call[Any], saying: Saying, stream: StreamExtension | None) -> None:
    if stream is None or not stream.is_stream:
        world.messages.say(saying, now=call.now)
    elif stream.index is None or stream.position is None:
        absent = "Index" if stream.index is None else "Position"
        raise BusinessRefusal(EMPTY_PARAMETER, f"a parameter is empty: StreamExtension.{absent}")
    elif stream.position == "start":
        world.messages.say(saying, now=call.now, piece=stream.index)
    else:
        world.messages.go_on(saying, now=call.now, piece=stream.index, last=stream.position == "end")
    tell_messages(world, now=call.now)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "SendText": send_text,
        "SendVaml": send_vaml,
        "SendCommand": send_command,
        "SendMessage": send_message,
    }
)

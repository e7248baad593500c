"""Deciding in a spoken dialogue who goes on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from device_agent.spec.fields import AppId, Integer, SessionId, TenantId
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about


class Round(Wire, frozen=True, kw_only=True):
    """What the user and the avatar said in one round."""

    user: Annotated[str, about(secret=True)] | None = None
    robot: Annotated[str, about(secret=True)] | None = None


class DialogContext(Wire, frozen=True, kw_only=True):
    """What was said before."""

    cur_utterance_idx: Integer | None = None
    histories: Annotated[list[Round], about("The last 20 rounds or so.")] | None = None


class DuplexDecisionData(Wire, frozen=True, kw_only=True):
    """Data of ``DuplexDecision``."""

    action_type: (
        Annotated[
            str,
            about(meanings={"INTERRUPT": "stop speaking", "NO_ACTION": "nothing", "UNDERTAKE": "go on with the text"}),
        ]
        | None
    ) = None
    output_text: Annotated[str, about(secret=True)] | None = None
    grab_type: (
        Annotated[str, about(meanings={"GRAB": "ask the service that answers", "NO_GRAB": "do not ask it"})] | None
    ) = None


class DuplexDecisionResult(Result, frozen=True, kw_only=True):
    """Answer to ``DuplexDecision``; ``Success`` is a text on this operation's wire."""

    data: DuplexDecisionData | None = None


class DuplexDecision(Request[DuplexDecisionResult], frozen=True, kw_only=True):
    """Decide from what was recognised whether the avatar stops, goes on, or answers."""

    tenant_id: TenantId
    app_id: AppId
    session_id: SessionId
    biz_request_id: Annotated[str, about("Unlike that of any other request.")]
    dialog_status: Annotated[
        Literal["ROBOT_TALK", "USER_TALK"],
        about(meanings={"ROBOT_TALK": "the avatar speaks", "USER_TALK": "the user speaks, the avatar does not"}),
    ]
    call_time: Annotated[Literal[0, 1], about(meanings={0: "inside a sentence", 1: "at its end"})]
    text: Annotated[str, about("What was recognised.", secret=True)]
    dialog_context: DialogContext | None = None
    interrupt_type: (
        Annotated[
            Literal[0, 1, 2],
            about(meanings={0: "by meaning", 1: "by the words given", 2: "by both"}, default=0),
        ]
        | None
    ) = None
    custom_keywords: (
        Annotated[list[Annotated[str, about(max_length=10)]], about("Needed for InterruptType 1.", max_length=100)]
        | None
    ) = None


FAMILY: tuple[Operation[Any], ...] = (
    Operation(request=DuplexDecision, result=DuplexDecisionResult, family="other", repeat=Repeat.SAFE),
)

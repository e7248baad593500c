"""Who goes on in a spoken dialogue.

The keyword way is the platform's: a custom word in what was heard interrupts. What the platform finds "by meaning" it
does not say; here the *stop-word and back-channel rule* stands in, named so that nobody takes it for the platform's:

- while the avatar speaks, a stop word interrupts at any time;
- a mere sign of listening ("mm", "好的") lets the avatar go on;
- anything else interrupts at the end of the user's sentence, and is to be answered; inside a sentence nothing happens;
- while the user speaks, the end of the sentence is to be answered, and before it nothing happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.refusal import EMPTY_PARAMETER, BusinessRefusal
from device_agent.harness.state.codes import spend_code
from device_agent.harness.world import World
from device_agent.spec.dialog import DuplexDecision

BY_MEANING, BY_WORDS, BY_BOTH = 0, 1, 2

STOP_WORDS = ("停", "等一下", "等等", "别说了", "打断", "stop", "wait", "hold on", "quiet")
BACK_CHANNELS = frozenset(
    [
        "嗯",
        "嗯嗯",
        "哦",
        "噢",
        "啊",
        "好",
        "好的",
        "对",
        "是",
        "是的",
        "行",
        "mm",
        "mhm",
        "mhmm",
        "aha",
        "ok",
        "okay",
        "yes",
        "yeah",
        "right",
    ]
)

_NOT_SPOKEN = re.compile(r"[^\w]+|_+")


def duplex_decision(world: World, call: Call[DuplexDecision]) -> Answer:
    """Fall silent, go on, or answer."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app_id)
    kind = request.interrupt_type or BY_MEANING
    words = [word for word in request.custom_keywords or () if word]
    if kind == BY_WORDS and not words:
        raise BusinessRefusal(EMPTY_PARAMETER, "a parameter is empty: CustomKeywords")
    spend_code(world.store, scope=f"duplex {request.tenant_id}", name="BizRequestId", code=request.biz_request_id)
    speaks = request.dialog_status == "ROBOT_TALK"
    if kind in (BY_WORDS, BY_BOTH) and speaks and _any_in(words, request.text):
        action, grab = "INTERRUPT", "NO_GRAB"
    elif kind == BY_WORDS and speaks:
        action, grab = "NO_ACTION", "NO_GRAB"
    else:
        action, grab = decide(request.text, speaks=speaks, ended=request.call_time == 1)
    return Answer(data={"ActionType": action, "GrabType": grab, "OutputText": request.text if grab == "GRAB" else ""})


def decide(text: str, *, speaks: bool, ended: bool) -> tuple[str, str]:
    """The stop-word and back-channel rule: action and whether to have it answered.

    Args:
        text: what was heard.
        speaks: the avatar is speaking.
        ended: the user's sentence has ended.
    """
    heard = _NOT_SPOKEN.sub(" ", text.casefold()).strip()
    if not heard:
        return "NO_ACTION", "NO_GRAB"
    if not speaks:
        return ("NO_ACTION", "GRAB") if ended else ("NO_ACTION", "NO_GRAB")
    if _any_in(STOP_WORDS, heard):
        return "INTERRUPT", "NO_GRAB"
    if heard in BACK_CHANNELS:
        return "UNDERTAKE", "NO_GRAB"
    return ("INTERRUPT", "GRAB") if ended else ("NO_ACTION", "NO_GRAB")


def _any_in(words: Iterable[str], text: str) -> bool:
    folded = text.casefold()
    return any(word.casefold() in folded for word in words)


HANDLERS: Mapping[str, Handler] = MappingProxyType({"DuplexDecision": duplex_decision})

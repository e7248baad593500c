"""Instances on and off, and who goes on in a dialogue."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from device_agent.harness.operations.dialog import decide

COUNT = itertools.count()


def status(device: Any) -> int:
    device.time.at += 1
    data = device.ask("QueryTimedResetOperateStatus", InstanceId="i")["Data"]
    assert data["TenantId"] == str(device.world.household.tenant_id)  # a text here, a number in the other two
    assert data["StatusStr"] == {10: "on", 11: "starting", 20: "off", 21: "stopping"}[data["Status"]]
    return int(data["Status"])


def turn(device: Any, operation: str) -> None:
    data = device.ask(operation, InstanceId="i")["Data"]
    assert data == {"InstanceId": "i", "TenantId": device.world.household.tenant_id}


def test_on_and_off(device: Any) -> None:
    assert status(device) == 20
    turn(device, "StartTimedResetOperate")
    assert [status(device), status(device), status(device)] == [11, 10, 10]
    turn(device, "StartTimedResetOperate")
    assert status(device) == 10
    turn(device, "CloseTimedResetOperate")
    assert [status(device), status(device), status(device)] == [21, 20, 20]


def test_switching_takes_its_time(device: Any) -> None:
    device.order("PUT", "/workings", {"switch": {"seconds": 60}})
    turn(device, "StartTimedResetOperate")
    device.time.at += 30
    turn(device, "StartTimedResetOperate")  # a repeat does not begin anew
    device.time.at += 28
    assert status(device) == 11
    assert status(device) == 10


def test_the_other_way_while_it_goes(device: Any) -> None:
    turn(device, "StartTimedResetOperate")
    turn(device, "CloseTimedResetOperate")
    assert [status(device), status(device)] == [21, 20]


def test_asking_more_than_once_a_second_is_throttled(device: Any) -> None:
    assert status(device) == 20
    device.time.at += 0.99
    response = device.ask("QueryTimedResetOperateStatus", InstanceId="i")
    assert response["Code"] == "Throttling.User"
    device.time.at += 0.01
    assert device.ask("QueryTimedResetOperateStatus", method="GET", InstanceId="i")["Code"] == "0"


def duplex(device: Any, text: str, **more: Any) -> Any:
    facts = {"SessionId": "s", "BizRequestId": f"b{next(COUNT)}", "DialogStatus": "ROBOT_TALK", "CallTime": 1}
    return device.ask("DuplexDecision", AppId=device.world.household.app_id, Text=text, **(facts | more))


def test_its_success_is_a_text(device: Any) -> None:
    assert duplex(device, "你好")["Success"] == "true"
    assert duplex(device, "你好", InterruptType=1)["Success"] == "false"


@pytest.mark.parametrize("call_time", [0, 1])
@pytest.mark.parametrize(
    ("kind", "words", "text", "action"),
    [
        (1, ["天猫"], "我要天猫精灵", "INTERRUPT"),
        (1, ["天猫"], "我要精灵", "NO_ACTION"),
        (1, ["Stop"], "please STOP", "INTERRUPT"),
        (1, ["x"], "停", "NO_ACTION"),
        (2, ["天猫"], "天猫", "INTERRUPT"),
        (2, ["天猫"], "停", "INTERRUPT"),
        (2, ["天猫"], "好的", "UNDERTAKE"),
        (0, ["好的"], "好的", "UNDERTAKE"),
    ],
)
def test_custom_words_decide_as_told(
    device: Any, kind: int, words: Any, text: str, action: str, call_time: int
) -> None:
    answer = duplex(device, text, InterruptType=kind, CustomKeywords=words, CallTime=call_time)
    assert answer["Data"] == {"ActionType": action, "GrabType": "NO_GRAB", "OutputText": ""}


@pytest.mark.parametrize(
    ("text", "speaks", "ended", "wanted"),
    [
        ("等一下", True, False, ("INTERRUPT", "NO_GRAB")),
        ("Wait!", True, True, ("INTERRUPT", "NO_GRAB")),
        ("嗯。", True, True, ("UNDERTAKE", "NO_GRAB")),
        ("OK", True, False, ("UNDERTAKE", "NO_GRAB")),
        ("今天天气怎么样", True, False, ("NO_ACTION", "NO_GRAB")),
        ("今天天气怎么样", True, True, ("INTERRUPT", "GRAB")),
        ("今天天气怎么样", False, True, ("NO_ACTION", "GRAB")),
        ("今天天气怎么样", False, False, ("NO_ACTION", "NO_GRAB")),
        ("……", True, True, ("NO_ACTION", "NO_GRAB")),
    ],
)
def test_the_stop_word_and_back_channel_rule(text: str, speaks: bool, ended: bool, wanted: Any) -> None:
    assert decide(text, speaks=speaks, ended=ended) == wanted


def test_what_is_to_be_answered_comes_back(device: Any) -> None:
    data = duplex(device, "今天天气怎么样")["Data"]
    assert data == {"ActionType": "INTERRUPT", "GrabType": "GRAB", "OutputText": "今天天气怎么样"}


def test_words_are_needed_and_limited(device: Any) -> None:
    def code(words: Any, kind: int = 1) -> str:
        return str(duplex(device, "x", InterruptType=kind, CustomKeywords=words)["Code"])

    assert code(None) == "10010001"
    assert code([]) == "10010001"
    assert code(["x" * 10]) == "0"
    assert code(["x" * 11]) == "10010002"
    assert code(["x"] * 100) == "0"
    assert code(["x"] * 101) == "10010002"


def test_a_request_id_is_good_once(device: Any) -> None:
    assert duplex(device, "x", BizRequestId="same")["Code"] == "0"
    assert duplex(device, "x", BizRequestId="same")["Code"] == "10010002"

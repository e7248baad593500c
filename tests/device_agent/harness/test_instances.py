"""Sessions of streamed avatars, and what they are told to say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

COUNT = itertools.count()


@pytest.fixture
def app(device: Any) -> dict[str, str]:
    return {"AppId": device.world.household.app_id}


@pytest.fixture
def session(device: Any, app: Any) -> str:
    return str(device.ask("StartInstance", App=app)["Data"]["SessionId"])


def say(device: Any, session: str, text: str, **more: Any) -> str:
    code = more.pop("UniqueCode", f"code-{next(COUNT)}")
    return str(device.ask("SendText", SessionId=session, Text=text, UniqueCode=code, **more)["Code"])


def queue(device: Any, session: str) -> list[tuple[str, str]]:
    return [(m["content"], m["state"]) for m in device.world.messages.queue(session, now=device.world.clock.now())]


def running(device: Any, app: Any, **more: Any) -> list[str]:
    return [row["SessionId"] for row in device.ask("QueryRunningInstance", App=app, **more)["Data"]]


def test_start_list_stop(device: Any, app: Any) -> None:
    user = {"UserId": "u 1", "UserName": "测试"}
    answer = device.ask("StartInstance", App=app, User=user)
    data = answer["Data"]
    assert "RequestId" not in answer
    assert data["RequestId"]
    assert set(data["Channel"]) == {
        "ChannelId",
        "Token",
        "Type",
        "ExpiredTime",
        "Nonce",
        "UserId",
        "AppId",
        "UserInfoInChannel",
        "Gslb",
    }
    assert data["Channel"]["ExpiredTime"] == str(int((device.time.at + 86400) * 1000))
    listed = device.ask("QueryRunningInstance", App=app)
    assert listed["RequestId"]
    (row,) = listed["Data"]
    assert (row["SessionId"], row["User"]) == (data["SessionId"], user)
    assert row["Channel"]["ExpiredTime"] == "2026-09-22T14:13:20Z"
    stopped = device.ask("StopInstance", SessionId=data["SessionId"])
    assert (stopped["Code"], stopped["Data"]["SessionId"]) == ("0", data["SessionId"])
    assert running(device, app) == []
    assert device.ask("StopInstance", SessionId=data["SessionId"])["Code"] == "10010014"


def test_one_biz_id_is_one_session_while_it_runs(device: Any, app: Any) -> None:
    first, second = (device.ask("StartInstance", App=app, BizId="b")["Data"] for _ in range(2))
    assert first["SessionId"] == second["SessionId"]
    assert first["Channel"] == second["Channel"]
    assert first["RequestId"] != second["RequestId"]
    device.ask("StopInstance", SessionId=first["SessionId"])
    assert device.ask("StartInstance", App=app, BizId="b")["Data"]["SessionId"] != first["SessionId"]
    assert device.ask("StartInstance", App=app, BizId="x" * 65)["Code"] == "10010002"
    assert device.ask("StartInstance", App=app, BizId="x" * 64)["Code"] == "0"


def test_a_pushed_stream_has_no_channel(device: Any, app: Any) -> None:
    push = {"Type": "RTMP", "ReqConfig": {"url": "rtmp://h/live?k=a b"}}
    assert "Channel" not in device.ask("StartInstance", App=app, Channel=push)["Data"]
    assert device.ask("StartInstance", App=app, Channel={"Type": "HLS"})["Code"] == "10010002"


def test_a_hundred_are_listed_newest_first(device: Any, app: Any) -> None:
    started = [device.ask("StartInstance", App=app)["Data"]["SessionId"] for _ in range(102)]
    assert running(device, app) == started[:1:-1]
    assert running(device, app, SessionId=started[0]) == [started[0]]
    assert running(device, app, SessionId="nobody") == []


def test_concurrency_has_an_end(device: Any, app: Any) -> None:
    device.order("PUT", "/workings", {"sessions": 1})
    first = device.ask("StartInstance", App=app)["Data"]["SessionId"]
    assert device.ask("StartInstance", App=app)["Code"] == "10010031"
    device.ask("StopInstance", SessionId=first)
    assert device.ask("StartInstance", App=app)["Code"] == "0"


def test_a_start_for_nobody_is_refused_with_its_request_id_in_data(device: Any) -> None:
    answer = device.ask("StartInstance")
    assert (answer["Success"], answer["Code"], "App.AppId" in answer["Message"]) == (False, "10010001", True)
    assert answer["Data"]["RequestId"]
    assert device.ask("StartInstance", App={"AppId": "other"})["Code"] == "10010003"


def test_messages_wait_for_each_other_or_interrupt(device: Any, session: str) -> None:
    assert say(device, session, "a" * 10) == "0"  # five characters a second
    assert say(device, session, "b" * 5, Interrupt="False") == "0"
    assert queue(device, session) == [("a" * 10, "speaking"), ("b" * 5, "waiting")]
    device.time.at += 2
    assert queue(device, session) == [("a" * 10, "said"), ("b" * 5, "speaking")]
    assert say(device, session, "c") == "0"  # interrupts unless told otherwise
    assert queue(device, session) == [("a" * 10, "said"), ("b" * 5, "interrupted"), ("c", "speaking")]
    device.time.at += 1
    assert queue(device, session)[-1] == ("c", "said")


def test_a_command_interrupts(device: Any, session: str) -> None:
    say(device, session, "a" * 10)
    say(device, session, "b", Interrupt="False")
    assert device.ask("SendCommand", SessionId=session, Code="INTERRUPT", UniqueCode="u")["Code"] == "0"
    assert {state for _, state in queue(device, session)} == {"interrupted"}
    device.time.at += 60
    assert {state for _, state in queue(device, session)} == {"interrupted"}


def test_a_background_needs_its_picture(device: Any, session: str) -> None:
    def change(content: Any, code: str) -> str:
        answer = device.ask(
            "SendCommand", SessionId=session, Code="CHANGE_BACKGROUND", Content=content, UniqueCode=code
        )
        return str(answer["Code"])

    assert change(None, "1") == "10010001"
    assert change({"backGroundImageUrl": ""}, "2") == "10010001"
    assert change({"backGroundImageUrl": 5}, "3") == "10010002"
    assert change({"backGroundImageUrl": "https://x/y.png"}, "4") == "0"
    assert queue(device, session) == [("https://x/y.png", "said")]


def test_a_unique_code_is_good_once(device: Any, session: str) -> None:
    assert say(device, session, "x", UniqueCode="same") == "0"
    assert say(device, session, "x", UniqueCode="same") == "10010002"
    assert device.ask("SendCommand", SessionId=session, Code="INTERRUPT", UniqueCode="same")["Code"] == "10010002"


def test_a_refused_message_does_not_use_its_code_up(device: Any, session: str) -> None:
    stream = {"IsStream": True, "Index": 2, "Position": "mid"}
    assert say(device, session, "x", UniqueCode="mine", StreamExtension=stream) == "10010002"
    assert say(device, session, "x", UniqueCode="mine") == "0"


def test_a_text_in_pieces_is_one_text_in_order(device: Any, session: str) -> None:
    def piece(text: str, index: int | None, position: str | None) -> str:
        stream = {"IsStream": True, "Index": index, "Position": position}
        return say(device, session, text, StreamExtension=stream)

    assert piece("one ", 1, "start") == "0"
    assert piece("three ", 3, "mid") == "10010002"
    assert piece("two ", 2, "mid") == "0"
    assert piece("two ", 2, "mid") == "10010002"
    assert piece("x", None, "mid") == "10010001"
    assert piece("x", 3, None) == "10010001"
    assert piece("three", 3, "end") == "0"
    assert piece("four", 4, "mid") == "10010002"
    assert [text for text, _ in queue(device, session)] == ["one two three"]


def test_tags_do_not_count_towards_the_length(device: Any, session: str) -> None:
    assert say(device, session, "<speak>" + "字" * 1000 + "</speak>") == "0"
    assert say(device, session, "字" * 1001) == "10010002"


def test_vaml_brings_its_own_code_or_gets_one(device: Any, session: str) -> None:
    vaml = '<vaml uniqueCode="mine"><say>hello</say></vaml>'
    assert device.ask("SendVaml", SessionId=session, Vaml=vaml)["Data"] == {"SessionId": session, "UniqueCode": "mine"}
    assert len(device.ask("SendVaml", SessionId=session, Vaml="<vaml/>")["Data"]["UniqueCode"]) == 36
    device.time.at += 0.4
    assert queue(device, session)[0][1] == "interrupted"


def test_the_older_call(device: Any, session: str) -> None:
    def send(**more: Any) -> Any:
        return device.ask("SendMessage", SessionId=session, **more)

    answer = send(TextRequest={"CommandType": "START", "SpeechText": "hello", "Id": "1", "interrupt": True})
    assert (answer["Code"], answer["Data"]["SessionId"], "RequestId" in answer) == ("0", session, False)
    assert answer["Data"]["RequestId"]
    assert send(TextRequest={"SpeechText": "again", "Id": "1"})["Code"] == "10010002"
    assert send(VAMLRequest={"Vaml": "<vaml>x</vaml>"})["Code"] == "0"
    assert send(TextRequest={"CommandType": "HOLDING"})["Code"] == "0"
    assert send()["Code"] == "10010001"
    assert send(TextRequest={"SpeechText": "x"}, Feedback="True")["Code"] == "10010040"
    assert [text for text, _ in queue(device, session)] == ["hello", "<vaml>x</vaml>"]


@pytest.mark.parametrize("operation", ["SendText", "SendVaml", "SendCommand", "SendMessage", "StopInstance"])
def test_a_session_that_is_closed_or_unknown(device: Any, session: str, operation: str) -> None:
    more: dict[str, Any] = {
        "SendText": {"Text": "x", "UniqueCode": "u"},
        "SendVaml": {"Vaml": "x"},
        "SendCommand": {"Code": "INTERRUPT", "UniqueCode": "u"},
        "SendMessage": {"TextRequest": {"SpeechText": "x"}},
        "StopInstance": {},
    }[operation]
    assert device.ask(operation, SessionId="nobody", **more)["Code"] == "10010014"
    device.ask("StopInstance", SessionId=session)
    assert device.ask(operation, SessionId=session, **more)["Code"] == "10010014"
    assert device.ask(operation, SessionId=session, **more, TenantId=1)["Code"] == "10010003"


def test_a_callback_needs_a_key_and_an_address(device: Any, session: str) -> None:
    assert say(device, session, "x", Feedback="True") == "10010041"
    device.world.callbacks.set_address(tenant_id=device.world.household.tenant_id, url="", auth_key="k")
    assert say(device, session, "x", Feedback="True") == "10010042"
    device.world.callbacks.set_address(tenant_id=device.world.household.tenant_id, url="http://c", auth_key="k")
    assert say(device, session, "x", Feedback="True") == "0"


def test_events_come_when_a_message_ends(device: Any, session: str, listener: Any) -> None:
    device.world.callbacks.set_address(tenant_id=device.world.household.tenant_id, url="http://c", auth_key="k")
    say(device, session, "a" * 10, Feedback="True", UniqueCode="first")
    say(device, session, "b" * 10, Feedback="True", UniqueCode="second", Interrupt="False")
    say(device, session, "c" * 10, UniqueCode="silent", Interrupt="False")
    assert listener.events() == []
    device.order("POST", "/time", {"move": 2.5})
    told = {"sessionId": session, "uniqueCode": "first", "status": "FINISHED"}
    assert listener.events() == [("MESSAGE", told)]
    device.time.at += 0
    command = device.request(
        "SendCommand",
        {
            "TenantId": str(device.world.household.tenant_id),
            "SessionId": session,
            "Code": "INTERRUPT",
            "UniqueCode": "stop",
        },
        headers={"x-acs-date": "2026-09-21T14:13:22Z"},
    )
    assert device.send(command).json()["Code"] == "0"
    assert listener.events()[1:] == [
        ("MESSAGE", {"sessionId": session, "uniqueCode": "second", "status": "INTERRUPTED"})
    ]
    device.order("POST", "/time", {"move": 60})
    assert len(listener.events()) == 2

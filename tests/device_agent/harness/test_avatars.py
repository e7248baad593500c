"""2D avatars being made, and the list of all of them."""

from __future__ import annotations

from typing import Any

import pytest


def create(device: Any, name: str = "me", **more: Any) -> str:
    answer = device.ask(
        "Create2dAvatar",
        Name=name,
        Portrait="http://x/p.png",
        Video="http://x/v.mp4",
        Transparent="False",
        Orientation=1,
        **more,
    )
    assert answer["Code"] == "0", answer
    return str(answer["Data"]["Code"])


def look(device: Any, code: str) -> tuple[str, str]:
    data = device.ask("QueryAvatar", Code=code)["Data"]
    return data["MakeStatus"], data["MakeStage"]


def test_making_goes_through_its_stages(device: Any) -> None:
    code = create(device, Description="d")
    assert code.startswith("CH_2d_")
    assert [look(device, code) for _ in range(5)] == [("1", "1"), ("1", "2"), ("1", "3"), ("3", "4"), ("3", "4")]
    data = device.ask("QueryAvatar", method="GET", Code=code)["Data"]
    assert (data["Name"], data["Description"], data["ModelType"], data["AvatarType"]) == ("me", "d", "2d", "1")
    assert data["SupportedResolutions"]["Online"] == [{"Width": 1080, "Height": 1920, "Desc": "1080x1920"}]


@pytest.mark.parametrize(("confirm", "end"), [("ACCEPT", ("3", "4")), ("DECLINE", ("2", "2"))])
def test_an_account_may_want_to_confirm_the_training(device: Any, confirm: str, end: Any) -> None:
    device.order("PUT", "/workings", {"confirm_training": True})
    code = create(device)
    assert device.ask("ConfirmAvatar2dTrain", Code=code, Confirm=confirm)["Code"] == "10010002"
    for _ in range(5):
        seen = look(device, code)
    assert seen == ("1", "2")
    assert device.ask("ConfirmAvatar2dTrain", Code=code, Confirm=confirm)["Code"] == "0"
    assert device.ask("ConfirmAvatar2dTrain", Code=code, Confirm=confirm)["Code"] == "10010002"
    for _ in range(5):
        seen = look(device, code)
    assert seen == end
    reason = device.ask("QueryAvatar", Code=code)["Data"].get("MakeFailReason")
    assert bool(reason) == (confirm == "DECLINE")


def test_nothing_to_confirm_where_it_was_not_asked_for(device: Any) -> None:
    code = create(device)
    look(device, code)
    look(device, code)
    assert device.ask("ConfirmAvatar2dTrain", Code=code, Confirm="ACCEPT")["Code"] == "10010002"


def test_changes_wait_until_it_is_made_and_a_video_until_it_failed(device: Any) -> None:
    code = create(device)
    assert device.ask("Update2dAvatar", Code=code, Name="new")["Code"] == "10010002"
    for _ in range(4):
        look(device, code)
    assert device.ask("Update2dAvatar", Code=code, Name="new", Orientation=2)["Data"] == {"Code": code}
    assert device.ask("QueryAvatar", Code=code)["Data"]["Name"] == "new"
    assert device.ask("Update2dAvatar", Code=code, Video="http://x/w.mp4")["Code"] == "10010002"
    assert device.order("POST", f"/avatars/{code}/failure", {"reason": "too dark"}).status_code == 200
    data = device.ask("QueryAvatar", Code=code)["Data"]
    assert (data["MakeStatus"], data["MakeFailReason"]) == ("2", "too dark")
    assert device.ask("Update2dAvatar", Code=code, Video="http://x/w.mp4")["Code"] == "0"
    assert look(device, code) == ("1", "1")


def test_the_lists(device: Any) -> None:
    codes = [create(device, str(number)) for number in range(12)]
    data = device.ask("QueryAvatarList", ModelType="2d")["Data"]
    assert (data["TotalCount"], data["TotalPage"], data["PageNo"], data["PageSize"]) == (12, 2, 1, 10)
    assert [row["Code"] for row in data["List"]] == codes[:1:-1]
    second = device.ask("QueryAvatarList", ModelType="2d", PageNo=2)["Data"]
    assert [row["Code"] for row in second["List"]] == codes[1::-1]
    in_3d = device.ask("QueryAvatarList", method="GET", ModelType="3d")["Data"]
    assert [(row["Code"], row["AvatarType"]) for row in in_3d["List"]] == [("CH_3d_tiny", "0")]
    assert device.ask("QueryAvatarList", ModelType="2d", PageSize=0)["Code"] == "10010002"
    assert device.ask("QueryAvatarList", ModelType="4d")["Code"] == "10010002"


def test_deleting(device: Any) -> None:
    code = create(device)
    assert device.ask("DeleteAvatar", Code=code)["Code"] == "0"
    assert device.ask("QueryAvatar", Code=code)["Code"] == "10010002"
    assert device.ask("DeleteAvatar", Code=code)["Code"] == "10010002"
    assert device.ask("DeleteAvatar", Code="CH_3d_tiny")["Code"] == "10010002"
    assert device.ask("QueryAvatar", Code="CH_3d_tiny")["Data"]["ModelType"] == "3d"


def test_the_end_of_the_making_is_told(device: Any, listener: Any) -> None:
    device.order("PUT", "/workings", {"avatar": {"seconds": 10}})
    device.order("PUT", "/callbacks", {"url": "http://c", "auth_key": "k"})
    listener.heard.clear()
    code = create(device, Callback="True")
    device.order("POST", "/time", {"move": 29})
    assert listener.events() == []
    device.order("POST", "/time", {"move": 1})
    assert listener.events() == [("AVATAR", {"code": code, "makeStatus": "3"})]

"""Orders for videos: taken, paced, listed, cancelled, told."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def app(device: Any) -> dict[str, str]:
    return {"AppId": device.world.household.app_id}


def order(device: Any, app: Any, title: str = "t", **more: Any) -> str:
    resolution = {"Resolution": 1}
    answer = device.ask("SubmitTextTo3DAvatarVideoTask", App=app, Title=title, Text="x", VideoInfo=resolution, **more)
    return str(answer["Data"]["TaskUuid"])


def look(device: Any, app: Any, task: str) -> dict[str, Any]:
    data: dict[str, Any] = device.ask("GetVideoTaskInfo", method="GET", App=app, TaskUuid=task)["Data"]
    return data


def listed(device: Any, app: Any, **filters: Any) -> list[str]:
    answer = device.ask("QueryVideoTaskInfo", App=app, **filters)
    return [row["Title"] for row in answer["Data"]["List"]]


def test_a_task_goes_on_with_each_look_and_says_why_it_fails(device: Any, app: Any) -> None:
    task = order(device, app)
    assert [look(device, app, task)["Status"] for _ in range(4)] == ["1", "2", "4", "4"]
    data = look(device, app, task)
    assert (data["TaskUuid"], data["Type"]) == (task, "1")
    assert data["TaskResult"]["FailReason"] == "the harness makes no videos yet"


def test_a_task_goes_on_at_once(device: Any, app: Any) -> None:
    device.order("PUT", "/workings", {"video": {}})
    assert look(device, app, order(device, app))["Status"] == "4"


def test_a_task_goes_on_with_time(device: Any, app: Any) -> None:
    device.order("PUT", "/workings", {"video": {"seconds": 10}})
    task = order(device, app)
    seen = []
    for _ in range(5):
        seen.append(look(device, app, task)["Status"])
        device.time.at += 5
    assert seen == ["1", "1", "2", "2", "4"]


def test_only_a_waiting_task_is_cancelled(device: Any, app: Any) -> None:
    first, second = order(device, app, "first"), order(device, app, "second")
    cancelled = device.ask("CancelVideoTask", App=app, TaskUuid=first)["Data"]
    assert cancelled == {"TaskUuid": first, "IsCancel": True}
    assert look(device, app, first)["Status"] == "5"
    look(device, app, second)
    look(device, app, second)
    late = device.ask("CancelVideoTask", App=app, TaskUuid=second)["Data"]
    assert (late["IsCancel"], bool(late["FailReason"])) == (False, True)
    assert listed(device, app) == ["second"]


def test_pages_and_filters(device: Any, app: Any) -> None:
    device.order("PUT", "/workings", {"video": {"seconds": 1000}})
    for number in range(12):
        order(device, app, f"title {number:02}")
    in_2d = device.ask("SubmitTextTo2DAvatarVideoTask", App=app, Title="flat", Text="x")["Data"]["TaskUuid"]
    everything = ["flat", *(f"title {number:02}" for number in range(11, -1, -1))]
    assert listed(device, app) == everything[:10]
    assert listed(device, app, PageNo=2) == everything[10:]
    assert listed(device, app, PageNo=3) == []
    assert listed(device, app, OrderById="asc", PageSize=3) == ["title 00", "title 01", "title 02"]
    assert listed(device, app, Type=3) == ["flat"]
    assert listed(device, app, TaskUuid=in_2d) == ["flat"]
    assert listed(device, app, Title="le 1") == ["title 11", "title 10"]
    assert listed(device, app, Status=2) == []
    data = device.ask("QueryVideoTaskInfo", method="GET", App=app, PageSize=1)["Data"]
    assert (data["PageNo"], data["PageSize"], data["TotalCount"]) == (1, 1, 13)
    assert (data["List"][0]["Type"], data["List"][0]["Status"]) == (3, 1)  # numbers here, texts in the other call


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"PageSize": 100}, "0"),
        ({"PageSize": 101}, "10010002"),
        ({"PageSize": 0}, "10010002"),
        ({"PageNo": 0}, "10010002"),
        ({"Status": 5}, "10010002"),
        ({"Type": 2}, "10010002"),
        ({"OrderById": "up"}, "10010002"),
        ({"Title": "123456789"}, "0"),
        ({"Title": "1234567890"}, "10010002"),
    ],
)
def test_limits_of_the_list(device: Any, app: Any, more: Any, code: str) -> None:
    assert device.ask("QueryVideoTaskInfo", App=app, **more)["Code"] == code


def test_a_result_is_kept_for_seven_days(device: Any, app: Any) -> None:
    device.order("PUT", "/workings", {"video": {"seconds": 0}})
    task = order(device, app)
    assert look(device, app, task)["Status"] == "4"
    device.time.at += 7 * 86400 - 1
    assert look(device, app, task)["Status"] == "4"
    device.time.at += 1
    assert look(device, app, task)["Status"] == "6"
    assert listed(device, app) == []


def test_a_task_of_another_application_is_not_there(device: Any, app: Any) -> None:
    world = device.world
    world.accounts.add_app("OTHER", tenant_id=world.household.tenant_id)
    task = order(device, app)
    assert device.ask("GetVideoTaskInfo", method="GET", App={"AppId": "OTHER"}, TaskUuid=task)["Code"] == "10010002"
    assert device.ask("CancelVideoTask", App={"AppId": "OTHER"}, TaskUuid=task)["Code"] == "10010002"


def test_post_is_not_for_the_one_that_is_read_with_get(device: Any, app: Any) -> None:
    assert device.ask("GetVideoTaskInfo", App=app, TaskUuid="x")["Code"] == "UnsupportedHTTPMethod"


def test_the_end_is_told(device: Any, app: Any, listener: Any) -> None:
    device.order("PUT", "/workings", {"video": {"seconds": 10}})
    assert (
        device.ask("SubmitAudioTo3DAvatarVideoTask", App=app, Title="t", Url="http://x/a.wav", Callback="True")["Code"]
        == "10010041"
    )
    device.order("PUT", "/callbacks", {"url": "http://c", "auth_key": "k"})
    listener.heard.clear()
    task = order(device, app, Callback="True", CallbackParams='{"mine":1}')
    order(device, app)
    device.order("POST", "/time", {"move": 19})
    assert listener.events() == []
    device.order("POST", "/time", {"move": 1})
    assert [(kind, data["taskUuid"], data["status"], data["callbackParams"]) for kind, data in listener.events()] == [
        ("VIDEO_TASK", task, "4", {"mine": 1})
    ]
    device.order("POST", "/time", {"move": 100})
    assert len(listener.events()) == 1

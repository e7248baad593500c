"""Faults strike where, when and as often as ordered, and do what they say."""

from __future__ import annotations

import asyncio
import json
from typing import Any, get_args

import httpx
import pytest

from device_agent.harness.faults import MEANINGS, Fault, Faults, Kind
from device_agent.harness.gateway import Gateway
from device_agent.harness.wire import WireRequest


def order(device: Any, kind: Any, **facts: Any) -> None:
    response = device.order("POST", "/faults", {"kind": kind, **facts})
    assert response.status_code == 200, response.text


def send(device: Any, operation: str = "LicenseAuth", **more: Any) -> httpx.Response:
    response: httpx.Response = device.send(device.request(operation, device.parameters(operation, **more)))
    return response


def test_skip_times_and_place() -> None:
    faults = Faults()
    faults.order(Fault(kind="http_500", on="ClientAuth", skip=1, times=2))
    strikes = [bool(faults.strike("ClientAuth", "http_500")) for _ in range(5)]
    assert strikes == [False, True, True, False, False]
    assert faults.table()[0].spent
    assert faults.strike("ClientStart", "http_500") is None


def test_for_ever_and_everywhere_until_lifted() -> None:
    faults = Faults()
    standing = faults.order(Fault(kind="captive", times=None))
    assert all(faults.strike(on, "captive") for on in ("assets", "ClientAuth", "") * 10)
    assert faults.strike("assets", "cut") is None
    assert faults.lift(standing.fault_id + 1) == []
    assert faults.lift(standing.fault_id) == [standing]
    assert faults.strike("assets", "captive") is None


def test_every_kind_is_explained() -> None:
    assert set(MEANINGS) == set(get_args(Kind))


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("http_500", 500, "InternalError"),
        ("throttle", 400, "Throttling.User"),
        ("token_expired", 400, "InvalidSecurityToken.Expired"),
        ("license_expired", 200, "10020001"),
        ("seat_taken", 200, "ClientAuth.SeatLimit"),
    ],
)
def test_a_refusal_instead_of_the_answer(device: Any, kind: str, status: int, code: str) -> None:
    order(device, kind, on="ClientAuth")
    response = send(device, "ClientAuth")
    assert (response.status_code, response.json()["Code"]) == (status, code)
    assert response.json()["RequestId"]
    assert device.world.seats.held() == []
    assert send(device, "ClientAuth").json()["Code"] == "0"


def test_throttling_may_say_how_long(device: Any) -> None:
    order(device, "throttle", retry_after_ms=1500)
    order(device, "throttle")
    assert send(device).headers["x-acs-retry-after"] == "1500"
    assert "x-acs-retry-after" not in send(device).headers


def test_the_captive_portal_answers_with_a_page(device: Any) -> None:
    order(device, "captive")
    response = send(device)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html")
    assert response.text.startswith("<!DOCTYPE html>")


def test_a_redirect_leads_to_another_host(device: Any) -> None:
    order(device, "redirect")
    response = send(device)
    assert (response.status_code, response.headers["location"]) == (302, "http://login.invalid/")


def test_dropped_before_serving_nothing_happened(device: Any) -> None:
    order(device, "drop_before", on="ClientAuth")
    with pytest.raises(ConnectionResetError):
        send(device, "ClientAuth")
    assert device.world.seats.held() == []


def test_dropped_after_serving_the_seat_is_taken(device: Any) -> None:
    order(device, "drop_after", on="ClientAuth")
    with pytest.raises(ConnectionResetError):
        send(device, "ClientAuth")
    assert len(device.world.seats.held()) == 1


def test_a_duplicate_meets_the_nonce(device: Any) -> None:
    order(device, "duplicate", on="ClientAuth")
    assert send(device, "ClientAuth").json()["Code"] == "SignatureNonceUsed"
    assert len(device.world.seats.held()) == 1


def test_a_clock_that_is_off_is_off_in_date_and_window(device: Any) -> None:
    order(device, "clock", seconds=1200)
    response = send(device)
    assert response.json()["Code"] == "InvalidTimeStamp.Expired"
    assert response.headers["date"] == "Mon, 21 Sep 2026 14:33:20 GMT"
    late = device.request(
        "LicenseAuth", device.parameters("LicenseAuth"), headers={"x-acs-date": "2026-09-21T14:33:20Z"}
    )
    assert device.send(late).json()["Code"] == "0"
    assert device.order("DELETE", "/faults").json() == {"lifted": 1}
    assert send(device).json()["Code"] == "0"


def test_latency_waits_before_anything_is_served(device: Any) -> None:
    waits: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        waits.append((seconds, len(device.world.seats.held())))

    gateway = Gateway(world=device.world, sleep=sleep)
    device.world.faults.order(Fault(kind="latency", seconds=2.5))
    request = device.request("ClientAuth", device.parameters("ClientAuth"))
    assert asyncio.run(gateway.serve(as_wire(request))).status == 200
    assert waits == [(2.5, 0)]
    assert len(device.world.seats.held()) == 1


def test_a_late_call_is_overtaken_and_arrives_all_the_same(device: Any) -> None:
    """What the caller gave up arrives when its time has come, after what was sent later; its window still counts."""
    order(device, "late", on="ClientAuth", seconds=100.0)
    with pytest.raises(ConnectionResetError):
        send(device, "ClientAuth")
    assert device.call("ClientUnbindDevice")["Success"] is True
    assert device.world.seats.held() == []
    device.time.at += 101
    send(device, "LicenseAuth")
    assert [seat["device_id"] for seat in device.world.seats.held()] == ["device-1"]
    asked = [record.operation for record in device.world.recorder.records()]
    assert asked == ["ClientUnbindDevice", "ClientAuth", "LicenseAuth"]


def test_a_late_call_after_its_window_or_after_a_reset_does_nothing(device: Any) -> None:
    order(device, "late", on="ClientAuth", seconds=2000.0, times=None)
    with pytest.raises(ConnectionResetError):
        send(device, "ClientAuth")
    device.time.at += 2001
    assert asyncio.run(device.app.deliver_late()) == 1
    assert device.world.recorder.records()[-1].outcome == "InvalidTimeStamp.Expired"
    assert device.world.seats.held() == []
    with pytest.raises(ConnectionResetError):
        send(device, "ClientAuth")
    device.world.reset()
    assert asyncio.run(device.app.deliver_late()) == 0


def test_reordered_answers_leave_the_other_way_round(device: Any) -> None:
    gateway = Gateway(world=device.world)
    device.world.faults.order(Fault(kind="reorder", on="LicenseAuth", seconds=30))
    left: list[str] = []

    async def call(operation: str) -> None:
        await gateway.serve(as_wire(device.request(operation, device.parameters(operation))))
        left.append(operation)

    async def both() -> None:
        first = asyncio.create_task(call("LicenseAuth"))
        await asyncio.sleep(0)
        await call("ClientStart")
        await first

    asyncio.run(both())
    assert left == ["ClientStart", "LicenseAuth"]
    assert [r.operation for r in device.world.recorder.records()] == ["LicenseAuth", "ClientStart"]


def as_wire(request: httpx.Request) -> WireRequest:
    return WireRequest(
        method=request.method,
        path=b"/",
        query=request.url.query,
        headers=tuple((name.decode().lower(), value.decode()) for name, value in request.headers.raw),
        body=request.content,
    )


def test_a_download_is_cut_after_so_many_bytes(device: Any) -> None:
    url = json.loads(device.call("Render3dAvatar")["Data"]["RenderData"])["url"]
    whole = device.get(url).content
    order(device, "cut", on="assets", bytes=1000)
    with pytest.raises(ConnectionResetError):
        device.get(url)
    cut = device.world.recorder.records(operation="assets")[-1]
    assert (cut.sent, cut.fault) == (1000, "cut")
    assert device.get(url).content == whole


def test_wrong_bytes_differ_in_one_bit(device: Any) -> None:
    url = json.loads(device.call("Render3dAvatar")["Data"]["RenderData"])["url"]
    whole = device.get(url).content
    order(device, "wrong_bytes", on="assets", bytes=5000)
    wrong = device.get(url).content
    assert len(wrong) == len(whole)
    assert [(i, a ^ b) for i, (a, b) in enumerate(zip(whole, wrong, strict=True)) if a != b] == [(5000, 0x80)]


def test_a_fault_that_is_none_is_refused(device: Any) -> None:
    for wrong in ({}, {"kind": "x"}, {"kind": "cut", "times": 0}, {"kind": "cut", "more": 1}, []):
        assert device.order("POST", "/faults", wrong).status_code == 400
    assert device.order("GET", "/faults").json()["faults"] == []

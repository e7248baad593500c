"""Licences and seats: who is let in, and every switch of the rules with both of its answers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from device_agent.harness.rules import SeatRules

FULL = "ClientAuth.SeatLimit"


def held(device: Any) -> list[str]:
    return [str(seat["device_id"]) for seat in device.world.seats.held()]


def bind(device: Any, name: str) -> str:
    return str(device.code("ClientAuth", DeviceId=name))


def test_the_life_of_a_device(device: Any) -> None:
    assert bind(device, "a") == "0"
    assert held(device) == ["a"]
    assert len(device.call("ClientStart")["Data"]["ImToken"]) >= 32
    assert device.code("ClientUnbindDevice", DeviceId="a") == "0"
    assert held(device) == []


def test_an_answer_without_data_has_none(device: Any) -> None:
    assert set(device.call("ClientAuth")) == {"RequestId", "Code", "Message", "Success"}
    assert set(device.call("ClientUnbindDevice")) == {"RequestId", "Code", "Message", "Success"}


@pytest.mark.parametrize("operation", ["LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar"])
@pytest.mark.parametrize("wrong", ["TenantId", "AppId"])
def test_a_wrong_tenant_or_application_has_no_access(device: Any, operation: str, wrong: str) -> None:
    body = device.call(operation, **{wrong: 1})
    assert (body["Success"], body["Code"]) == (False, "10010003")
    assert wrong in body["Message"]
    assert held(device) == []


def test_a_wrong_licence_has_no_access(device: Any) -> None:
    text = device.license.reveal()
    for wrong in ("x", text[:-1], text + "x", "x" + text):
        for operation in ("LicenseAuth", "ClientAuth"):
            body = device.call(operation, License=wrong)
            assert (body["Success"], body["Code"]) == (False, "10010003")
            assert wrong not in body["Message"] or wrong == "x"
    assert held(device) == []


def test_the_licence_of_another_application_has_no_access(device: Any) -> None:
    world = device.world
    world.office.issue(tenant_id=world.household.tenant_id, app_id="OTHER", seats=1)
    body = device.call("ClientAuth", AppId="OTHER")
    assert (body["Code"], "another application" in body["Message"]) == ("10010003", True)


@pytest.mark.parametrize(
    ("state", "code"), [("expired", "10020001"), ("released", "10020005"), ("cancelled", "10020006"), ("active", "0")]
)
def test_a_licence_that_has_ended(device: Any, state: Any, code: str) -> None:
    device.world.seats.set_state(1, state)
    for operation in ("LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar"):
        assert device.code(operation) == code
    assert device.code("ClientUnbindDevice") == "0"  # a seat can always be given back


def test_seats_are_counted_per_licence(device: Any) -> None:
    world = device.world
    second = world.office.issue(tenant_id=world.household.tenant_id, app_id=world.household.app_id, seats=1)
    assert [bind(device, name) for name in "abc"] == ["0", "0", FULL]
    assert device.code("ClientAuth", DeviceId="c", License=second.license.reveal()) == "0"
    assert held(device) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("repeat", "full_and_bound", "room"),
    list(itertools.product(("free", "counted"), ("admitted", "refused"), (True, False))),
)
def test_binding_again(device: Any, repeat: Any, full_and_bound: Any, room: bool) -> None:
    bind(device, "a")
    if not room:
        bind(device, "b")
    device.world.rules = SeatRules(repeat=repeat, full_and_bound=full_and_bound)
    answer = bind(device, "a")
    if room:
        assert answer == "0"
        assert held(device) == (["a"] if repeat == "free" else ["a", "a"])
    else:
        assert answer == ("0" if full_and_bound == "admitted" else FULL)
        assert held(device) == ["a", "b"]
    assert bind(device, "c") == ("0" if len(held(device)) < 2 or (room and repeat == "free") else FULL)


def test_unbinding_frees_every_seat_of_the_device(device: Any) -> None:
    device.world.rules = SeatRules(repeat="counted")
    bind(device, "a")
    bind(device, "a")
    assert device.code("ClientUnbindDevice", DeviceId="a") == "0"
    assert held(device) == []


@pytest.mark.parametrize(("after_unbind", "code"), [("allowed", "0"), ("refused", "10010003")])
def test_calls_after_unbinding(device: Any, after_unbind: Any, code: str) -> None:
    device.world.rules = SeatRules(after_unbind=after_unbind)
    bind(device, "a")
    assert [device.code(name) for name in ("ClientStart", "Render3dAvatar")] == ["0", "0"]
    device.call("ClientUnbindDevice", DeviceId="a")
    assert [device.code(name) for name in ("ClientStart", "Render3dAvatar")] == [code, code]
    assert device.code("LicenseAuth") == "0"


@pytest.mark.parametrize(("unknown_unbind", "code"), [("ok", "0"), ("error", "10010002")])
def test_unbinding_an_unknown_device(device: Any, unknown_unbind: Any, code: str) -> None:
    device.world.rules = SeatRules(unknown_unbind=unknown_unbind)
    bind(device, "a")
    assert device.code("ClientUnbindDevice", DeviceId="b") == code
    assert held(device) == ["a"]


@pytest.mark.parametrize(("left_out", "code"), [({"DeviceId": None}, "10010001"), ({"TenantId": None}, "10010001")])
@pytest.mark.parametrize("empty", [False, True])
def test_unbinding_nobody_in_particular_unbinds_nobody(device: Any, left_out: Any, code: str, empty: bool) -> None:
    bind(device, "a")
    if empty and "DeviceId" in left_out:
        left_out = {"DeviceId": ""}
    assert device.code("ClientUnbindDevice", **left_out) == code
    assert held(device) == ["a"]


def test_the_code_for_full_is_a_setting(device: Any) -> None:
    device.world.rules = SeatRules(full_code="10010031")
    assert [bind(device, name) for name in "abc"] == ["0", "0", "10010031"]


def test_an_unknown_avatar_is_a_bad_parameter(device: Any) -> None:
    assert device.code("Render3dAvatar", Code="CH_3d_nobody") == "10010002"

"""Requests and results as Python objects."""

from __future__ import annotations

import msgspec
import pytest

from device_agent.spec.client_render import ClientAuth, ClientUnbindDevice, LicenseAuth, LicenseAuthResult
from device_agent.spec.operation import Repeat, operation_of
from device_agent.spec.operations import OPERATIONS

CANARY = "CANARY-licence-text"


def test_a_secret_never_shows_in_a_repr() -> None:
    request = ClientAuth(tenant_id=1, app_id="a", license=CANARY, device_id="d", device_type="largeScreen")
    assert CANARY not in f"{request!r} {request}"
    assert "license=<hidden>" in repr(request)
    answer = msgspec.json.decode(
        b'{"Success":true,"Data":{"Token":"CANARY-licence-text"},"New":1}', type=LicenseAuthResult
    )
    assert answer.data is not None
    assert answer.data.token == CANARY
    assert CANARY not in repr(answer)


def test_names_on_the_wire_are_the_platform_s_and_absent_is_left_out() -> None:
    assert msgspec.to_builtins(LicenseAuth(tenant_id=2**63 - 1, app_id="", license="l")) == {
        "TenantId": 2**63 - 1,
        "AppId": "",
        "License": "l",
    }
    assert msgspec.to_builtins(ClientUnbindDevice(device_id="d")) == {"DeviceId": "d"}


def test_a_request_knows_its_operation() -> None:
    operation = operation_of(LicenseAuth(tenant_id=1, app_id="a", license="l"))
    assert operation is OPERATIONS["LicenseAuth"]
    assert operation.result is LicenseAuthResult


def test_a_device_is_never_unbound_without_naming_it() -> None:
    assert OPERATIONS["ClientUnbindDevice"].demanded == ("TenantId", "DeviceId")


@pytest.mark.parametrize(
    ("name", "repeat"), [("ClientAuth", Repeat.NATURAL), ("ClientStart", Repeat.UNSAFE), ("LicenseAuth", Repeat.SAFE)]
)
def test_only_harmless_calls_may_be_repeated(name: str, repeat: Repeat) -> None:
    assert OPERATIONS[name].repeat is repeat
    assert OPERATIONS[name].repeatable({}) == (repeat is not Repeat.UNSAFE)

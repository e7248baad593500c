"""One wrong thing in exactly one place, and the gateway's code for it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from device_agent.harness.console import Console, KeyOrder
from device_agent.harness.state.accounts import AccessKey

REQUEST_ID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}")


def refused(response: httpx.Response, status: int, code: str) -> None:
    body = response.json()
    assert (response.status_code, body["Code"]) == (status, code), body
    assert set(body) == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert REQUEST_ID.fullmatch(body["RequestId"])
    assert response.headers["x-acs-request-id"] == body["RequestId"]
    assert response.headers["date"]
    assert response.headers["content-type"].startswith("application/json")


def changed(request: httpx.Request, **parts: Any) -> httpx.Request:
    """The same request with a piece replaced after it was signed."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    headers |= parts.pop("headers", {})
    for name in parts.pop("without", ()):
        del headers[name]
    return httpx.Request(
        parts.get("method", request.method),
        parts.get("url", request.url),
        headers=headers,
        content=parts.get("content", request.content),
    )


def test_a_good_request_is_answered(device: Any) -> None:
    response = device.send(device.request("LicenseAuth", device.parameters("LicenseAuth")))
    assert response.status_code == 200
    body = response.json()
    assert (body["Success"], body["Code"]) == (True, "0")
    assert REQUEST_ID.fullmatch(body["RequestId"])
    assert len(body["Data"]["Token"]) >= 32


def test_parameters_may_come_as_a_form(device: Any) -> None:
    parameters = device.parameters("LicenseAuth")
    form = {"License": parameters.pop("License"), "AppId": parameters.pop("AppId")}
    assert device.send(device.request("LicenseAuth", parameters, form=form)).json()["Success"] is True


def _swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("signature", 400, "SignatureDoesNotMatch"),
        ("secret", 400, "SignatureDoesNotMatch"),
        ("parameter", 400, "SignatureDoesNotMatch"),
        ("parameter-added", 400, "SignatureDoesNotMatch"),
        ("signed-header", 400, "SignatureDoesNotMatch"),
        ("body", 400, "SignatureDoesNotMatch"),
        ("method", 403, "UnsupportedHTTPMethod"),
        ("key", 404, "InvalidAccessKeyId.NotFound"),
        ("algorithm", 400, "IncompleteSignature"),
        ("no-signed-headers", 400, "IncompleteSignature"),
        ("unsigned-acs-header", 400, "IncompleteSignature"),
        ("unsigned-host", 400, "IncompleteSignature"),
        ("signed-but-absent", 400, "IncompleteSignature"),
        ("no-body-hash", 400, "IncompleteSignature"),
        ("no-authorization", 400, "MissingAccessKeyId"),
        ("no-date", 400, "MissingTimestamp"),
        ("no-nonce", 400, "MissingSignatureNonce"),
        ("date-form", 400, "InvalidTimeStamp.Format"),
        ("date-impossible", 400, "InvalidTimeStamp.Format"),
        ("no-action", 400, "MissingAction"),
        ("no-version", 400, "MissingVersion"),
        ("action", 404, "InvalidApi.NotFound"),
        ("version", 404, "InvalidApi.NotFound"),
        ("path", 404, "InvalidApi.NotFound"),
        ("surplus-token", 400, "InvalidSecurityToken.MismatchWithAccessKey"),
    ],
)
def test_each_wrong_thing_has_its_code(device: Any, what: str, status: int, code: str) -> None:
    operation, parameters = "LicenseAuth", device.parameters("LicenseAuth")

    def good(**more: Any) -> httpx.Request:
        return device.request(operation, parameters, **more)

    def authorization(old: str, new: str) -> httpx.Request:
        request = good()
        return changed(request, headers={"authorization": _swap(request.headers["Authorization"], old, new)})

    plain = good()
    requests = {
        "signature": lambda: authorization("Signature=", "Signature=0"),
        "secret": lambda: good(secret="another"),
        "parameter": lambda: changed(plain, url=_swap(str(plain.url), "AppId=ALIPUB", "AppId=ALIPUX")),
        "parameter-added": lambda: changed(plain, url=f"{plain.url}&Z=1"),
        "signed-header": lambda: changed(good(headers={"x-acs-extra": "1"}), headers={"x-acs-extra": "2"}),
        "body": lambda: changed(plain, content=b"x"),
        "method": lambda: changed(plain, method="GET"),
        "key": lambda: good(key="LTAInobody"),
        "algorithm": lambda: authorization("ACS3-HMAC-SHA256", "ACS3-RSA-SHA256"),
        "no-signed-headers": lambda: authorization("SignedHeaders=", "Signed="),
        "unsigned-acs-header": lambda: good(headers={"x-acs-extra": "1"}, unsigned=("x-acs-extra",)),
        "unsigned-host": lambda: good(unsigned=("host",)),
        "signed-but-absent": lambda: changed(good(headers={"x-acs-extra": "1"}), without=("x-acs-extra",)),
        "no-body-hash": lambda: good(headers={"x-acs-content-sha256": None}),
        "no-authorization": lambda: changed(plain, without=("authorization",)),
        "no-date": lambda: good(headers={"x-acs-date": None}),
        "no-nonce": lambda: good(headers={"x-acs-signature-nonce": None}),
        "date-form": lambda: good(headers={"x-acs-date": "2026-09-21 14:53:20"}),
        "date-impossible": lambda: good(headers={"x-acs-date": "2026-02-30T00:00:00Z"}),
        "no-action": lambda: good(headers={"x-acs-action": None}),
        "no-version": lambda: good(headers={"x-acs-version": None}),
        "action": lambda: good(headers={"x-acs-action": "LicenseAuthh"}),
        "version": lambda: good(headers={"x-acs-version": "2022-01-31"}),
        "path": lambda: changed(plain, url=_swap(str(plain.url), "/?", "/x?")),
        "surplus-token": lambda: good(headers={"x-acs-security-token": "tok"}),
    }
    refused(device.send(requests[what]()), status, code)


@pytest.mark.parametrize(
    ("off", "answer"),
    [(-901, "InvalidTimeStamp.Expired"), (-900, "0"), (0, "0"), (900, "0"), (901, "InvalidTimeStamp.Expired")],
)
def test_the_window_is_fifteen_minutes_both_ways(device: Any, off: int, answer: str) -> None:
    when = device.time.at + off
    device.time.at, now = when, device.time.at
    request = device.request("LicenseAuth", device.parameters("LicenseAuth"))
    device.time.at = now
    response = device.send(request)
    assert response.json()["Code"] == answer
    assert response.headers["date"] == "Mon, 21 Sep 2026 14:13:20 GMT"


def test_a_nonce_is_good_once_in_thirty_one_minutes(device: Any) -> None:
    def again() -> httpx.Response:
        headers = {"x-acs-signature-nonce": "the-same"}
        return device.send(device.request("LicenseAuth", device.parameters("LicenseAuth"), headers=headers))

    assert again().json()["Code"] == "0"
    device.time.at += 1859
    refused(again(), 400, "SignatureNonceUsed")
    device.time.at += 1
    assert again().json()["Code"] == "0"


def test_a_forger_cannot_use_up_a_nonce(device: Any) -> None:
    headers = {"x-acs-signature-nonce": "mine"}
    parameters = device.parameters("LicenseAuth")
    refused(
        device.send(device.request("LicenseAuth", parameters, headers=headers, secret="x")),
        400,
        "SignatureDoesNotMatch",
    )
    assert device.send(device.request("LicenseAuth", parameters, headers=headers)).json()["Code"] == "0"


def test_a_nonce_stays_used_when_the_operation_refuses(device: Any) -> None:
    headers = {"x-acs-signature-nonce": "mine"}
    wrong = device.request("LicenseAuth", device.parameters("LicenseAuth", License="nonsense"), headers=headers)
    assert device.send(wrong).json()["Code"] == "10010003"
    refused(
        device.send(device.request("LicenseAuth", device.parameters("LicenseAuth"), headers=headers)),
        400,
        "SignatureNonceUsed",
    )


def test_a_refusal_shows_no_secret(device: Any) -> None:
    response = device.send(device.request("LicenseAuth", device.parameters("LicenseAuth"), secret="another"))
    text = response.text
    assert "ACS3-HMAC-SHA256" in text
    assert device.license.reveal()[:80] not in text
    assert device.world.household.access_key_secret not in text


def sts(device: Any, **facts: Any) -> dict[str, str]:
    return Console(world=device.world).add_key(KeyOrder(temporary=True, **facts))


def with_token(device: Any, key: dict[str, str], token: str | None) -> httpx.Response:
    return device.send(
        device.request(
            "LicenseAuth",
            device.parameters("LicenseAuth"),
            key=key["access_key_id"],
            secret=key["access_key_secret"],
            headers={"x-acs-security-token": token, "x-acs-accesskey-id": key["access_key_id"]},
        )
    )


def test_a_temporary_key_needs_its_token_while_it_lasts(device: Any) -> None:
    key = sts(device, expires_in=60)
    assert with_token(device, key, key["security_token"]).json()["Code"] == "0"
    refused(with_token(device, key, None), 400, "MissingSecurityToken")
    refused(with_token(device, key, key["security_token"] + "x"), 400, "InvalidSecurityToken.Malformed")
    device.time.at += 60
    refused(with_token(device, key, key["security_token"]), 400, "InvalidSecurityToken.Expired")


def test_a_key_may_be_denied_an_operation_or_be_off(device: Any) -> None:
    console = Console(world=device.world)
    kiosk = console.add_key(KeyOrder(denied=("ClientUnbindDevice",)))

    def send(operation: str, key: dict[str, str]) -> httpx.Response:
        facts = {"key": key["access_key_id"], "secret": key["access_key_secret"]}
        return device.send(device.request(operation, device.parameters(operation), **facts))

    assert send("ClientAuth", kiosk).json()["Code"] == "0"
    refused(send("ClientUnbindDevice", kiosk), 403, "Forbidden.RAM")
    off = console.add_key(KeyOrder(active=False))
    refused(send("ClientAuth", off), 400, "InvalidAccessKeyId.Inactive")


def test_a_bearer_token_needs_no_signature(device: Any) -> None:
    token = Console(world=device.world).add_bearer(expires_in=60)
    parameters = device.parameters("LicenseAuth") | {"SignatureType": "BEARERTOKEN"}

    def send(bearer: str) -> httpx.Response:
        request = device.request("LicenseAuth", parameters, headers={"x-acs-bearer-token": bearer})
        return device.send(changed(request, without=("authorization",)))

    assert send(token).json()["Code"] == "0"
    refused(send(token + "x"), 400, "InvalidBearerTokenException")
    device.time.at += 60
    refused(send(token), 400, "InvalidBearerTokenException")


def test_another_tenants_key_reaches_nothing_of_ours(device: Any) -> None:
    device.world.accounts.add_key(AccessKey(access_key_id="LTAIother", secret="s", tenant_id=1))
    for operation in ("LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar", "ClientUnbindDevice"):
        request = device.request(operation, device.parameters(operation), key="LTAIother", secret="s")
        body = device.send(request).json()
        assert (body["Success"], body["Code"]) == (False, "10010003")

"""Calls against a platform that answers in every way it can."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl
from uuid import UUID

import httpx
import pytest

from device_agent.api.client import Client
from device_agent.api.retry import NEVER, RetryPolicy
from device_agent.errors import (
    AgentError,
    ClockSkew,
    LicenseRefused,
    NetworkError,
    NotThePlatform,
    ParameterError,
    ParameterRefused,
    PermissionRefused,
    PlatformError,
    SeatsFull,
    ServerFault,
    SignatureRefused,
    Throttled,
    UsageError,
)
from device_agent.spec.client_render import ClientAuth, ClientStart, ClientUnbindDevice, LicenseAuth, Render3dAvatar

from .conftest import NOW, FakeClock, Platform, make_client, ok, refusal

CANARY = "CANARY+licence/text=="
LICENSE = LicenseAuth(tenant_id=1, app_id="app", license=CANARY)
AUTH = ClientAuth(tenant_id=1, app_id="app", license=CANARY, device_id="dev-1", device_type="largeScreen")
START = ClientStart(tenant_id=1, app_id="app")
RENDER = Render3dAvatar(tenant_id=1, app_id="app", code="CH_1")


def query(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))


def test_a_call_sends_what_the_platform_wants_and_gives_the_typed_result(client: Client, platform: Platform) -> None:
    platform.answers = [ok({"Token": "tok"})]
    result = client.call(LICENSE)
    assert result.data is not None
    assert (result.data.token, result.request_id, result.success) == ("tok", "R-1", True)
    (sent,) = platform.asked
    assert (sent.method, sent.url.path, sent.content) == ("POST", "/", b"")
    assert query(sent) == {"TenantId": "1", "AppId": "app", "License": CANARY}
    assert b"CANARY%2Blicence%2Ftext%3D%3D" in sent.url.raw_path
    assert sent.headers["x-acs-action"] == "LicenseAuth"
    assert sent.headers["x-acs-date"] == "2026-09-21T14:13:20Z"
    assert sent.headers["host"] == "platform.example"


@pytest.mark.parametrize(
    ("answer", "request_", "kind", "status"),
    [
        (refusal("10010003"), LICENSE, LicenseRefused, 4),
        (refusal("10010002"), AUTH, LicenseRefused, 4),
        (refusal("10020001"), START, LicenseRefused, 4),
        (refusal("10010018"), START, LicenseRefused, 4),
        (refusal("ClientAuth.SeatLimit"), AUTH, SeatsFull, 4),
        (refusal("10010003"), RENDER, PermissionRefused, 6),
        (refusal("10010002"), RENDER, ParameterRefused, 6),
        (refusal("10010031"), START, Throttled, 6),
        (refusal("never.seen"), AUTH, PlatformError, 6),
        (refusal("InvalidAccessKeyId.NotFound", status=404), START, SignatureRefused, 6),
        (refusal("SignatureDoesNotMatch", status=400), START, SignatureRefused, 6),
        (refusal("MissingAppId", status=400), START, ParameterRefused, 6),
        (refusal("Forbidden.RAM", status=403), START, PermissionRefused, 6),
        (refusal("Throttling.User", status=400), START, Throttled, 6),
        (refusal("InternalError", status=500), START, ServerFault, 6),
        (refusal("Strange", status=503), START, ServerFault, 6),
    ],
)
def test_a_refusal_is_the_error_of_its_cause(
    platform: Platform,
    clock: FakeClock,
    answer: httpx.Response,
    request_: LicenseAuth | ClientAuth | ClientStart | Render3dAvatar,
    kind: type[AgentError],
    status: int,
) -> None:
    platform.answers = [answer]
    with pytest.raises(AgentError) as caught:
        make_client(platform, clock, retry=NEVER).call(request_)
    error = caught.value
    assert type(error) is kind
    assert error.exit_status == status
    assert (error.operation, error.request_id) == (type(request_).__name__, "R-2")
    assert error.http_status == answer.status_code
    assert error.hint
    assert "https://platform.example" in error.where


@pytest.mark.parametrize("tenant_id", [1001, 10010, 10010003, 2222])
def test_a_short_parameter_hides_neither_the_code_nor_the_request_id(
    platform: Platform, clock: FakeClock, tenant_id: int
) -> None:
    request_id = "22221001-0010-4003-8000-0000100100032222"[:36]
    platform.answers = [httpx.Response(200, json={"Success": False, "Code": "10010003", "RequestId": request_id})]
    with pytest.raises(PermissionRefused) as caught:
        make_client(platform, clock, retry=NEVER).call(Render3dAvatar(tenant_id=tenant_id, app_id="a", code="CH_1"))
    assert (caught.value.code, caught.value.request_id) == ("10010003", request_id)


def test_http_200_with_success_false_raises_though_the_code_says_0(client: Client, platform: Platform) -> None:
    platform.answers = [httpx.Response(200, json={"Success": False, "Code": "0", "RequestId": "R-3"})]
    with pytest.raises(PlatformError) as caught:
        client.call(START)
    assert caught.value.request_id == "R-3"


def test_success_counts_whatever_the_code_says(client: Client, platform: Platform) -> None:
    platform.answers = [ok(Code="10010001", Message="no permission\n")]
    assert client.call(AUTH).code == "10010001"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html><title>Free Wi-Fi</title>", "no JSON, HTTP 200, starts with '<html>"),
        (200, b"", "HTTP 200, empty body"),
        (200, b"[]", "JSON of another shape"),
        (200, b"{}", "neither a result nor a refusal"),
        (200, b"null", "HTTP 200"),
        (200, b"\xff\xfe\x00", "no JSON"),
        (200, b'{"Success":true,"Data":{"ImToken":{"a":1}}}', "another type at Data.ImToken"),
        (200, b'{"Success":true,"Data":[]}', "another type at Data"),
        (200, b'{"status":"ok"}', "neither a result nor a refusal"),
        (404, b"not found", "HTTP 404"),
        (502, b"<html>Bad Gateway</html>", "HTTP 502"),
        (401, b'{"error":"login"}', "neither a result nor a refusal"),
        (200, b'{"Data":' + b"[" * 100_000, "no JSON"),
    ],
)
def test_an_answer_that_is_not_the_platform_s_is_told_as_such(
    platform: Platform, clock: FakeClock, status: int, body: bytes, words: str
) -> None:
    platform.answers = [httpx.Response(status, content=body)]
    with pytest.raises(NotThePlatform) as caught:
        make_client(platform, clock, retry=NEVER).call(START)
    assert words in str(caught.value)
    assert caught.value.http_status == status
    assert caught.value.exit_status == 5
    assert len(str(caught.value)) < 500


def test_a_redirect_is_not_followed(client: Client, platform: Platform) -> None:
    platform.answers = [httpx.Response(302, headers={"location": "http://portal.example/?x=1"})]
    with pytest.raises(NotThePlatform) as caught:
        client.call(LICENSE)
    assert caught.value.code == "network.redirect"
    assert len(platform.asked) == 1


def test_an_endless_answer_is_cut(client: Client, platform: Platform) -> None:
    platform.answers = [httpx.Response(200, content=b" " * (9 * 1024**2))]
    with pytest.raises(NotThePlatform, match="longer than 8 MiB"):
        client.call(LICENSE)


def gateway(clock: FakeClock, *, true_time: Callable[[], float]) -> Callable[[httpx.Request], httpx.Response]:
    """Refuses requests that are dated more than 15 minutes off, as the platform does."""

    def answer(request: httpx.Request) -> httpx.Response:
        from datetime import datetime

        dated = datetime.fromisoformat(request.headers["x-acs-date"]).timestamp()
        if abs(dated - true_time()) > 900:
            return refusal("InvalidTimeStamp.Expired", status=400, at=true_time())
        return ok({"ImToken": "t"}, at=true_time())

    return answer


@pytest.mark.parametrize("off_s", [1200, -1200, 86400 * 365, -86400 * 200, -NOW])
def test_a_wrong_clock_is_corrected_once_from_the_server_s_date(clock: FakeClock, off_s: float) -> None:
    platform = Platform([gateway(clock, true_time=lambda: NOW)])
    clock.wall_s = NOW + off_s
    client = make_client(platform, clock, retry=NEVER)
    client.call(START)
    assert len(platform.asked) == 2
    first, second = platform.asked
    assert first.headers["x-acs-signature-nonce"] != second.headers["x-acs-signature-nonce"]
    assert client.offset_s == pytest.approx(-off_s, abs=1)
    client.call(START)
    assert len(platform.asked) == 3, "what was learned stays"
    assert clock.slept == []


@pytest.mark.parametrize(
    "spoil",
    [
        {"date": ""},
        {"age": "30"},
        {"date": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"date": "garbage"},
        {"date": "Mon, 31 Feb 2028 00:00:00 GMT"},
        {"date": "Mon, 01 Foo 2028 00:00:00 GMT"},
        {"date": "Mon, 01 Feb 2028 25:00:00 GMT"},
        {"date": "Mon, 01 Feb 2028 00:00:00 CET"},
    ],
)
def test_a_date_that_cannot_be_believed_is_not_learned(clock: FakeClock, spoil: dict[str, str]) -> None:
    platform = Platform([refusal("InvalidTimeStamp.Expired", status=400, at=NOW + 5000, **spoil)])
    client = make_client(platform, clock)
    with pytest.raises(ClockSkew) as caught:
        client.call(START)
    assert len(platform.asked) == 1
    assert client.offset_s == 0
    assert caught.value.code == "InvalidTimeStamp.Expired"


def test_a_clock_that_stays_refused_ends_after_one_correction(clock: FakeClock) -> None:
    platform = Platform([refusal("InvalidTimeStamp.Expired", status=400, at=NOW + 5000)])
    with pytest.raises(ClockSkew):
        make_client(platform, clock).call(START)
    assert len(platform.asked) == 2


def test_a_large_change_needs_two_answers_that_agree(clock: FakeClock) -> None:
    platform = Platform([ok(at=NOW + 7200), ok(at=NOW + 50_000), ok(at=NOW + 7200), ok(at=NOW + 7210)])
    client = make_client(platform, clock)
    seen = []
    for _ in range(4):
        client.call(AUTH)
        seen.append(round(client.offset_s))
    assert seen[:3] == [0, 0, 0]
    assert seen[3] == pytest.approx(7210, abs=1)


def test_reads_are_repeated_with_a_fresh_nonce_and_date(platform: Platform, clock: FakeClock) -> None:
    platform.answers = [httpx.ReadTimeout("slow"), refusal("InternalError", status=500), ok()]
    make_client(platform, clock).call(LICENSE)
    assert len({request.headers["x-acs-signature-nonce"] for request in platform.asked}) == 3
    assert clock.slept == [0.5, 1.0]


def test_what_may_have_been_served_is_not_sent_twice(platform: Platform, clock: FakeClock) -> None:
    platform.answers = [httpx.ReadTimeout("slow"), ok({"ImToken": "t"})]
    client = make_client(platform, clock)
    with pytest.raises(NetworkError) as caught:
        client.call(START)
    assert caught.value.maybe_served
    assert len(platform.asked) == 1
    client.call(START, retry=RetryPolicy(repeat_unsafe=True))


def test_a_caller_who_must_know_is_told_of_every_unanswered_request(platform: Platform, clock: FakeClock) -> None:
    platform.answers = [refusal("Throttling", status=400), httpx.ReadTimeout("slow"), ok()]
    with pytest.raises(NetworkError):
        make_client(platform, clock).call(AUTH, retry=RetryPolicy(attempts=5, first_s=0.1, only_unserved=True))
    assert len(platform.asked) == 2


def test_what_never_left_is_sent_again(platform: Platform, clock: FakeClock) -> None:
    platform.answers = [httpx.ConnectError("refused"), refusal("Throttling.User", status=400), ok({"ImToken": "t"})]
    make_client(platform, clock).call(START)
    assert len(platform.asked) == 3


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({"retry-after": "7"}, [7.5]),
        ({"x-acs-retry-after": "1500"}, [2.0]),
        ({"retry-after": "soon"}, [0.5]),
        # A date counts from the answer's own, whatever this device's clock says.
        ({"retry-after": "Wed, 21 Oct 2026 07:28:07 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, [7.5]),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, [0.5]),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:07 GMT", "date": "yesterday"}, [0.5]),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:07 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT", "age": "9"}, [0.5]),
    ],
)
def test_the_platform_s_advice_is_followed(
    platform: Platform, clock: FakeClock, headers: dict[str, str], slept: list[float]
) -> None:
    platform.answers = [refusal("Throttling", status=400, **headers), ok()]
    make_client(platform, clock).call(LICENSE)
    assert clock.slept == slept


def test_an_advice_to_wait_for_hours_is_told_at_once(platform: Platform, clock: FakeClock) -> None:
    platform.answers = [refusal("Throttling", status=400, **{"retry-after": "7200"})]
    with pytest.raises(Throttled):
        make_client(platform, clock).call(LICENSE)
    assert clock.slept == []


def test_a_device_is_never_unbound_without_naming_it(client: Client, platform: Platform) -> None:
    for request in (ClientUnbindDevice(tenant_id=1), ClientUnbindDevice(tenant_id=1, device_id="")):
        with pytest.raises(ParameterError, match="DeviceId is needed"):
            client.call(request)
    assert platform.asked == []


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_what_is_no_time_to_wait_is_refused_and_nothing_is_sent(
    client: Client, platform: Platform, clock: FakeClock, seconds: float
) -> None:
    with pytest.raises(UsageError, match="timeout_s"):
        client.call(START, timeout_s=seconds)
    for name in ("timeout_s", "connect_timeout_s"):
        with pytest.raises(UsageError, match=name):
            make_client(platform, clock, **{name: seconds})
    assert platform.asked == []


@pytest.mark.parametrize(
    "value", [b"a", bytearray(b"a"), datetime(2026, 1, 1, tzinfo=UTC), Decimal(1), UUID(int=1), 1, ["a"]]
)
def test_a_text_is_a_text(client: Client, platform: Platform, value: object) -> None:
    with pytest.raises(ParameterError, match="AppId"):
        client.call(ClientStart(tenant_id=1, app_id=value))  # type: ignore[arg-type]
    assert platform.asked == []


def test_wrong_types_are_found_before_anything_is_sent(client: Client, platform: Platform) -> None:
    for request in (
        LicenseAuth(tenant_id=CANARY, app_id="a", license="l"),  # type: ignore[arg-type]
        LicenseAuth(tenant_id=2**63, app_id="a", license=CANARY),
        LicenseAuth(tenant_id=1, app_id="a", license=CANARY + "\ud800"),
    ):
        with pytest.raises(ParameterError) as caught:
            client.call(request)
        assert CANARY not in str(caught.value)
    assert platform.asked == []


def echoing(status: int, template: str) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        from urllib.parse import quote

        url = str(request.url)
        filled = template.format(url=url, twice=quote(url, safe=""), licence=query(request)["License"])
        return httpx.Response(status, content=filled.encode())

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        echoing(200, "{url}"),
        echoing(200, "<a href='http://portal/?to={twice}'>"),
        echoing(302, "Moved to {twice}"),
        echoing(400, '{{"Code":"SignatureDoesNotMatch","Message":"server string to sign is:POST&{twice}"}}'),
        echoing(400, '{{"Code":"Strange","Message":"bad licence {licence} in {url}"}}'),
        echoing(200, '{{"Success":false,"Code":"X","Message":"{licence}"}}'),
        echoing(200, '{{"Success":false,"Code":"{licence}","Message":""}}'),
        echoing(200, '{{"Success":true,"Data":{{"Token":["{licence}"]}}}}'),
        httpx.ReadTimeout("no"),
        httpx.ConnectError("[Errno 111] Connection refused"),
        httpx.RemoteProtocolError("illegal"),
    ],
)
def test_nothing_secret_leaves_in_messages_tracebacks_or_logs(
    platform: Platform, clock: FakeClock, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    caplog.set_level(logging.DEBUG)
    platform.answers = [answer]
    with pytest.raises(AgentError) as caught:
        make_client(platform, clock, retry=NEVER).call(LICENSE)
    error = caught.value
    told = "\n".join(
        [
            str(error),
            repr(error),
            repr(vars(error)),
            "".join(traceback.format_exception(error)),
            caplog.text,
            *(str(r.getMessage()) + str(r.args) for r in caplog.records),
        ]
    )
    for form in (CANARY, "CANARY", "testsecret", "%2Blicence", "%252Blicence", "?AppId"):
        assert form.lower() not in told.lower(), form


def test_a_request_whose_nonce_was_used_may_have_been_served(client: Client, platform: Platform) -> None:
    """Something on the way has sent it twice: what may not be served twice is not sent again."""
    platform.answers = [refusal("SignatureNonceUsed", status=400), ok()]
    with pytest.raises(SignatureRefused):
        client.call(START)
    assert len(platform.asked) == 1
    platform.answers = [refusal("SignatureNonceUsed", status=400), ok()]
    assert client.call(LICENSE).request_id == "R-1"


@pytest.mark.parametrize(
    "ill", [httpx.Response(502, content=b"<html>Bad Gateway</html>"), refusal("Weird", status=500)]
)
def test_an_outage_passes_whoever_tells_of_it(client: Client, platform: Platform, ill: httpx.Response) -> None:
    platform.answers = [ill, ok()]
    assert client.call(LICENSE).request_id == "R-1"
    platform.answers = [httpx.Response(404, content=b"<html>"), ok()]
    with pytest.raises(NotThePlatform):
        client.call(LICENSE)

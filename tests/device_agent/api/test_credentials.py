"""Credentials from each place they can come from, and never shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.api.credentials import Credentials, CredentialSource
from device_agent.api.credentials_chain import from_environment, from_settings
from device_agent.config import Settings
from device_agent.errors import AgentError, ConfigurationError, NetworkError, PermissionRefused
from device_agent.spec.client_render import ClientStart

from .conftest import NOW, FakeClock, Platform, make_client, ok, refusal

CANARY = "CANARY-secret"
START = ClientStart(tenant_id=1, app_id="app")


def resolved(source: CredentialSource) -> Credentials:
    """What a source gives that needs no exchange."""
    steps = source.resolve(now=NOW)
    with pytest.raises(StopIteration) as done:
        next(steps)
    found: Credentials = done.value.value
    return found


def expiring(at: float, **changes: Any) -> httpx.Response:
    document = {
        "Code": "Success",
        "AccessKeyId": f"STS.id.{at:.0f}",
        "AccessKeySecret": CANARY,
        "SecurityToken": f"token-{at:.0f}",
        "Expiration": datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return httpx.Response(200, json=document | changes)


def test_the_settings_come_first(tmp_path: Path) -> None:
    environ = {"AVATAR_AGENT_ACCESS_KEY_ID": "mine", "AVATAR_AGENT_ACCESS_KEY_SECRET": CANARY}
    settings = Settings.load(None, environ=environ, overrides={}, system_file=tmp_path / "none")
    others = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "theirs", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x"}
    found = resolved(from_settings(settings, environ=others))
    assert (found.access_key_id, found.origin) == ("mine", "environment AVATAR_AGENT_ACCESS_KEY_SECRET")
    half = Settings.load(
        None, environ={"AVATAR_AGENT_ACCESS_KEY_ID": "mine"}, overrides={}, system_file=tmp_path / "none"
    )
    with pytest.raises(ConfigurationError) as caught:
        from_settings(half, environ=others)
    assert caught.value.code == "credentials.half"


def test_the_environment_s_access_key() -> None:
    environ = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY}
    found = resolved(from_environment(environ))
    assert (found.access_key_id, found.access_key_secret.reveal(), found.security_token) == ("id", CANARY, None)
    found = resolved(from_environment({**environ, "ALIBABA_CLOUD_SECURITY_TOKEN": "tok"}))
    assert found.security_token is not None
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    ("text", "profile", "expected"),
    [
        (f"[default]\ntype=access_key\naccess_key_id=id1\naccess_key_secret={CANARY}%+=\n", "", "id1"),
        (f"[default]\naccess_key_id=no\naccess_key_secret=x\n[kiosk]\naccess_key_id = id2 # mine\n"
         f"access_key_secret={CANARY}\n", "kiosk", "id2"),
        (f"[default]\ntype=sts\naccess_key_id=id3\naccess_key_secret={CANARY}\nsecurity_token=t\n", "", "id3"),
    ],
)  # fmt: skip
def test_the_shared_file(tmp_path: Path, text: str, profile: str, expected: str) -> None:
    file = tmp_path / ".alibabacloud" / "credentials.ini"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    environ = {"HOME": str(tmp_path)} | ({"ALIBABA_CLOUD_PROFILE": profile} if profile else {})
    found = resolved(from_environment(environ))
    assert found.access_key_id == expected
    assert found.access_key_secret.reveal().startswith(CANARY)
    named = tmp_path / "other"
    file.rename(named)
    assert (
        resolved(from_environment({**environ, "ALIBABA_CLOUD_CREDENTIALS_FILE": str(named)})).access_key_id == expected
    )


@pytest.mark.parametrize(
    "text",
    [
        f"access_key_secret={CANARY}\n",
        f"[other]\naccess_key_secret={CANARY}\n",
        f"[default]\naccess_key_secret={CANARY}\n",
        f"[default]\ntype=rsa_key_pair\nx={CANARY}\n",
        f"[default]\ntype=sts\naccess_key_id=a\naccess_key_secret={CANARY}\n",
        None,
    ],
)
def test_a_file_that_cannot_be_used_says_so_without_its_content(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "creds"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        from_environment({"ALIBABA_CLOUD_CREDENTIALS_FILE": str(file)})
    assert caught.value.code == "credentials.file"
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None or CANARY not in str(caught.value.__cause__)


def test_nothing_at_all_names_the_places(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ALIBABA_CLOUD_CREDENTIALS_URI"):
        from_environment({"HOME": str(tmp_path)})


def signed_by(request: httpx.Request) -> str:
    return request.headers["authorization"].split("Credential=")[1].split(",")[0]


def platform_with_broker(clock: FakeClock, broker: Callable[[httpx.Request], httpx.Response]) -> Platform:
    def answer(request: httpx.Request) -> httpx.Response:
        return broker(request) if request.url.host == "127.0.0.1" else ok({"ImToken": "t"}, at=clock.wall_s)

    return Platform([answer])


def test_a_broker_is_asked_again_before_the_end(clock: FakeClock) -> None:
    ends = iter([NOW + 3600, NOW + 7200])
    platform = platform_with_broker(clock, lambda _request: expiring(next(ends)))
    source = from_environment({"ALIBABA_CLOUD_CREDENTIALS_URI": "http://127.0.0.1:99/creds?device=1"})
    client = make_client(platform, clock, credentials=source)
    for wait in (0, 3300, 300):
        clock.wall_s += wait
        client.call(START)
    asked = [request.url.host for request in platform.asked]
    assert asked == ["127.0.0.1", "platform.example", "platform.example", "127.0.0.1", "platform.example"]
    calls = [request for request in platform.asked if request.url.host == "platform.example"]
    assert [signed_by(call) for call in calls] == [f"STS.id.{NOW + 3600:.0f}"] * 2 + [f"STS.id.{NOW + 7200:.0f}"]
    assert calls[0].headers["x-acs-security-token"] == f"token-{NOW + 3600:.0f}"


def test_a_refresh_that_fails_costs_nothing_while_the_old_ones_last(clock: FakeClock) -> None:
    answers: list[Any] = [expiring(NOW + 600)]

    def broker(_request: httpx.Request) -> httpx.Response:
        answer = answers.pop(0) if answers else httpx.ConnectError("gone")
        if isinstance(answer, Exception):
            raise answer
        found: httpx.Response = answer
        return found

    client = make_client(
        platform_with_broker(clock, broker),
        clock,
        credentials=from_environment({"ALIBABA_CLOUD_CREDENTIALS_URI": "http://127.0.0.1/creds"}),
    )
    client.call(START)
    clock.wall_s += 500
    client.call(START)
    clock.wall_s += 200
    with pytest.raises(NetworkError):
        client.call(START)


@pytest.mark.parametrize(
    "code",
    ["InvalidSecurityToken.Expired", "InvalidAccessKeyId.NotFound", "SignatureDoesNotMatch", "Forbidden.RAM",
     "NoPermission"],
)  # fmt: skip
def test_credentials_that_the_platform_refuses_are_fetched_anew_once(clock: FakeClock, code: str) -> None:
    ends = iter([NOW + 3600, NOW + 3601, NOW + 3602])
    answers = [refusal(code, status=403), ok({"ImToken": "t"})]

    def answer(request: httpx.Request) -> httpx.Response:
        return expiring(next(ends)) if request.url.host == "127.0.0.1" else answers.pop(0)

    platform = Platform([answer])
    source = from_environment({"ALIBABA_CLOUD_CREDENTIALS_URI": "http://127.0.0.1/creds"})
    client = make_client(platform, clock, credentials=source)
    client.call(START)
    assert [request.url.host for request in platform.asked] == ["127.0.0.1", "platform.example"] * 2
    answers += [refusal(code, status=403)] * 2
    with pytest.raises(AgentError) as caught:
        client.call(START)
    assert caught.value.code == code
    assert len(platform.asked) == 4 + 3, "once, and no more"


def test_a_fetch_that_fails_costs_no_credentials_that_one_call_was_refused_with(clock: FakeClock) -> None:
    """V7: a right that is missing for one operation must not take the others along while the broker is away."""
    broker = iter([expiring(NOW + 3600), httpx.Response(500), httpx.Response(500)])
    answers = [refusal("Forbidden.RAM", status=403), refusal("Forbidden.RAM", status=403), ok({"ImToken": "t"})]

    def answer(request: httpx.Request) -> httpx.Response:
        return next(broker) if request.url.host == "127.0.0.1" else answers.pop(0)

    platform = Platform([answer])
    source = from_environment({"ALIBABA_CLOUD_CREDENTIALS_URI": "http://127.0.0.1/creds"})
    client = make_client(platform, clock, credentials=source)
    with pytest.raises(AgentError):
        client.call(START)
    client.call(START)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text=CANARY),
        httpx.Response(200, text=f"<html>{CANARY}"),
        httpx.Response(200, json=[CANARY]),
        httpx.Response(200, text='{"x":' + "[" * 5000),
        expiring(NOW, Code="Denied"),
        expiring(NOW, Expiration="soon"),
        expiring(NOW, Expiration="2026-01-01T00:00:00"),
        expiring(NOW, SecurityToken=""),
        expiring(NOW, AccessKeySecret={"x": CANARY}),
    ],
)
def test_a_broker_that_gives_none(clock: FakeClock, answer: httpx.Response) -> None:
    platform = platform_with_broker(clock, lambda _request: answer)
    source = from_environment({"ALIBABA_CLOUD_CREDENTIALS_URI": f"http://127.0.0.1/creds?key={CANARY}"})
    with pytest.raises(PermissionRefused) as caught:
        make_client(platform, clock, credentials=source).call(START)
    assert "http://127.0.0.1" in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("address", ["http://10.0.0.1/creds", "ftp://x", "nothing", "https://", "http://[::"])
def test_a_broker_s_address_must_be_safe(address: str) -> None:
    with pytest.raises(ConfigurationError):
        from_environment({"ALIBABA_CLOUD_CREDENTIALS_URI": address})


@pytest.mark.parametrize("role", ["kiosk role", ""])
def test_the_role_of_a_cloud_machine(clock: FakeClock, tmp_path: Path, role: str) -> None:
    paths = []

    def metadata(request: httpx.Request) -> httpx.Response:
        paths.append((request.method, request.url.raw_path.decode()))
        if request.method == "PUT":
            assert request.headers["x-aliyun-ecs-metadata-token-ttl-seconds"] == "21600"
            return httpx.Response(200, text="meta-token")
        assert request.headers["x-aliyun-ecs-metadata-token"] == "meta-token"
        return httpx.Response(200, text="kiosk role") if request.url.path.endswith("/") else expiring(NOW + 3600)

    environ = {"AVATAR_AGENT_METADATA": "http://127.0.0.1:1"}
    if role:
        environ["ALIBABA_CLOUD_ECS_METADATA"] = role
    else:
        file = tmp_path / "creds"
        file.write_text("[default]\ntype=ecs_ram_role\n", encoding="ascii")
        environ["ALIBABA_CLOUD_CREDENTIALS_FILE"] = str(file)
    client = make_client(platform_with_broker(clock, metadata), clock, credentials=from_environment(environ))
    client.call(START)
    base = "/latest/meta-data/ram/security-credentials/"
    listing = [] if role else [("GET", base)]
    assert paths == [("PUT", "/latest/api/token"), *listing, ("GET", base + "kiosk%20role")]

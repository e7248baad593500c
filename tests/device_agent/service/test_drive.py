"""The service's drive channel against the harness's, over real sockets."""

from __future__ import annotations

import io
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from device_agent.clock import SystemClock
from device_agent.config import Settings
from device_agent.drive import Message, Session
from device_agent.errors import ChannelRefused, ConfigurationError, NetworkError
from device_agent.harness.im.channels import ChannelRules
from device_agent.harness.serve import RunningHarness
from device_agent.secret import Secret
from device_agent.service.drive import Drive, checked, dialling
from device_agent.service.lines import Lines
from device_agent.service.report import Report
from tests.device_agent.api.servers import authority, ca_file, proxying, says, server_identity, serving, tls_of

PATIENCE_S = 20.0


def settings_of(folder: Path, **overrides: str) -> Settings:
    return Settings.load(None, environ={}, overrides=overrides, system_file=folder / "none")


class Tail(io.StringIO):
    """A log whose lines a test can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[dict[str, Any]] = queue.Queue()

    def write(self, text: str) -> int:
        self.lines.put(json.loads(text))
        return super().write(text)


@dataclass
class Desk:
    harness: RunningHarness
    settings: Settings
    report: Report = field(default_factory=Report)
    tail: Tail = field(default_factory=Tail)
    came: queue.Queue[Message] = field(default_factory=queue.Queue)
    asked: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.drive = Drive(
            clock=SystemClock(), dice=lambda: 0.0, report=self.report, log=Lines(stream=self.tail), environ={},
            ask_session=self.asked.set, deliver=self.came.put,
        )  # fmt: skip

    def session(self) -> Session:
        tenant_id, app_id = self.harness.ready.tenant_id, self.harness.ready.app_id
        token = self.harness.with_world(lambda world: world.channels.issue(tenant_id=tenant_id, app_id=app_id))
        return Session(token=Secret(token), tenant_id=tenant_id, app_id=app_id)

    def told(self, standing: str) -> dict[str, Any]:
        while (line := self.tail.lines.get(timeout=PATIENCE_S)).get("standing") != standing:
            pass
        return line


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with RunningHarness.start(tls=True) as harness:
        ready = harness.ready
        desk = Desk(harness=harness, settings=settings_of(tmp_path, drive_url=ready.im_url, ca_file=ready.ca_file))
        yield desk
        desk.drive.stop()


def test_a_session_opens_it_and_health_tells(desk: Desk) -> None:
    session = desk.session()
    desk.drive.session(desk.settings, session)
    desk.told("connected")
    assert desk.report.facts()["drive"] == "connected"
    assert "avatar_agent_drive_connected 1" in desk.report.metrics()
    desk.harness.channel(message={"type": "x"})
    assert desk.came.get(timeout=PATIENCE_S).content == {"type": "x"}
    assert 'avatar_agent_steps_total{step="drive message",result="ok"} 1' in desk.report.metrics()
    desk.harness.channel(cut=True)
    assert desk.told("lost")["reason"] == "network.cut"
    desk.told("connected")
    desk.drive.stop()
    assert desk.report.facts()["drive"] == ""
    assert session.token.reveal() not in desk.tail.getvalue() + repr(session)


def test_a_newer_session_under_the_same_settings_keeps_what_is_there(desk: Desk, tmp_path: Path) -> None:
    desk.drive.session(desk.settings, desk.session())
    desk.told("connected")
    before = desk.drive._line
    ready = desk.harness.ready
    desk.drive.session(settings_of(tmp_path, drive_url=ready.im_url, ca_file=ready.ca_file), desk.session())
    assert desk.drive._line is before
    assert len(desk.harness.channels()["open"]) == 1


def test_health_tells_that_it_is_lost(desk: Desk) -> None:
    desk.drive.session(desk.settings, desk.session())
    desk.told("connected")
    desk.harness.channel(end="CONNECTION_TIMEOUT")
    desk.told("lost")
    assert desk.report.facts()["drive"] == "waiting"


def test_a_refused_token_asks_for_another_session(desk: Desk) -> None:
    session = Session(token=Secret("s3cret-token"), tenant_id=1, app_id="APP")
    desk.drive.session(desk.settings, session)
    assert desk.told("refused")["next_s"] >= 60.0
    assert desk.asked.wait(PATIENCE_S)
    assert "s3cret" not in desk.tail.getvalue()


def test_a_token_that_is_refused_after_the_handshake_asks_for_another_session_too(desk: Desk) -> None:
    desk.harness.with_world(lambda world: setattr(world.channels, "rules", ChannelRules(refusal="packet")))
    desk.drive.session(desk.settings, Session(token=Secret("s3cret-token"), tenant_id=1, app_id="APP"))
    assert desk.told("refused")["reason"] == "TOKEN_INVALID"
    assert desk.asked.wait(PATIENCE_S)


def test_two_devices_with_one_identity_are_told(desk: Desk) -> None:
    session = desk.session()
    desk.drive.session(desk.settings, session)
    desk.told("connected")
    assert desk.report.facts()["doubled"] is False
    line = desk.drive._line
    assert line is not None
    for _ in range(3):
        desk.harness.channel(end="CONNECTION_KICK_OUT")
        desk.told("lost")
        line._channel._next_at = 0.0  # a minute has passed
        desk.drive.session(desk.settings, session)
        desk.told("connected")
    assert desk.report.facts()["doubled"] is True
    assert "avatar_agent_identity_doubled 1" in desk.report.metrics()
    assert '"doubled"' in desk.tail.getvalue()


def test_other_settings_make_another_channel(desk: Desk, tmp_path: Path) -> None:
    desk.drive.session(desk.settings, desk.session())
    desk.told("connected")
    desk.drive.session(settings_of(tmp_path), desk.session())
    assert desk.report.facts()["drive"] == ""
    desk.drive.session(desk.settings, desk.session())
    desk.told("connected")
    desk.drive.session(desk.settings, None)
    while desk.harness.channels()["open"]:
        pass


def test_a_channel_that_cannot_be_made_is_told_and_costs_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.drive.session(settings_of(tmp_path, drive_url="http://im.example/ws"), desk.session())
    line = desk.tail.lines.get(timeout=PATIENCE_S)
    assert (line["level"], line["code"]) == ("error", "config.drive")
    desk.drive.session(desk.settings, desk.session())
    desk.told("connected")


@pytest.mark.parametrize(
    "url",
    [
        "ws://im.example/ws",
        "https://im.example/ws",
        "wss:///ws",
        "wss://im.example/ws?t=1",
        "im.example",
        "wss://h/#x",
        "wss://[::1/ws",
        "wss://im.example:99999/ws",
        "wss://im.example:port/ws",
    ],
)
def test_addresses_that_are_none_or_would_show_the_token(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked(settings_of(tmp_path, drive_url=url))
    assert caught.value.code == "config.drive"


@pytest.mark.parametrize(
    "url", ["wss://im.example/ws", "ws://127.0.0.1:1/ws", "ws://localhost:1/ws", "ws://[::1]:9/ws"]
)
def test_addresses_that_are_good(tmp_path: Path, url: str) -> None:
    assert checked(settings_of(tmp_path, drive_url=url)) == url


def test_the_token_goes_as_the_vendor_s_client_sends_it_and_only_inside_tls(tmp_path: Path) -> None:
    root = authority()
    words = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"
    session = Session(token=Secret("a+b/c==&x=#y z"), tenant_id=7, app_id="APP")
    with (
        serving(says(words), tls=tls_of(server_identity(root, names=["im.example"]), tmp_path)) as server,
        proxying(to=server.port) as proxy,
    ):
        settings = settings_of(
            tmp_path, drive_url="wss://im.example/ws", ca_file=str(ca_file(root, tmp_path)),
            proxy=f"http://127.0.0.1:{proxy.port}",
        )  # fmt: skip
        dial = dialling(settings, environ={}, clock=SystemClock())
        with pytest.raises(ChannelRefused):
            dial(session)
    assert server.heard[0].startswith(b"GET /ws?t=a+b/c==%26x=%23y%20z&app=APP&tenant=7 HTTP/1.1\r\n")
    assert proxy.heard[0].startswith(b"CONNECT im.example:443 ")
    assert b"a+b/c" not in proxy.heard[0]


def test_an_authority_that_is_not_ours_hears_no_token(tmp_path: Path) -> None:
    root, other = authority(), authority("other")
    with serving(says(b""), tls=tls_of(server_identity(root), tmp_path)) as server:
        settings = settings_of(
            tmp_path, drive_url=f"wss://localhost:{server.port}/ws", ca_file=str(ca_file(other, tmp_path))
        )
        dial = dialling(settings, environ={}, clock=SystemClock())
        with pytest.raises(NetworkError) as caught:
            dial(Session(token=Secret("s3cret"), tenant_id=1, app_id="A"))
    assert caught.value.code == "network.tls_trust"
    assert caught.value.where == f"wss://localhost:{server.port}", "as the setting has it"
    assert server.heard == []
